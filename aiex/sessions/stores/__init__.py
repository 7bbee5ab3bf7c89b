"""Where events are kept: one stream per session, append-only; a store is one file in this folder that offers `STORE`.

A store knows rows and no events: what stands in `data` and how it is sealed is the business of `aiex/sessions/log.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from aiex.errors import Conflict

ROOM = "aiex.sessions.stores"


class Moved(Conflict):
    """Somebody else appended to the session first; read it again."""


class Draft(NamedTuple):
    """A row that is not written yet."""

    at_ms: int
    """UTC, milliseconds since 1970."""
    turn: int
    type: str
    v: int
    """Version of the form of this type."""
    data: bytes
    """The event as JSON in UTF-8, or that sealed."""
    link: bytes
    """Chains the row to the one before, 16 bytes."""
    sealed: bool = False
    copied: bool = False
    """It happened in another session first: a fork or an import."""


class Row(NamedTuple):
    """An event in its place."""

    position: int
    """Counts over all sessions; rises, and may have gaps."""
    session: str
    seq: int
    """Counts from 1 in its session, without gaps."""
    at_ms: int
    turn: int
    type: str
    v: int
    data: bytes
    link: bytes
    sealed: bool
    copied: bool


class Head(NamedTuple):
    """The end of a session."""

    seq: int
    position: int
    link: bytes
    turn: int
    at_ms: int


class Snapshot(NamedTuple):
    """A state that was folded before; a cache."""

    seq: int
    link: bytes
    """Of the row with that seq: the snapshot of another history does not count."""
    version: int
    data: bytes


class Store(Protocol):
    """Keeps rows. Every method raises StoreError where the file or server cannot be used."""

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        """Add rows behind `after_seq`, all or none; the position of the last. Raises Moved."""

    def sync_soon(self) -> None:
        """Let what was added last as a synced append does, within a moment, without waiting for it."""

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Row]:
        """The rows of a session in order."""

    def follow(self, after_position: int, *, limit: int) -> list[Row]:
        """The next rows of all sessions in the order of their positions; none appears later before one of them."""

    def head(self, session: str) -> Head | None:
        """The end of a session; None when there is none."""

    def sessions(self) -> list[str]:
        """Every session, in order of their first position."""

    def keep_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the one before."""

    def snapshot(self, session: str) -> Snapshot | None:
        """The last snapshot."""

    def remove(self, session: str, *, at_seq: int | None = None) -> bool:
        """Take a session out with all its rows and its snapshot; False when there was none.

        With `at_seq` only as long as it ends there; else Moved.
        """

    def close(self) -> None:
        """Let go of the file or connection."""


def read_in_pages(
    fetch: Callable[[int, int], list[tuple[Any, ...]]], after_seq: int, upto_seq: int | None, *, most: int
) -> Iterator[Row]:
    """The rows of a session in order, a page at a time, so that nothing is held between two.

    Args:
        fetch: The next rows behind a number and up to another, `most` of them or all that are left.
        upto_seq: The last that is wanted; None for all.
    """
    last = 2**62 if upto_seq is None else upto_seq
    while after_seq < last:
        rows = fetch(after_seq, last)
        yield from map(Row._make, rows)
        if len(rows) < most:
            return
        after_seq = rows[-1][Row._fields.index("seq")]


class Kind(NamedTuple):
    """What the file of a store offers as `STORE`."""

    place: str
    """What `open` takes, for a person: "path" or "address"."""
    open: Callable[[str], Store]
    """Raises StoreError where the file or server cannot be used."""
