"""What templates share when they change files: drafts read as code, and comments put above symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiex.jobs.generating.model import Code, Draft
from aiex.jobs.generating.project import decode


def as_code(draft: Draft) -> Code:
    """A draft as if it were there."""
    from aiex.context.reading import describe

    return Code(draft.path, decode(draft.after), draft.after, describe(draft.after, draft.path)[1])


def add_comments(code: Code, blocks: Mapping[int, Sequence[str]]) -> tuple[str, list[str]]:
    """The text with comments above those symbols that have no documentation, and the names that got one.

    A symbol that does not begin its line is left out, as is a second one of the same line.
    """
    lines = code.text.split("\n")
    given: dict[int, tuple[str, list[str]]] = {}
    for index, block in blocks.items():
        symbol = code.facts.symbols[index]
        at = symbol.start_line - 1
        if symbol.doc or at in given or at >= len(lines) or not block:
            continue
        line = lines[at]
        before = code.source[: symbol.start_byte].rpartition(b"\n")[2]
        if before.strip(b" \t\xef\xbb\xbf") and not before.strip().startswith(b"export"):
            continue
        white = line[: len(line) - len(line.lstrip(" \t"))]
        given[at] = (symbol.qualified, [f"{white}{one}" for one in block])
    for at in sorted(given, reverse=True):
        lines[at:at] = given[at][1]
    return "\n".join(lines), [name for name, _ in given.values()]


def find_symbol(code: Code, name: str) -> int:
    """The last function of a name that is in no other symbol but a module; -1 where there is none."""
    symbols = code.facts.symbols
    found = [
        index
        for index, one in enumerate(symbols)
        if one.name == name and (one.parent < 0 or symbols[one.parent].kind == "module")
    ]
    return found[-1] if found else -1
