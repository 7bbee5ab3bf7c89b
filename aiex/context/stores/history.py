"""The history of a repository at one commit, in one SQLite file per workspace.

It is written whole in one transaction and read in one query, so a reader never sees half of it. All of it can be
read from git again: a damaged or newer file is set aside and begun anew.
"""

from typing import TYPE_CHECKING

from aiex import sqlite
from aiex.context.stores.opening import begin_anew, open_or_begin
from aiex.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

MIGRATIONS = ("create table parts (name text primary key, value blob not null) without rowid;",)


class HistoryStore:
    """Named bytes that belong together; every method raises StoreError when the database fails."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection: sqlite3.Connection = sqlite.connect(path, migrations=MIGRATIONS, any_thread=True)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def begin_anew(self, error: StoreError) -> str:
        """Set the file aside that failed with this error and go on with an empty one; gives what to say about it."""
        self.close()
        fresh, said = begin_anew(HistoryStore, self.path, error)
        self.path, self.connection = fresh.path, fresh.connection
        return said

    def load(self) -> dict[str, bytes]:
        """All parts, none when nothing was saved."""
        with sqlite.translated_errors(self.path):
            return dict(self.connection.execute("select name, value from parts"))

    def save(self, parts: "Mapping[str, bytes]") -> None:
        """Put these parts in place of all that was there."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("delete from parts")
            self.connection.executemany("insert into parts values (?, ?)", parts.items())


def open_history_store(path: str) -> tuple[HistoryStore, str]:
    """The store at a path, and what had to be said about opening it (empty when all was well)."""
    return open_or_begin(HistoryStore, path)
