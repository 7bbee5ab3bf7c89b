"""Contents in the database, each found by its digest; what stored bytes mean is the business of `objects.py` above."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiex.sessions.checkpoints.stores.database import Database

_COLUMNS = "n, id, kind, codec, depth, base, size, data"


class ObjectRow(NamedTuple):
    """A content as it is stored."""

    n: int
    """Its number in this file; a base has a smaller one than what is made from it."""
    id: bytes
    kind: int
    codec: int
    depth: int
    """How many others must be read first."""
    base: int | None
    size: int
    """Of the content, in bytes."""
    data: bytes


class Head(NamedTuple):
    """What one row says of itself and others."""

    n: int
    id: bytes
    kind: int
    codec: int
    base: int | None
    stored: int
    """Bytes of it in the database."""


class ObjectRows:
    """Rows by digest or number; every method raises StoreError when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = database.path

    def kind(self, id: bytes) -> int | None:
        """Of what kind the content with this digest is; None when there is none."""
        with self._database.lock, sqlite.translated_errors(self._path):
            found = self._database.connection.execute("select kind from objects where id = ?", (id,)).fetchone()
        return None if found is None else found[0]

    def find(self, id: bytes) -> ObjectRow | None:
        """The row of a content."""
        return self._one("id", id)

    def numbered(self, n: int) -> ObjectRow | None:
        """The row with this number."""
        return self._one("n", n)

    def _one(self, column: str, value: bytes | int) -> ObjectRow | None:
        statement = f"select {_COLUMNS} from objects where {column} = ?"  # noqa: S608  (one of two names)
        with self._database.lock, sqlite.translated_errors(self._path):
            found = self._database.connection.execute(statement, (value,)).fetchone()
        return None if found is None else ObjectRow(*found)

    def add(self, row: ObjectRow) -> None:
        """Keep a content; its number does not count. Nothing happens when there is one with this digest."""
        with self._database.writing(), sqlite.translated_errors(self._path):
            self._database.connection.execute(
                "insert or ignore into objects (id, kind, codec, depth, base, size, data) values (?, ?, ?, ?, ?, ?, ?)",
                row[1:],
            )

    def heads(self) -> list[Head]:
        """Every row without its bytes, in the order they came."""
        statement = "select n, id, kind, codec, base, length(data) from objects order by n"
        with self._database.lock, sqlite.translated_errors(self._path):
            return [Head(*row) for row in self._database.connection.execute(statement)]

    def read_all(self) -> Iterator[ObjectRow]:
        """Every row in the order they came."""
        for head in self.heads():
            row = self.numbered(head.n)
            if row is not None:
                yield row

    def remove(self, numbers: Iterable[int]) -> None:
        """Take rows out."""
        with self._database.writing(), sqlite.translated_errors(self._path):
            self._database.connection.executemany("delete from objects where n = ?", ((n,) for n in numbers))
