"""Break points and prints that were put in to look for something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_JS = re.compile(r"(?<![\w.$])debugger\s*(?:;|$)")
_STOPS = {
    "python": re.compile(r"(?<![\w.])breakpoint\(\s*\)|(?<![\w.])i?pdb\.set_trace\(|^\s*import i?pdb\b"),
    "ruby": re.compile(r"(?<![\w.])(?:binding\.(?:pry|irb|b)\b|byebug\b)"),
    "rust": re.compile(r"(?<![\w.])dbg!\s*\("),
    "elixir": re.compile(r"(?<![\w.])(?:IEx\.pry|IO\.inspect|dbg)\b\s*\(?"),
    **dict.fromkeys(ECMASCRIPT, _JS),
}
_PRINTS = {
    "python": re.compile(r"^\s*print\((?!.*\bfile=)"),
    **dict.fromkeys(ECMASCRIPT, re.compile(r"(?<![\w.$])console\.(?:log|debug|trace)\(")),
}
_WORDS = (
    "cli bin script scripts tool tools example examples demo demos bench benchmark benchmarks command commands docs"
)
_TALKING = frozenset(_WORDS.split())
"""Files in these folders, or of these names, may talk to whoever runs them."""


def _find(change: FileChange) -> Iterator[Hit]:
    language = change.language
    if change.is_test or change.new is None:
        return
    if stops := _STOPS.get(language):
        for number, found in change.matches(stops):
            yield Hit(change.path, number, f"{_shown(found[0])} was left in", "take it out")
    prints = _PRINTS.get(language)
    if prints is None or _may_talk(change, prints):
        return
    for number, found in change.matches(prints):
        message = f"{_shown(found[0])} in a file that is no program"
        yield Hit(change.path, number, message, "log it, or take it out", severity="note")


def _shown(text: str) -> str:
    return text.strip(" \t(;")


def _may_talk(change: FileChange, prints: re.Pattern[str]) -> bool:
    """Whether a file is a program, or printed before."""
    assert change.new is not None  # noqa: S101  (the caller looked)
    words = re.split(r"[/._-]", change.path.lower())
    if not _TALKING.isdisjoint(words) or "main" in words:
        return True
    if change.new.data.startswith(b"#!") or change.new.facts.entry_line:
        return True
    if change.old is None:
        return False
    return any(prints.search(line) for line in change.old.lines)


RULE = Rule(
    "warning",
    "Debugging left in",
    "A break point stops whoever runs the code, and a print in a library talks into the output of its users.",
    in_file=_find,
    known_as=("T201", "T100", "no-console", "no-debugger"),
)
