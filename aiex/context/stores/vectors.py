"""Vectors of texts by model and content, in one SQLite file per workspace.

The same content is never embedded twice, whatever file it lies in. All of it can be asked for again. Beside the
vectors it is kept which texts each file has, so that files need not be read to know what has a vector.
"""

from __future__ import annotations

import os
import sys
from array import array
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex import sqlite
from aiex.context.vectors.unit import Vector, to_sketch

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence

MIGRATIONS = (
    """
    create table models (id integer primary key, name text not null unique);
    create table sketches (
        id integer primary key, model integer not null references models, digest text not null,
        dimensions integer not null, sketch blob not null, unique (model, digest)
    );
    create table vectors (id integer primary key, numbers blob not null);
    """,
    "create table files (path blob primary key, state text not null, digests text not null) without rowid;",
)
_AT_ONCE = 500


class Texts(NamedTuple):
    """Which texts a file has."""

    state: str
    """Whatever makes its texts other ones."""
    digests: tuple[str, ...]
    """In the order of its documents."""


class VectorStore:
    """One store; safe for threads, every method raises StoreError when the database fails."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = Lock()
        self.connection: sqlite3.Connection = sqlite.connect(path, migrations=MIGRATIONS, any_thread=True)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def missing(self, model: str, digests: Sequence[str]) -> list[str]:
        """Those of the digests that have no vector of this model, in order and each once."""
        known = self.sketches(model, digests)
        return [digest for digest in dict.fromkeys(digests) if digest not in known]

    def save(self, model: str, vectors: Mapping[str, Vector[float]]) -> None:
        """Keep vectors by digest in one transaction, replacing older ones."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("insert or ignore into models(name) values (?)", (model,))
            (number,) = self.connection.execute("select id from models where name = ?", (model,)).fetchone()
            for digest, vector in vectors.items():
                sketch = to_sketch(vector).to_bytes((len(vector) + 7) // 8, "big")
                (row,) = self.connection.execute(
                    "insert into sketches(model, digest, dimensions, sketch) values (?, ?, ?, ?)"
                    " on conflict do update set dimensions = excluded.dimensions, sketch = excluded.sketch"
                    " returning id",
                    (number, digest, len(vector), sketch),
                ).fetchone()
                self.connection.execute("insert or replace into vectors values (?, ?)", (row, _to_bytes(vector)))

    def sketches(self, model: str, digests: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Dimensions and sketch of those digests that have a vector. Cost: about 5 µs each."""
        query = "select digest, dimensions, sketch from sketches where model = ? and digest in ({})"
        return {
            digest: (dimensions, int.from_bytes(sketch, "big"))
            for digest, dimensions, sketch in self._rows(query, model, digests)
        }

    def vectors(self, model: str, digests: Sequence[str]) -> dict[str, Vector[float]]:
        """Vectors of those digests that have one of this model."""
        query = (
            "select digest, numbers from sketches join vectors on vectors.id = sketches.id"
            " where model = ? and digest in ({})"
        )
        return {digest: _from_bytes(numbers) for digest, numbers in self._rows(query, model, digests)}

    def tidy(self, model: str, used: Collection[str]) -> int:
        """Drop every vector of another model or of content that nothing uses any more; gives how many were dropped."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            rows = self.connection.execute(
                "select sketches.id, name, digest from sketches join models on models.id = model"
            )
            kept = used if isinstance(used, frozenset | set) else set(used)
            gone = [(row,) for row, name, digest in rows.fetchall() if name != model or digest not in kept]
            self.connection.executemany("delete from sketches where id = ?", gone)
            self.connection.executemany("delete from vectors where id = ?", gone)
            self.connection.execute("delete from models where id not in (select model from sketches)")
        return len(gone)

    def counts(self) -> dict[str, int]:
        """How many vectors there are of each model, by its name."""
        query = "select name, count(*) from sketches join models on models.id = model group by name order by name"
        with self._lock, sqlite.translated_errors(self.path):
            return dict(self.connection.execute(query).fetchall())

    def files(self) -> dict[str, Texts]:
        """The texts of each file, by path. Cost: about 10 µs each."""
        with self._lock, sqlite.translated_errors(self.path):
            rows = self.connection.execute("select path, state, digests from files").fetchall()
        return {os.fsdecode(path): Texts(state, tuple(digests.split())) for path, state, digests in rows}

    def save_files(self, files: Mapping[str, Texts], gone: Collection[str] = ()) -> None:
        """Keep the texts of files in place of what they had before, and forget other files, in one transaction."""
        rows = [(os.fsencode(path), texts.state, " ".join(texts.digests)) for path, texts in files.items()]
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.executemany("insert or replace into files values (?, ?, ?)", rows)
            self.connection.executemany("delete from files where path = ?", [(os.fsencode(path),) for path in gone])

    def _rows(self, query: str, model: str, digests: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(digests), _AT_ONCE):
            part = digests[start : start + _AT_ONCE]
            with self._lock, sqlite.translated_errors(self.path):
                found = self.connection.execute("select id from models where name = ?", (model,)).fetchone()
                marks = ",".join("?" * len(part))
                rows = self.connection.execute(query.format(marks), (found[0], *part)).fetchall() if found else []
            yield from rows


def _to_bytes(vector: Vector[float]) -> bytes:
    """Little endian, so that a file may move between machines."""
    if sys.byteorder == "little":
        return vector.tobytes()
    turned = array("f", vector)
    turned.byteswap()
    return turned.tobytes()


def _from_bytes(data: bytes) -> Vector[float]:
    vector = array("f", data)
    if sys.byteorder != "little":
        vector.byteswap()
    return vector
