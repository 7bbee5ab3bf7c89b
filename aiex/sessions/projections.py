"""The views of all sessions: what lists, bills and searches ask, folded from the log and made anew from it at any time.

A view follows the log by position. Several processes may follow at once: each batch is applied and counted as applied
in one transaction, so an event counts once whoever applies it. A session that was removed, restored from the archive or
came back under its old name is found by its numbers not going on, and is folded anew alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from aiex import sqlite
from aiex.errors import StoreError
from aiex.sessions.stores.views import ViewsFile
from aiex.sessions.summary import COUNTED_ONLY, VERSION, Changes, Place, Summary, count, first_words, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aiex.sessions.log import EventLog, Recorded
    from aiex.sessions.stores.views import Listed, Match
    from aiex.sessions.summary import Account, Asked, Spent, Step

T = TypeVar("T")
FILE: Final = "views.db"
BATCH: Final = 1000
"""Events applied in one transaction: 30 ms of work, for which other processes wait."""


class Views:
    """The views in the file at `path`, of one log; safe for threads.

    A file that is damaged is set aside and made anew; where none can be written, the views live in memory.

    Args:
        archived: How many events each session has that lies in the archive; its events are not followed any more.
    """

    def __init__(self, path: str, log: EventLog, *, archived: Callable[[], Mapping[str, int]] = dict) -> None:
        self.path = path
        self._log = log
        self._archived = archived
        self._file = _open(path)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def catch_up(self) -> int:
        """Apply what happened since; how many events that were. Where another process does so already, nothing.

        Raises:
            StoreError: if the log cannot be read, or the views cannot be written.
        """
        try:
            return self._try(self._catch_up)
        except sqlite.LockedStore as error:
            self._require_ours(error)
            return 0

    def rebuild(self) -> int:
        """Forget everything and fold the log anew; how many events it has. Others see the old views until the end.

        Raises as `catch_up` does.
        """
        return self._try(self._rebuild)

    # --- questions --------------------------------------------------------------------------------------------------

    def listed(
        self, *, root: str | None = None, archived: bool | None = None, limit: int = -1, least_turns: int = 0
    ) -> list[Listed]:
        """Sessions, the last used first; the words of sealed ones are read from the log."""
        rows = self._try(lambda: self._file.listed(root=root, archived=archived, limit=limit, least_turns=least_turns))
        return [self._told(row) if row.sealed else row for row in rows]

    def find(self, session: str) -> Listed | None:
        """What the list says of one session."""
        row = self._try(lambda: self._file.find(session))
        return self._told(row) if row is not None and row.sealed else row

    def usage(
        self, by: Sequence[str] = ("model",), *, since_day: str = "", root: str | None = None
    ) -> list[tuple[Account, Spent]]:
        """What was spent since a day (`2026-01-31`), by some of model, root and day. What a fork copied counts once."""
        return self._try(lambda: self._file.usage(by, since_day=since_day, root=root))

    def approvals(self) -> list[tuple[str, Asked]]:
        """Every approval that waits for an answer, with its session."""
        return self._try(self._file.approvals)

    def steps(self, root: str, *, undone: bool = False, limit: int = 100) -> list[tuple[str, Step]]:
        """The steps in a workspace that can be undone, or redone, with their sessions; the next one first."""
        return self._try(lambda: self._file.steps(root, "redo" if undone else "undo", limit))

    def search(
        self,
        expression: str,
        *,
        root: str | None = None,
        kinds: Iterable[str] = ("user", "assistant", "tool"),
        limit: int,
    ) -> list[Match]:
        """What was said in sessions that are not sealed and fits an expression of FTS5, the best first."""
        return self._try(lambda: self._file.search(expression, root=root, kinds=kinds, limit=limit))

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """All that was folded, in an order of its own: incremental and rebuilt views are equal in it."""
        return self._try(self._file.dump)

    # --- folding ----------------------------------------------------------------------------------------------------

    def _catch_up(self) -> int:
        position, version = self._file.applied()
        if version not in (0, VERSION):
            return self._rebuild()
        applied = 0
        while self._log.follow(position, limit=1):
            with self._file.writing():
                position, done = self._apply_batch(self._file.applied()[0])
            applied += done
        self._reconcile()
        return applied

    def _apply_batch(self, position: int) -> tuple[int, int]:
        rows = self._log.follow(position, limit=BATCH)
        folding = _Folding(self._file, self._log)
        for row in rows:
            folding.take(row)
        folding.save()
        position = rows[-1].position if rows else position
        self._file.note_applied(position, VERSION)
        return position, len(rows)

    def _rebuild(self) -> int:
        done = 0
        with self._file.writing():
            self._file.clear()
            self._file.note_applied(0, VERSION)
            position = 0
            while True:
                position, more = self._apply_batch(position)
                done += more
                if more < BATCH:
                    break
            folding = _Folding(self._file, self._log)
            for session in self._archived():
                folding.stale.add(session)
            folding.save()
        self._reconcile()
        return done

    def _reconcile(self) -> None:
        """Take out sessions that are gone, and take in those that following does not show."""
        there, seqs, archived = set(self._log.sessions()), self._file.seqs(), self._archived()
        gone = seqs.keys() - there
        stale = (there - seqs.keys()) | {
            name for name, seq in archived.items() if seqs.get(name) != seq and name in there
        }
        if not gone and not stale:
            return
        with self._file.writing():
            folding = _Folding(self._file, self._log)
            folding.stale |= gone | stale
            folding.save()
        if gone:
            self._file.scrub()

    def _told(self, row: Listed) -> Listed:
        """The line of a sealed session with its words, as far as its key is at hand."""
        words = self._text_at(row.id, row.words_seq)
        return row._replace(title=self._text_at(row.id, row.title_seq), words=first_words(words) if words else "")

    def _text_at(self, session: str, seq: int) -> str:
        from aiex.events import SessionRenamed, UserSpoke
        from aiex.messages import Text

        if not seq:
            return ""
        try:
            found = [one.event() for one in self._log.read(session, after_seq=seq - 1, upto_seq=seq)]
        except StoreError:
            return ""
        match found:
            case [SessionRenamed(title=title)]:
                return title
            case [UserSpoke(parts=parts)]:
                return "\n".join(part.text for part in parts if isinstance(part, Text))
        return ""

    def _try(self, act: Callable[[], T]) -> T:
        """Do it; where the file is damaged, with a new one, and where none can be written, in memory."""
        try:
            return act()
        except sqlite.DamagedStore as error:
            self._require_ours(error)
            self._file.close()
            sqlite.set_aside(self._file.path)
            sqlite.forget_asides(self._file.path)
            self._file = _open(self.path)
            self._rebuild()
        except (sqlite.FullStore, sqlite.ReadOnlyStore) as error:
            self._require_ours(error)
            self._file.close()
            self._file = _open_in_memory(self.path)
        return act()

    def _require_ours(self, error: StoreError) -> None:
        """Raise what is not about the file of the views."""
        if self._file.path not in error.message:
            raise error


class _Folding:
    """Folds events of many sessions, and keeps the result in the file."""

    def __init__(self, file: ViewsFile, log: EventLog) -> None:
        self._file = file
        self._log = log
        self._open: dict[str, tuple[Summary, Changes]] = {}
        self.stale: set[str] = set()
        """To be folded anew from their first event."""

    def take(self, row: Recorded) -> None:
        """Fold one event, unless it was already."""
        if row.session in self.stale:
            return
        summary, changes = self._open.get(row.session) or self._load(row.session)
        if row.position <= summary.position:
            return
        if row.seq == summary.seq + 1:
            _take(summary, changes, row)
        else:
            self.stale.add(row.session)

    def save(self) -> None:
        """Keep all of it."""
        for session, (summary, changes) in self._open.items():
            if session not in self.stale:
                self._file.save(summary, changes)
        for session in sorted(self.stale):
            self._file.drop(session)
            summary, changes = Summary(session), Changes()
            self._read(summary, changes)
            if summary.seq:
                self._file.save(summary, changes)

    def _read(self, summary: Summary, changes: Changes) -> None:
        """Fold a session as far as it is whole; of one that cannot be opened, only that it is there."""
        from aiex.guard.audit.datakeys import Erased
        from aiex.sessions.log import DamagedSession
        from aiex.sessions.stores.cold import DamagedArchive

        try:
            for row in self._log.read(summary.id):
                _take(summary, changes, row)
        except DamagedSession:
            return
        except (DamagedArchive, Erased) as error:
            head = self._log.head(summary.id)
            if head is not None:
                count(summary, Place(head.seq, head.position, head.at_ms, isinstance(error, Erased), False))

    def _load(self, session: str) -> tuple[Summary, Changes]:
        pair = (self._file.load(session) or Summary(session), Changes())
        self._open[session] = pair
        return pair


def _take(summary: Summary, changes: Changes, row: Recorded) -> None:
    place = Place(row.seq, row.position, row.at_ms, row.sealed, row.copied)
    if row.type in COUNTED_ONLY or not row.data:
        count(summary, place)
    else:
        fold(summary, changes, place, row.event())


def _open(path: str) -> ViewsFile:
    """The file; a damaged one is set aside. Where none can be kept, memory serves: all of it can be folded again."""
    try:
        return ViewsFile(path)
    except sqlite.DamagedStore:
        sqlite.set_aside(path)
        sqlite.forget_asides(path)
        return ViewsFile(path)
    except (sqlite.NewerStore, sqlite.ReadOnlyStore, sqlite.FullStore):
        return _open_in_memory(path)


def _open_in_memory(path: str) -> ViewsFile:
    """Views that last as long as the process, with what the file holds where that can be read."""
    file = ViewsFile(":memory:")
    if sqlite.copy_unwritable(path, into=file.connection):
        return file
    file.close()
    return ViewsFile(":memory:")
