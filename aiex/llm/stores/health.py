"""Keeps how models at servers fare: answers, failures, waits, and the state of their breakers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from aiex import sqlite
from aiex.errors import StoreError
from aiex.record import record

if TYPE_CHECKING:
    import sqlite3

    from aiex.errors import FailureKind

BreakerState = Literal["closed", "open", "half-open"]
Phase = Literal["first byte", "next"]

_MIGRATIONS: Final = (
    """
    CREATE TABLE fares (
        target TEXT PRIMARY KEY,
        successes INTEGER NOT NULL DEFAULT 0,
        last_success_at REAL,
        last_failure_at REAL,
        last_error TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE TABLE failures (
        target TEXT NOT NULL,
        kind TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (target, kind)
    ) STRICT;
    CREATE TABLE waits (
        id INTEGER PRIMARY KEY,
        target TEXT NOT NULL,
        phase TEXT NOT NULL,
        seconds REAL NOT NULL
    ) STRICT;
    CREATE INDEX waits_of ON waits (target, phase, id);
    CREATE TABLE breakers (
        target TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        failures INTEGER NOT NULL,
        successes INTEGER NOT NULL,
        opened_at REAL,
        cause TEXT NOT NULL,
        probe_by TEXT NOT NULL,
        probe_until REAL NOT NULL
    ) STRICT;
    """,
)


@record
class BreakerRow:
    """What all processes know about one breaker; times are seconds since 1970."""

    state: BreakerState = "closed"
    failures: int = 0
    """In a row."""
    successes: int = 0
    opened_at: float | None = None
    cause: str = ""
    """The failure that opened it, in words."""
    probe_by: str = ""
    """Who tries whether the server is back; nobody when empty."""
    probe_until: float = 0.0


@record
class Fare:
    """How one model at one server fared; times are seconds since 1970, None for never."""

    target: str
    successes: int = 0
    last_success_at: float | None = None
    last_failure_at: float | None = None
    last_error: str = ""


class HealthStore:
    """The database `llm.db`, or one in memory; every method may be called from any thread."""

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opens = 0

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def version(self) -> tuple[int, int, int] | None:
        """Another one as soon as anybody changed something; None where it cannot be told without waiting."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            connection = self._connection
            if connection is None:
                return None
            with sqlite.translated_errors(self.path):
                (by_others,) = connection.execute("PRAGMA data_version").fetchone()
            return self._opens, by_others, connection.total_changes
        except StoreError:
            return None
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Inside, nobody else changes anything; what was done is kept together or not at all."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield

    # --- breakers ---------------------------------------------------------------------------------------------------

    def read_breaker(self, target: str) -> BreakerRow:
        """The state of a breaker; closed when it is not known."""
        select = (
            "SELECT state, failures, successes, opened_at, cause, probe_by, probe_until FROM breakers WHERE target = ?"
        )
        with self._opened() as connection:
            found = connection.execute(select, (target,)).fetchone()
        if found is None or found[0] not in get_args(BreakerState):
            return BreakerRow()
        return BreakerRow(*found)

    def write_breaker(self, target: str, row: BreakerRow) -> None:
        """Keep the state of a breaker; inside a `transaction` with the reading before it."""
        values = (row.state, row.failures, row.successes, row.opened_at, row.cause, row.probe_by, row.probe_until)
        with self._opened() as connection:
            connection.execute("INSERT OR REPLACE INTO breakers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (target, *values))

    # --- traffic ----------------------------------------------------------------------------------------------------

    def note_success(self, target: str, at: float) -> None:
        """An answer was whole."""
        with self._opened() as connection:
            connection.execute(
                "INSERT INTO fares (target, successes, last_success_at) VALUES (?1, 1, ?2)"
                " ON CONFLICT DO UPDATE SET successes = successes + 1, last_success_at = ?2",
                (target, at),
            )

    def note_failure(self, target: str, at: float, kind: FailureKind, words: str) -> None:
        """An attempt failed; `words` holds no secret."""
        with self._opened() as connection:
            connection.execute(
                "INSERT INTO fares (target, last_failure_at, last_error) VALUES (?1, ?2, ?3)"
                " ON CONFLICT DO UPDATE SET last_failure_at = ?2, last_error = ?3",
                (target, at, words),
            )
            connection.execute(
                "INSERT INTO failures VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                (target, kind or "other"),
            )

    def note_wait(self, target: str, phase: Phase, seconds: float, keep: int) -> None:
        """Somebody waited so long; only the latest `keep` waits stay."""
        with self._opened() as connection:
            connection.execute("INSERT INTO waits (target, phase, seconds) VALUES (?, ?, ?)", (target, phase, seconds))
            connection.execute(
                "DELETE FROM waits WHERE target = ?1 AND phase = ?2 AND id <= ("
                "SELECT id FROM waits WHERE target = ?1 AND phase = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
                (target, phase, keep),
            )

    def read_waits(self, target: str, phase: Phase) -> list[float]:
        """The latest waits, oldest first."""
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT seconds FROM waits WHERE target = ? AND phase = ? ORDER BY id", (target, phase)
            )
            return [row[0] for row in rows]

    def read_fares(self) -> list[Fare]:
        """All models that were asked, by name."""
        select = "SELECT target, successes, last_success_at, last_failure_at, last_error FROM fares ORDER BY target"
        with self._opened() as connection:
            return [Fare(*row) for row in connection.execute(select)]

    def read_failures(self, target: str) -> dict[str, int]:
        """How often it failed in each way."""
        with self._opened() as connection:
            rows = connection.execute("SELECT kind, count FROM failures WHERE target = ? ORDER BY kind", (target,))
            return dict(rows.fetchall())

    def forget(self, target: str) -> None:
        """Everything about one model, its breaker included."""
        with self.transaction(), self._opened() as connection:
            for table in ("fares", "failures", "waits", "breakers"):
                connection.execute(f"DELETE FROM {table} WHERE target = ?", (target,))  # noqa: S608  (names of ours)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; a change outside a transaction is kept at once."""
        with self._lock, sqlite.translated_errors(self.path):
            connection = self._connection or self._open()
            inside = connection.in_transaction
            yield connection
            if connection.in_transaction and not inside:
                connection.commit()

    def _open(self) -> sqlite3.Connection:
        """Open the file. What is kept here only helps: a damaged one is set aside, where none can be, memory serves."""
        try:
            connection = _connect(self.path)
        except sqlite.DamagedStore:
            sqlite.set_aside(self.path)
            connection = _connect(self.path)
        except StoreError:
            connection = _connect(":memory:")
        self._connection = connection
        self._opens += 1
        return connection


def _connect(path: str) -> sqlite3.Connection:
    """Open without waiting for the disk: what a power cut takes is learned again."""
    return sqlite.connect(path, migrations=_MIGRATIONS, synchronous="OFF", any_thread=True)


def release_probe(row: BreakerRow, owner: str) -> BreakerRow:
    """The row once `owner` no longer tries; unchanged when somebody else does."""
    return replace(row, probe_by="", probe_until=0.0) if row.probe_by == owner else row
