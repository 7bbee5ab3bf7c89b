"""The history of a repository at one commit, in one SQLite file per workspace.

It is written whole in one transaction and read in one query, so a reader never sees half of it. All of it can be
read from git again.
"""

from typing import TYPE_CHECKING

from aiex import sqlite

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

    def load(self) -> dict[str, bytes]:
        """All parts, none when nothing was saved."""
        with sqlite.translated_errors(self.path):
            return dict(self.connection.execute("select name, value from parts"))

    def save(self, parts: "Mapping[str, bytes]") -> None:
        """Put these parts in place of all that was there."""
        with sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("delete from parts")
            self.connection.executemany("insert into parts values (?, ?)", parts.items())
