"""Edits of texts by places in their bytes, and what a refactoring wants to change in all."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from aiex.errors import EditError


class Edit(NamedTuple):
    """Bytes to put in the place of others; `start` and `end` are half open."""

    start: int
    end: int
    text: bytes


class Place(NamedTuple):
    """Somewhere in a file, for a person."""

    path: str
    line: int
    why: str = ""


class Doubt(NamedTuple):
    """A place that may mean what is refactored, or something else: nothing in the code says which."""

    path: str
    line: int
    why: str
    edit: Edit | None = None
    """What `--uncertain change` does there; None where nothing can be done."""


class Change(NamedTuple):
    """A file before and after; None where it is not there."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def kind(self) -> Literal["created", "changed", "deleted"]:
        """What becomes of it."""
        if self.before is None:
            return "created"
        return "deleted" if self.after is None else "changed"


class Plan(NamedTuple):
    """Everything that a refactoring does, and what it cannot know."""

    done: str
    """In words: `renamed add to put`."""
    changes: tuple[Change, ...]
    certain: tuple[Place, ...] = ()
    """The places that are changed because the code says that they mean this."""
    doubts: tuple[Doubt, ...] = ()
    mentions: tuple[Place, ...] = ()
    """Comments, strings and documents with the word in them; they stay as they are."""
    notes: tuple[str, ...] = ()
    is_whole: bool = False
    """Uncertain places cannot be left out: it is done with them or not at all."""


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits applied; every other byte stays.

    Raises:
        EditError: if two of them overlap.
    """
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(set(edits)):
        if edit.start < at:
            raise EditError("two changes want the same place", hint="this is worth a report")
        pieces += [data[at : edit.start], edit.text]
        at = edit.end
    return b"".join([*pieces, data[at:]])


def to_changes(before: Mapping[str, bytes], after: Mapping[str, bytes | None]) -> tuple[Change, ...]:
    """The files that differ, by path."""
    found = (Change(path, before.get(path), data) for path, data in sorted(after.items()))
    return tuple(change for change in found if change.before != change.after)


def line_at(data: bytes, start: int) -> int:
    """The line of a byte, from 1."""
    return data.count(b"\n", 0, start) + 1
