"""What a test says, before a runner's manner is chosen: what is certain is checked, the rest is left open."""

from __future__ import annotations

from typing import NamedTuple


class Equal(NamedTuple):
    """Two expressions are equal."""

    left: str
    right: str


class Holds(NamedTuple):
    """An expression is true."""

    expression: str


class Fails(NamedTuple):
    """A call raises an error."""

    call: str
    error: str


class Open(NamedTuple):
    """Nobody can tell without knowing what the code is for: the test is skipped, and says what is to do."""

    reason: str


Check = Equal | Holds | Fails | Open


class Case(NamedTuple):
    """One test."""

    words: tuple[str, ...]
    """Of its name, without `test`."""
    check: Check

    @property
    def title(self) -> str:
        """Its name as a sentence."""
        return " ".join(self.words)


class Group(NamedTuple):
    """The tests of one function or class."""

    name: str
    words: tuple[str, ...]
    cases: tuple[Case, ...]


def count_open(groups: tuple[Group, ...] | list[Group]) -> int:
    """How many tests are left open."""
    return sum(isinstance(case.check, Open) for group in groups for case in group.cases)
