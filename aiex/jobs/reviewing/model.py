"""What a review is made of: a finding, and a rule that finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aiex.record import record

if TYPE_CHECKING:
    from aiex.jobs.reviewing.diff import Diff, FileChange

Severity = Literal["note", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")
"""From the least to the worst."""


class Hit(NamedTuple):
    """A place that a rule or another source does not like."""

    path: str
    line: int
    """In the new file, counted from 1; 0 when the whole file is meant."""
    message: str
    suggestion: str = ""
    end_line: int = 0
    """The last line, when it is not the first."""
    severity: Severity | None = None
    """None for that of the rule."""


@record
class Rule:
    """A check of a change; its id is the name of its file."""

    severity: Severity
    title: str
    """What it finds, in a few words."""
    help: str
    """Why that matters and what to do."""
    in_file: Callable[[FileChange], Iterable[Hit]] | None = None
    """Looks at one changed file."""
    in_diff: Callable[[Diff], Iterable[Hit]] | None = None
    """Looks at all of them together."""
    known_as: tuple[str, ...] = ()
    """What other checkers call it: where a comment silences them by one of these names, this is silent too."""
    minds_moves: bool = False
    """What it finds counts also where the lines only moved inside the change."""


class Finding(NamedTuple):
    """What was found, with all that a reader needs to judge it."""

    rule: str
    severity: Severity
    path: str
    """Bytes that are not UTF-8 as surrogates."""
    line: int
    """In the new file, counted from 1; 0 when the whole file is meant."""
    end_line: int
    message: str
    evidence: tuple[str, ...]
    """The lines that are meant, without secrets; at most a few."""
    suggestion: str
    fingerprint: str
    """The same as long as the lines are, wherever they move in the file."""

    def to_data(self) -> dict[str, Any]:
        """The finding for a program."""
        place = {"line": self.line, "end_line": self.end_line} if self.line else {"line": None, "end_line": None}
        told = self._asdict() | place | {"evidence": list(self.evidence)}
        return told


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is as bad as another, or worse."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
