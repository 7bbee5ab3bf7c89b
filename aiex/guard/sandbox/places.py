"""Where a workspace may go: its root and the allow-listed places, and what a path means in one of them."""

import os
from typing import NamedTuple, Protocol

from aiex.guard.sandbox.paths import components


class Place(NamedTuple):
    """The root or one allow-list entry."""

    real: str
    """Real absolute path."""
    prefixes: tuple[list[str], ...]
    """The components under which it is asked for: as given, and real."""
    writable: bool
    is_file: bool
    is_root: bool


class Located(NamedTuple):
    """An asked path, taken apart, and the place it belongs to."""

    place: Place
    parts: list[str]
    """Components beneath the folder of the place, `..` kept."""
    plain: str
    """The same folded by text, for name rules: what would be opened if there were no links."""
    must_be_directory: bool


class KeptOut(Protocol):
    """Rules about reading."""

    @property
    def rules(self) -> tuple[str, ...]:
        """As text."""

    def __call__(self, path: str) -> str:
        """The rule against a path; empty for none."""


def find_place(given: str, *, writable: bool, is_root: bool = False) -> Place:
    """The place an absolute path names; what is no directory counts as one file, also when it is missing."""
    real = os.path.realpath(given)
    named, resolved = components(os.path.abspath(given)), components(real)
    prefixes = (resolved,) if named == resolved else (named, resolved)
    return Place(real, prefixes, writable, not is_root and not os.path.isdir(real), is_root)


def path_for_rules(place: Place, resolved: str) -> str:
    """The path that name rules see: beneath an allowed directory its own name counts too, as in `.aws/credentials`."""
    if place.is_root or place.is_file:
        return resolved
    return f"{os.path.basename(place.real)}/{resolved}"


def folder_of(place: Place) -> str:
    """The directory that paths of a place count from."""
    return os.path.dirname(place.real) if place.is_file else place.real
