"""What is known about the shell between two commands: where it may be, and what variables may hold."""

from collections.abc import Mapping
from typing import NamedTuple

from aiex.guard.commands.values import Values

MOST_FOLDERS = 8
MOST_VALUES = 16


class State(NamedTuple):
    """All possibilities at one point of a command."""

    folders: frozenset[str] = frozenset([""])
    """Where the shell may be: relative to the workspace, or beginning with `/`, `~` or `..`."""
    variables: Mapping[str, Values] = {}

    def with_variable(self, name: str, values: Values) -> "State":
        """The state after an assignment."""
        return State(self.folders, {**self.variables, name: values})


class Outcome(NamedTuple):
    """What a command leaves behind."""

    success: State
    """When it succeeded."""
    any: State
    """However it ended."""


def settled(state: State) -> Outcome:
    """The outcome of what leaves the shell as it was."""
    return Outcome(state, state)


def merge(*states: State) -> State:
    """What is known when any of these may be the case."""
    first, *others = states
    for other in others:
        if other != first:
            first = State(first.folders | other.folders, _merge_variables(first.variables, other.variables))
    return first


def _merge_variables(one: Mapping[str, Values], other: Mapping[str, Values]) -> dict[str, Values]:
    merged: dict[str, Values] = {}
    for name in {*one, *other}:
        mine, theirs = one.get(name), other.get(name)
        both = tuple(dict.fromkeys(mine + theirs)) if mine is not None and theirs is not None else None
        merged[name] = both if both is None or len(both) <= MOST_VALUES else None
    return merged
