"""Marks that a merge left in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule, Severity

_MARKS = (re.compile(r"<{7}(?: .*)?$"), re.compile(r"={7}$"), re.compile(r">{7}(?: .*)?$"))


def _find(change: FileChange) -> Iterator[Hit]:
    """Whole conflicts only: a row of signs alone underlines a heading."""
    begin = middle = 0
    for number, line in change.added_lines():
        if _MARKS[0].match(line):
            begin, middle = number, 0
        elif begin and _MARKS[1].match(line):
            middle = number
        elif middle and _MARKS[2].match(line):
            severity: Severity | None = "warning" if change.is_test else None  # it may be an example
            yield Hit(
                change.path, begin, "a merge conflict was not resolved", "keep one side, or both", number, severity
            )
            begin = middle = 0


RULE = Rule(
    "error",
    "Unresolved merge conflict",
    "The marks of a merge conflict are no code: the file is broken until one side is chosen.",
    in_file=_find,
    minds_moves=True,
)
