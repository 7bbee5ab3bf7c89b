"""How many tokens models count where we count one, learned from their answers and shared by all processes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from aiex import sqlite
from aiex.errors import StoreError
from aiex.record import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

FILE_NAME: Final = "tokens.db"

_MIGRATIONS: Final = (
    """
    CREATE TABLE ratios (
        model TEXT NOT NULL,
        measure TEXT NOT NULL,
        kind TEXT NOT NULL,
        factor REAL NOT NULL CHECK (factor > 0),
        seen INTEGER NOT NULL,
        PRIMARY KEY (model, measure, kind)
    ) STRICT;
    """,
)


@record
class Ratio:
    """A factor, and how many answers taught it."""

    factor: float
    seen: int


Ratios = dict[tuple[str, str], Ratio]
"""Of one model: by measure and kind of text."""


class RatioStore:
    """The database `tokens.db`, or one in memory; every method may be called from any thread."""

    def __init__(self, path: str = ":memory:") -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def read(self, model: str) -> Ratios:
        """What was learned about a model; nothing is created where nothing was learned yet.

        Raises:
            StoreError: if the file cannot be read.
        """
        with self._lock:
            if self._connection is None and self.path != ":memory:" and not os.path.exists(self.path):
                return {}
            with sqlite.translated_errors(self.path):
                return _read(self._opened(), model)

    def change(self, model: str, changed: Callable[[Mapping[tuple[str, str], Ratio]], Ratios]) -> Ratios:
        """Replace what is known about a model by what `changed` makes of it; no other process comes between.

        Raises:
            StoreError: if the file cannot be written.
        """
        with self._lock, sqlite.translated_errors(self.path):
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                after = changed(_read(connection, model))
                connection.executemany(
                    "INSERT OR REPLACE INTO ratios VALUES (?, ?, ?, ?, ?)",
                    [(model, measure, kind, row.factor, row.seen) for (measure, kind), row in after.items()],
                )
        return after

    def _opened(self) -> sqlite3.Connection:
        """The connection. What is kept here only helps: a damaged file is set aside, without a place memory serves."""
        if self._connection is None:
            try:
                self._connection = _open(self.path)
            except sqlite.DamagedStore:
                sqlite.set_aside(self.path)
                self._connection = _open(self.path)
            except StoreError:
                self._connection = _open(":memory:")
        return self._connection


def _open(path: str) -> sqlite3.Connection:
    return sqlite.connect(path, migrations=_MIGRATIONS, any_thread=True)


def _read(connection: sqlite3.Connection, model: str) -> Ratios:
    rows = connection.execute("SELECT measure, kind, factor, seen FROM ratios WHERE model = ?", (model,))
    return {(measure, kind): Ratio(factor, seen) for measure, kind, factor, seen in rows}
