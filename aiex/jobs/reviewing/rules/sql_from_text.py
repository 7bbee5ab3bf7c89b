"""SQL statements that values are written into."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT, added_calls, is_put_together
from aiex.jobs.reviewing.diff import LONGEST_LINE, FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_WORDS = (
    "execute executemany executescript query queryrow exec raw execcontext querycontext queryrowcontext"
    " executequery executeupdate preparestatement $queryrawunsafe $executerawunsafe"
)
_CALLEES = frozenset(_WORDS.split())
_STATEMENT = re.compile(
    r"\b(?:select\b.*\bfrom|insert\s+into|update\b.*\bset|delete\s+from|drop\s+(?:table|index)|alter\s+table)\b",
    re.IGNORECASE | re.DOTALL,
)
_VALUE_HOLE = re.compile(
    r"(?:[=<>]|\b(?:like|limit|offset|between|values\s*\([^)]*)|\bin\s*\()\s*['\"%]*\s*"
    r"(?:\$?\{(?![^{}]*(?:placeholder|mark|question|[?]))|%[sdvq]|#\{|[\"'`]\s*\+)",
    re.IGNORECASE,
)
"""A hole where a value stands. Names of tables and columns cannot be parameters, so these are no finding."""


def _find(change: FileChange) -> Iterator[Hit]:
    source = change.new
    if source is None or change.is_test:
        return
    for call in added_calls(change, "python", "go", "java", "ruby", *ECMASCRIPT):
        if call.name.lower() not in _CALLEES:
            continue
        for argument in call.arguments[:2]:
            text = source.text_of(argument)[:LONGEST_LINE]
            if is_put_together(argument, source) and _STATEMENT.search(text) and _VALUE_HOLE.search(text):
                yield change.hit(call.node, "a value is written into SQL", "pass it as a parameter")
                break


RULE = Rule(
    "warning",
    "SQL put together from values",
    "A value with a quote in it changes the statement; a parameter cannot.",
    in_file=_find,
    known_as=("S608", "B608", "G201", "G202"),
)
