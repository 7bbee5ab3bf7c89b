"""Sessions put aside: compressed in a file of their own, read as if they were there, and brought back as they were.

A session is copied, the copy is compared, and only then the original goes. Wherever that is interrupted, one of both is
whole, and doing it again, or the opposite, finishes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.errors import Conflict, StoreError, UsageError
from aiex.events import SessionArchived, SessionRestored
from aiex.sessions.stores import Draft, Moved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiex.sessions.log import EventLog
    from aiex.sessions.stores import Head, Row, Snapshot, Store
    from aiex.sessions.stores.cold import ColdStore


class ArchivingStore:
    """A store together with its archive: what lies there is read through it, and not appended to."""

    def __init__(self, live: Store, cold: ColdStore) -> None:
        self.live = live
        self.cold = cold

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        """Add rows behind `after_seq`. Raises Moved; Conflict when the session lies in the archive."""
        try:
            if after_seq == 0:
                self._require_live(session)
            return self.live.append(session, drafts, after_seq=after_seq, synced=synced)
        except Moved:
            self._require_live(session)
            raise

    def sync_soon(self) -> None:
        """Let what was added last, without waiting for it."""
        self.live.sync_soon()

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Row]:
        """The rows of a session in order, wherever they lie."""
        return self._home(session).read(session, after_seq=after_seq, upto_seq=upto_seq)

    def follow(self, after_position: int, *, limit: int) -> list[Row]:
        """The next rows of all sessions that are not archived."""
        return self.live.follow(after_position, limit=limit)

    def head(self, session: str) -> Head | None:
        """The end of a session; None when there is none."""
        return self.live.head(session) or self.cold.head(session)

    def sessions(self) -> list[str]:
        """Every session; the archived ones last."""
        live = self.live.sessions()
        known = set(live)
        return live + [session for session in self.cold.seqs() if session not in known]

    def keep_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the one before; an archived session keeps none."""
        if self.live.head(session) is not None:
            self.live.keep_snapshot(session, snapshot)

    def snapshot(self, session: str) -> Snapshot | None:
        """The last snapshot."""
        return self.live.snapshot(session)

    def remove(self, session: str, *, at_seq: int | None = None) -> bool:
        """Take a session out, wherever it lies; with `at_seq` as `Store.remove` does."""
        removed = self.live.remove(session, at_seq=at_seq)
        return self.cold.remove(session) or removed

    def close(self) -> None:
        """Let go of both."""
        self.live.close()
        self.cold.close()

    def is_archived(self, session: str) -> bool:
        """Whether the session lies in the archive alone."""
        return self.live.head(session) is None and self.cold.head(session) is not None

    def put_away(self, session: str) -> None:
        """Move the rows of a session to the archive. Raises Conflict when somebody appends to it meanwhile."""
        if self.live.head(session) is None:
            return
        self.cold.put(session, self.live.read(session))
        kept = self.cold.head(session)
        try:
            if kept is None or not _equal(self.live.read(session), self.cold.read(session)):
                raise Moved(f"session {session} is not what was copied of it")
            self.live.remove(session, at_seq=kept.seq)
        except Moved as error:
            raise Conflict(
                f"session {session} went on while it was archived; nothing was moved",
                hint="archive it when it is at rest",
            ) from error

    def fetch_back(self, session: str) -> None:
        """Move the rows of a session out of the archive: the same numbers, links and bytes, at new positions."""
        kept = self.cold.head(session)
        if kept is None:
            return
        if self.live.head(session) is None:
            drafts = [_draft(row) for row in self.cold.read(session)]
            self.live.append(session, drafts, after_seq=0, synced=True)
        if not _equal(self.live.read(session, upto_seq=kept.seq), self.cold.read(session)):
            raise StoreError(
                f"session {session} is in the archive and beside it, and both differ",
                hint="export the one you want to keep, and remove the other",
            )
        self.cold.remove(session)

    def _home(self, session: str) -> Store | ColdStore:
        return self.live if self.live.head(session) is not None else self.cold

    def _require_live(self, session: str) -> None:
        if self.is_archived(session):
            raise Conflict(
                f"session {session} is archived and takes no more",
                hint=f"aiex restore session {session} brings it back",
            )


def archive(log: EventLog, store: ArchivingStore, session: str, *, at_ms: int) -> None:
    """Put a session aside; nothing when that was done before, and the rest when it was begun.

    Args:
        log: The log over `store`.

    Raises:
        UsageError: if there is no such session.
        Conflict: if somebody continues it meanwhile.
        StoreError: if it cannot be written; then all of it is where it was.
    """
    head = store.live.head(session)
    if head is None:
        _require_known(store, session)
        return
    if _last_type(store, session, head) != "session_archived":
        log.append(session, [SessionArchived()], after_seq=head.seq, turn=head.turn, at_ms=at_ms)
    store.put_away(session)


def restore(log: EventLog, store: ArchivingStore, session: str, *, at_ms: int) -> None:
    """Bring a session back from the archive. Raises as `archive` does."""
    _require_known(store, session)
    store.fetch_back(session)
    head = store.live.head(session)
    if head is not None and _last_type(store, session, head) == "session_archived":
        log.append(session, [SessionRestored()], after_seq=head.seq, turn=head.turn, at_ms=at_ms)


def _require_known(store: ArchivingStore, session: str) -> None:
    if store.head(session) is None:
        raise UsageError(f"there is no session {session}", hint="aiex list sessions --all shows them")


def _last_type(store: ArchivingStore, session: str, head: Head) -> str:
    return next((row.type for row in store.live.read(session, after_seq=head.seq - 1, upto_seq=head.seq)), "")


def _draft(row: Row) -> Draft:
    return Draft(row.at_ms, row.turn, row.type, row.v, row.data, row.link, bool(row.sealed), bool(row.copied))


def _equal(ours: Iterable[Row], theirs: Iterable[Row]) -> bool:
    """Whether rows are the same but for their positions."""
    from itertools import zip_longest

    return all(
        one is not None and other is not None and one.seq == other.seq and _draft(one) == _draft(other)
        for one, other in zip_longest(ours, theirs)
    )
