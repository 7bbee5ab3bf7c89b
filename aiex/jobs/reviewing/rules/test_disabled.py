"""Tests that a change takes out of the run, or that leave all others out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_ONLY = re.compile(r"(?<![\w.$])(?:(?:describe|it|test|context|suite)\.only|fdescribe|fit)\s*(?:\.each\b.*)?\(")
_SKIPPED = {
    "python": re.compile(
        r"^\s*@(?:pytest\.mark\.skip|(?:unittest\.)?skip)(?![\w])|^pytestmark\s*=\s*pytest\.mark\.skip\b(?!if)"
    ),
    "go": re.compile(r"^\t\w+\.Skip(?:f|Now)?\("),
    "rust": re.compile(r"^\s*#\[ignore\b"),
    "java": re.compile(r"^\s*@(?:Disabled|Ignore)\b"),
    "elixir": re.compile(r"^\s*@(?:module)?tag\s+:?skip\b"),
    "ruby": re.compile(r"(?<![\w.])(?:xit|xdescribe|xcontext)\b"),
    **dict.fromkeys(
        ECMASCRIPT,
        re.compile(r"(?<![\w.$])(?:(?:describe|it|test|suite)\.skip\s*\(\s*['\"`]|(?:xit|xdescribe|xtest)\s*\()"),
    ),
}
"""Those that hold always: a skip under a condition says itself when the test runs."""


_REASON = re.compile(r"#\[ignore\s*=|@\w+\(\s*\"|reason\s*=|@[\w.]*skip\(\s*[\"']")


def _find(change: FileChange) -> Iterator[Hit]:
    if change.language in ECMASCRIPT and change.is_test:
        for number, found in change.matches(_ONLY):
            message = f"{found[0].partition('(')[0].strip()} leaves every other test of the file out"
            yield Hit(change.path, number, message, "take it out", severity="error")
    pattern = _SKIPPED.get(change.language)
    if pattern is not None and (change.is_test or change.language == "rust"):
        for number, found in change.matches(pattern):
            message = "this test does not run any more" if change.old is not None else "this test never runs"
            has_reason = _REASON.search(found.string, found.start()) is not None
            yield Hit(change.path, number, message, "repair it, or delete it", severity="note" if has_reason else None)


RULE = Rule(
    "warning",
    "Test taken out of the run",
    "A test that does not run says nothing, and nobody sees that it does not.",
    in_file=_find,
    known_as=("no-only-tests", "no-disabled-tests"),
)
