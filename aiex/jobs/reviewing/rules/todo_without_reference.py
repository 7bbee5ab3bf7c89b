"""Notes of work to be done that do not say where it is followed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_MARK = re.compile(r"\b(?:TODO|FIXME)\b(?!\s*[/|,])")
_REFERENCE = re.compile(
    r"#\d+|https?://|\b[A-Z][A-Z0-9]+-\d+\b|\b(?:TODO|FIXME)\s*[(\[][^)\]]+[)\]]|\b[0-9a-f]{7,40}\b"
)


def _find(change: FileChange) -> Iterator[Hit]:
    if not change.language or change.new is None:
        return
    for number, found in change.matches(_MARK, at="comment"):
        if not _REFERENCE.search(change.new.lines[number - 1]):
            yield Hit(change.path, number, f"{found[0]} names no issue", "say where the work is followed, or do it now")


RULE = Rule(
    "note",
    "TODO without a reference",
    "What is noted in code alone is forgotten: an issue, a link or a name says who will do it.",
    in_file=_find,
    known_as=("FIX002", "TD003", "TD002", "fixme"),
)
