"""Edits written as a careful model writes them: the true difference of two texts in each format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher


def groups(before: list[str], after: list[str], around: int) -> Iterator[list[tuple[str, int, int, int, int]]]:
    yield from SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(around)


def lines_of(text: str) -> list[str]:
    """Lines with their line feeds; nothing else ends one."""
    *ended, rest = text.split("\n")
    return [line + "\n" for line in ended] + ([rest] if rest else [])


def hunks(before: str, after: str, around: int = 3) -> Iterator[tuple[str, str]]:
    old, new = lines_of(before), lines_of(after)
    for group in groups(old, new, around):
        yield "".join(old[group[0][1] : group[-1][2]]), "".join(new[group[0][3] : group[-1][4]])


def search_replace(path: str, before: str, after: str) -> str:
    made = [f"{path}\n````\n"]
    for old, new in hunks(before, after):
        made.append(f"<<<<<<< SEARCH\n{ended(old)}=======\n{ended(new)}>>>>>>> REPLACE\n")
    return "".join([*made, "````\n"])


def str_replace(path: str, before: str, after: str) -> str:
    return json.dumps([{"path": path, "old_str": old, "new_str": new} for old, new in hunks(before, after)])


def whole(path: str, _before: str, after: str) -> str:
    return f"{path}\n``````\n{ended(after)}``````\n"


def v4a(path: str, before: str, after: str) -> str:
    made = ["*** Begin Patch\n", f"*** Update File: {path}\n"]
    for body, _, _ in bodies(before, after, marks=False):
        made.append("@@\n" + body)
    return "".join([*made, "*** End Patch\n"])


def udiff(path: str, before: str, after: str) -> str:
    made = [f"--- a/{path}\n+++ b/{path}\n"]
    for body, old, new in bodies(before, after, marks=True):
        made.append(f"@@ -{span(*old)} +{span(*new)} @@\n{body}")
    return "".join(made)


def bodies(before: str, after: str, *, marks: bool) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    old, new = lines_of(before), lines_of(after)
    for group in groups(old, new, 3):
        body = []
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                body += [" " + line for line in old[old_start:old_end]]
            else:
                body += ["-" + line for line in old[old_start:old_end]]
                body += ["+" + line for line in new[new_start:new_end]]
        mark = "\n\\ No newline at end of file\n" if marks else "\n"
        text = "".join([line if line.endswith("\n") else line + mark for line in body])
        yield text, (group[0][1], group[-1][2]), (group[0][3], group[-1][4])


def span(start: int, end: int) -> str:
    return f"{start + (end > start)},{end - start}"


def ended(text: str) -> str:
    return text + "\n" if text and not text.endswith("\n") else text


WRITERS: dict[str, Callable[[str, str, str], str]] = {
    "search_replace": search_replace,
    "str_replace": str_replace,
    "udiff": udiff,
    "v4a": v4a,
    "whole": whole,
}
