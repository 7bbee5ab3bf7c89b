"""The file that holds the checkpoints of a workspace, and its transactions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from aiex import sqlite
from aiex.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

MIGRATIONS: Final = (
    """
    create table objects (
        n integer primary key, id blob not null unique, kind integer not null, codec integer not null,
        depth integer not null, base integer, size integer not null, data blob not null
    );
    create table checkpoints (
        number integer primary key autoincrement, id text not null unique, created_ms integer not null,
        reason text not null, session text not null, tree blob not null, files integer not null,
        bytes integer not null, tag text not null, seal blob not null
    );
    create table notes (name text primary key, value blob not null, seal blob not null) without rowid;
    """,
)
PAGE_BYTES: Final = 16 << 10
"""With SQLite's own 4096, contents of some kilobytes leave a quarter of the file empty."""
LOG_BYTES: Final = 1 << 20
"""What stays of the write-ahead log after it was copied; the first checkpoint makes one as large as itself."""


class Database:
    """A connection that threads share by turns; several processes may have the file open.

    A file that can only be read, as on a full disk, is read from a copy in memory: no transaction can be kept then.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.lock = threading.RLock()
        """Held by whoever uses the connection."""
        self._depth = 0
        self._writing = _Writing(self)
        self.connection, self._refusal = sqlite.connect_or_copy(path, _connect)
        with sqlite.translated_errors(path):
            self.connection.execute(f"pragma journal_size_limit={LOG_BYTES}").fetchone()

    def writing(self) -> _Writing:
        """One transaction, synced when it ends: all inside lasts or, after an error, nothing. May be nested.

        No other process writes meanwhile, so what is read inside stays true.

        Raises:
            StoreError: if the transaction cannot begin or be made to last.
        """
        return self._writing

    def enter(self) -> None:
        """Begin a transaction, or go a level deeper in it; whoever enters leaves."""
        self.lock.acquire()
        if self._depth == 0:
            try:
                with sqlite.translated_errors(self.path):
                    self.connection.execute("begin immediate")
            except BaseException:
                self.lock.release()
                raise
        self._depth += 1

    def leave(self, *, is_done: bool) -> None:
        """Come up a level; from the last one, the transaction is committed or taken back."""
        try:
            self._depth -= 1
            if self._depth == 0 and is_done:
                self._commit()
            elif self._depth == 0:
                self._roll_back()
        finally:
            self.lock.release()

    def _commit(self) -> None:
        if self._refusal is not None:
            self._roll_back()
            raise self._refusal
        if not self.connection.in_transaction:  # SQLite ended it by itself, as it does on a full disk
            raise StoreError(f"cannot write {self.path}: the transaction was taken back")
        try:
            with sqlite.translated_errors(self.path):
                self.connection.commit()
        except StoreError:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        import sqlite3

        if self.connection.in_transaction:
            try:
                self.connection.rollback()
            except sqlite3.Error:  # the error that led here says more
                return

    def shrink(self) -> None:
        """Give the space of removed rows back to the disk."""
        with self.lock, sqlite.translated_errors(self.path):
            self.connection.executescript("pragma incremental_vacuum")  # `execute` would stop after one page
            self.connection.execute("pragma wal_checkpoint(truncate)").fetchall()

    def size_bytes(self) -> int:
        """How much of the file is in use."""
        with self.lock, sqlite.translated_errors(self.path):
            numbers = [
                int(self.connection.execute(f"pragma {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            ]
        return (numbers[0] - numbers[1]) * numbers[2]

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the pages of the file; cost: a read of the whole of it."""
        with self.lock, sqlite.translated_errors(self.path):
            found = [str(row[0]) for row in self.connection.execute("pragma integrity_check(20)")]
        return [line for line in found if line != "ok"]

    def close(self) -> None:
        """Close the file."""
        with self.lock, sqlite.translated_errors(self.path):
            self.connection.close()


def _connect(path: str) -> sqlite3.Connection:
    return sqlite.connect(
        path, migrations=MIGRATIONS, synchronous="FULL", any_thread=True, shrinkable=True, page_bytes=PAGE_BYTES
    )


class _Writing:
    """What `Database.writing` gives: without state of its own, as thousands are entered for one checkpoint."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.enter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.leave(is_done=kind is None)
