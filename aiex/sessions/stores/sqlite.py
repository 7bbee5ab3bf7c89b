"""The event log in one SQLite file: written by many processes at once, each transaction as lasting as it has to be.

The file is in WAL mode. A transaction that must last is committed with synchronous=FULL, any other with NORMAL: a power
cut may take the last of those, never one before a synced one. Data is the last column, so that the small ones are read
without walking through it.
"""

from __future__ import annotations

import os
import time
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiex import sqlite
from aiex.guard.private import sync_folder
from aiex.sessions.stores import Draft, Head, Kind, Moved, Row, Snapshot, read_in_pages
from aiex.sessions.stores._carving import drops_changes
from aiex.sessions.stores._presence import Presence
from aiex.sessions.stores._syncing import Syncing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiex.errors import StoreError

T = TypeVar("T")
PATIENCE_S: Final = 60.0
"""How long we wait for other processes before we say that they hold the file; each holds it for milliseconds."""
PAGE_BYTES: Final = 2048
"""Three pages change with each event; small ones are written, summed and synced a tenth sooner than SQLite's 4096
(benchmarks/sessions.py), and most events fit into one."""
_BUSY_MS: Final = 200
"""So long SQLite itself waits for other processes; then we do, who can tell of it and be stopped."""
ROWS_AT_ONCE: Final = 256
"""Read in one statement; nothing of the file is held between two."""

NEW: Final = ".salvaged"
"""What the name of a new file ends with that is complete, until the old one is out of its way."""
_REPAIR = "aiex doctor --fix keeps all that is whole, and sets the file aside"

MIGRATIONS: Final = (
    """
    create table events (
        position integer primary key autoincrement, session text not null, seq integer not null,
        at_ms integer not null, turn integer not null, type text not null, v integer not null, link blob not null,
        sealed integer not null, copied integer not null, data blob not null
    ) strict;
    create unique index events_of_session on events (session, seq);
    create table snapshots (
        session text primary key, seq integer not null, link blob not null, version integer not null,
        data blob not null
    ) strict;
    """,
)
_COLUMNS = "position, session, seq, at_ms, turn, type, v, data, link, sealed, copied"
_INSERT = """
    insert into events (session, seq, at_ms, turn, type, v, data, link, sealed, copied)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_BEHIND = """
    insert into events (session, seq, at_ms, turn, type, v, data, link, sealed, copied)
    select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
    where coalesce((select seq from events where session = ? order by seq desc limit 1), 0) = ?
"""
_RESTORE = f"insert into events ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (a constant)
_LAST_SEQ = "select seq from events where session = ? order by seq desc limit 1"
_READ = f"select {_COLUMNS} from events where session = ? and seq > ? and seq <= ? order by seq limit {ROWS_AT_ONCE}"  # noqa: S608  (constants)
_FOLLOW = f"select {_COLUMNS} from events where position > ? order by position limit ?"  # noqa: S608  (a constant)
_HEAD = "select seq, position, link, turn, at_ms from events where session = ? order by seq desc limit 1"
_SESSIONS = """
    with recursive names (name) as (
        select min(session) from events
        union all
        select (select min(session) from events where session > name) from names where name is not null
    )
    select name from names where name is not null
    order by (select position from events where session = name order by seq limit 1)
"""
"""Jumps from one session to the next in the index: a table of sessions would be one more thing to be damaged."""


class SqliteStore:
    """Rows in the file at one path; safe for threads, which take turns."""

    def __init__(self, path: str) -> None:
        """Open the file, or make it.

        One that can be read and not written, as on a full disk, is copied into memory, where that is possible: then
        only changes fail.
        """
        self.path = path
        self._lock = RLock()
        self._refusal: StoreError | None = None
        self._presence = Presence(path)
        self._syncing = None if path == ":memory:" else Syncing(f"{path}-wal")
        try:
            self._connection = self._open()
        except BaseException:
            self._presence.leave()
            raise
        self._connection.isolation_level = None  # we begin ourselves, or leave it to the one statement there is
        self._connection.execute(f"pragma busy_timeout = {_BUSY_MS}")
        self._level = "FULL"
        self._set_level("NORMAL")

    def _open(self) -> sqlite3.Connection:
        """The file, once it is known that SQLite would not throw away what is whole in it."""
        if self.path == ":memory:":
            return _connect(self.path)
        with sqlite.translated_errors(self.path):
            os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
        is_alone = self._presence.enter()
        finish_replacing(self.path)
        is_new = not os.path.lexists(self.path)
        if is_alone and not is_new and drops_changes(self.path):
            raise sqlite.DamagedStore(f"cannot use {self.path}: the log of its last changes is damaged", hint=_REPAIR)
        try:
            connection, self._refusal = _wait_for(lambda: sqlite.connect_or_copy(self.path, _connect))
        except sqlite.DamagedStore as error:
            raise sqlite.DamagedStore(error.message, hint=_REPAIR) from error
        if is_new:
            sync_folder(os.path.dirname(self.path) or ".")
        if is_alone:
            self._presence.share()
        return connection

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        """Add rows behind `after_seq` in one transaction; the position of the last.

        Raises:
            Moved: if the session ends elsewhere.
            StoreError: if it cannot be written; then nothing of it is.

        Cost: 40 µs and the bytes; synced, as long as the disk takes (benchmarks/sessions.py).
        """
        if not drafts:
            return 0
        with self._lock, sqlite.translated_errors(self.path):
            if len(drafts) == 1:
                return self._append_one(session, drafts[0], after_seq, synced=synced)
            self._begin(synced)
            try:
                first, *others = ((session, seq, *draft) for seq, draft in enumerate(drafts, after_seq + 1))
                added = self._connection.execute(_INSERT_BEHIND, (*first, session, after_seq))
                if not added.rowcount:
                    raise self._moved(session, after_seq)
                self._connection.executemany(_INSERT, others)
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            return (added.lastrowid or 0) + len(others)

    def _append_one(self, session: str, draft: Draft, after_seq: int, *, synced: bool) -> int:
        """The same for one row: its statement is a transaction by itself, which spares three others."""
        self._prepare(synced)
        values = (session, after_seq + 1, *draft, session, after_seq)
        try:
            added = self._connection.execute(_INSERT_BEHIND, values)
        except self._connection.OperationalError as error:
            if not isinstance(sqlite.to_store_error(error, self.path), sqlite.LockedStore):
                raise
            added = _wait_for(lambda: self._insert_now(values))
        if not added.rowcount:
            raise self._moved(session, after_seq)
        return added.lastrowid or 0

    def _insert_now(self, values: tuple[object, ...]) -> sqlite3.Cursor:
        with sqlite.translated_errors(self.path):
            return self._connection.execute(_INSERT_BEHIND, values)

    def sync_soon(self) -> None:
        """Let what was added outlive a power cut within `SOON_S`, without waiting for the disk. Cost: 2 µs."""
        if self._syncing is not None and self._refusal is None:
            self._syncing.ask()

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Row]:
        """The rows of a session in order; nothing is locked between two of them. Raises StoreError."""
        return read_in_pages(
            lambda after, last: self._fetch(_READ, (session, after, last)), after_seq, upto_seq, most=ROWS_AT_ONCE
        )

    def follow(self, after_position: int, *, limit: int) -> list[Row]:
        """The next rows of all sessions. One process writes at a time, so that positions appear in order."""
        return list(map(Row._make, self._fetch(_FOLLOW, (after_position, limit))))

    def head(self, session: str) -> Head | None:
        """The end of a session, from the index. Raises StoreError."""
        rows = self._fetch(_HEAD, (session,))
        return Head(*rows[0]) if rows else None

    def sessions(self) -> list[str]:
        """Every session, in order of its first position. Cost: 10 µs a session, however long they are."""
        return [name for (name,) in self._fetch(_SESSIONS)]

    def keep_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the one before; it may be lost in a power cut. Raises StoreError."""
        self._change(
            lambda: self._connection.execute(
                "insert or replace into snapshots (session, seq, link, version, data) values (?, ?, ?, ?, ?)",
                (session, *snapshot),
            )
        )

    def snapshot(self, session: str) -> Snapshot | None:
        """The last snapshot. Raises StoreError."""
        rows = self._fetch("select seq, link, version, data from snapshots where session = ?", (session,))
        return Snapshot(*rows[0]) if rows else None

    def remove(self, session: str, *, at_seq: int | None = None) -> bool:
        """Take a session out, and write zeros over where it was, as far as SQLite can. Raises Moved, StoreError."""

        def delete() -> int:
            if at_seq is not None and self._last_seq(session) != at_seq:
                raise self._moved(session, at_seq)
            self._connection.execute("delete from snapshots where session = ?", (session,))
            return self._connection.execute("delete from events where session = ?", (session,)).rowcount

        with self._lock:
            self._fetch("pragma secure_delete = on")
            removed = self._change(delete, synced=True)
            self._fetch("pragma wal_checkpoint(truncate)")  # what the log of changes had of it goes as well, if it can
        return removed > 0

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._syncing is not None:
                self._syncing.close()
            self._connection.close()
            self._presence.leave()

    def _moved(self, session: str, after_seq: int) -> Moved:
        return Moved(
            f"session {session} went on: it ends with event {self._last_seq(session)}, not {after_seq}",
            hint="another process continued it; read it again",
        )

    def _last_seq(self, session: str) -> int:
        found = self._connection.execute(_LAST_SEQ, (session,)).fetchone()
        return found[0] if found else 0

    def _change(self, act: Callable[[], T], *, synced: bool = False) -> T:
        with self._lock, sqlite.translated_errors(self.path):
            self._begin(synced)
            try:
                done = act()
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
            return done

    def _begin(self, synced: bool) -> None:
        """Begin to write, once the processes before us are done."""
        self._prepare(synced)
        try:
            self._connection.execute("begin immediate")
        except self._connection.OperationalError:
            _wait_for(self._begin_now)

    def _prepare(self, synced: bool) -> None:
        """Say how long the next change must last; raises where nothing can be changed."""
        if self._refusal is not None:
            raise self._refusal
        self._set_level("FULL" if synced else "NORMAL")

    def _begin_now(self) -> None:
        with sqlite.translated_errors(self.path):
            self._connection.execute("begin immediate")

    def _set_level(self, level: str) -> None:
        if level != self._level:
            self._connection.execute(f"pragma synchronous = {level}")
            self._level = level

    def _fetch(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        def fetch() -> list[Any]:
            with sqlite.translated_errors(self.path):
                return self._connection.execute(statement, values).fetchall()

        with self._lock:
            return _wait_for(fetch)


STORE = Kind("path", SqliteStore)


def write_rows(path: str, rows: Iterable[Row], *, spare: int) -> None:
    """Make a file of rows, each with its own position and number; the next position is `spare` behind the last."""
    connection = _connect(path)
    try:
        with sqlite.translated_errors(path):
            connection.execute("pragma synchronous = full")
            with connection:
                connection.executemany(_RESTORE, rows)
                connection.execute("update sqlite_sequence set seq = seq + ? where name = 'events'", (spare,))
    finally:
        connection.close()


def finish_replacing(path: str) -> None:
    """Put a new file that is complete in its place, where whoever made it was killed before that. Raises StoreError."""
    if os.path.lexists(path + NEW) and not os.path.lexists(path):
        with sqlite.translated_errors(path):
            os.replace(path + NEW, path)
        sync_folder(os.path.dirname(path) or ".")


def _connect(path: str) -> sqlite3.Connection:
    return sqlite.connect(path, migrations=MIGRATIONS, any_thread=True, page_bytes=PAGE_BYTES)


def _wait_for(act: Callable[[], T]) -> T:
    """Do it as soon as no other process hinders it. Raises LockedStore after `PATIENCE_S`, StoreError, and what
    `sqlite.HEED` does."""
    since_s, heed = time.monotonic(), sqlite.HEED.get()
    while True:
        try:
            return act()
        except sqlite.LockedStore:
            waited_s = time.monotonic() - since_s
            if waited_s > PATIENCE_S:
                raise
            heed(waited_s)
            time.sleep(0.005)
