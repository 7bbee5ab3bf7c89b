"""The archive of sessions: rows that are not appended to any more, compressed, in one SQLite file.

Rows come back as they went in, bit for bit: each piece carries a digest of what it holds, and a piece that does not fit
it is an error, never other rows.
"""

from __future__ import annotations

import struct
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex import sqlite
from aiex.digest import fingerprint
from aiex.errors import StoreError
from aiex.sessions.stores import Head, Row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

PIECE_BYTES: Final = 1 << 20
"""Packed together: larger pieces gain nothing, since zlib looks back 32 KB."""
MOST_PIECE_BYTES: Final = 1 << 31
_LEVEL: Final = 6
_MIGRATIONS: Final = (
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, seq INTEGER NOT NULL, position INTEGER NOT NULL, link BLOB NOT NULL,
        turn INTEGER NOT NULL, at_ms INTEGER NOT NULL, plain_bytes INTEGER NOT NULL, packed_bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE pieces (
        session TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, plain_bytes INTEGER NOT NULL,
        digest TEXT NOT NULL, data BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX pieces_of ON pieces (session, first_seq);
    """,
)
_MARKS: Final = struct.Struct(">qqqqHBHHI")
"""position, seq, at_ms, turn, v, sealed and copied as bits, then the sizes of type, link and data."""


class DamagedArchive(sqlite.DamagedStore):
    """A piece of one session is damaged or missing; the others may be whole."""


class Packed(NamedTuple):
    """How large an archived session is."""

    plain_bytes: int
    packed_bytes: int


class ColdStore:
    """The file at `path`; every method raises StoreError when the database fails. What was put is on disk."""

    def __init__(self, path: str) -> None:
        """Open the file, or make it; one that can only be read, as on a full disk, is read from a copy in memory."""
        self.path = path
        self._lock = RLock()
        self._connection, self._refusal = sqlite.connect_or_copy(path, _connect)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def put(self, session: str, rows: Iterable[Row]) -> Packed:
        """Keep all rows of a session in the place of what was kept of it, in one transaction."""
        self._require_writable()
        with self._lock, sqlite.translated_errors(self.path), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            _delete(connection, session)
            plain, packed, last = 0, 0, None
            for piece in _pieces(rows):
                last = piece[-1]
                data = b"".join(map(_pack, piece))
                small = _compress(data)
                plain, packed = plain + len(data), packed + len(small)
                connection.execute(
                    "INSERT INTO pieces VALUES (?, ?, ?, ?, ?, ?)",
                    (session, piece[0].seq, last.seq, len(data), fingerprint(data), small),
                )
            if last is None:
                raise StoreError(f"cannot archive session {session}: it has no events")
            head = (last.seq, last.position, last.link, last.turn, last.at_ms)
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (session, *head, plain, packed))
            return Packed(plain, packed)

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Row]:
        """The rows of a session in order. Raises DamagedArchive where a piece is damaged or missing."""
        last = 2**62 if upto_seq is None else upto_seq
        expected = None
        for first, data in self._pieces_of(session, after_seq, last):
            if expected not in (None, first):
                raise self._damaged(session)
            expected = first
            for row in self._unpack(session, data):
                if row.seq != expected:
                    raise self._damaged(session)
                expected += 1
                if after_seq < row.seq <= last:
                    yield row
        head = self.head(session)
        if (
            head is not None
            and after_seq < min(last, head.seq)
            and (expected is None or expected <= min(last, head.seq))
        ):
            raise self._damaged(session)

    def head(self, session: str) -> Head | None:
        """The end of a session; None when it is not here."""
        question = "SELECT seq, position, link, turn, at_ms FROM sessions WHERE id = ?"
        with self._lock, sqlite.translated_errors(self.path):
            row = self._connection.execute(question, (session,)).fetchone()
            return Head(*row) if row else None

    def seqs(self) -> dict[str, int]:
        """Every session here, and how many events it has."""
        with self._lock, sqlite.translated_errors(self.path):
            return dict(self._connection.execute("SELECT id, seq FROM sessions ORDER BY id"))

    def size_of(self, session: str) -> Packed | None:
        """How large a session is; None when it is not here."""
        question = "SELECT plain_bytes, packed_bytes FROM sessions WHERE id = ?"
        with self._lock, sqlite.translated_errors(self.path):
            row = self._connection.execute(question, (session,)).fetchone()
            return Packed(*row) if row else None

    def remove(self, session: str) -> bool:
        """Take a session out, and write zeros over where it was; False when there was none."""
        self._require_writable()
        with self._lock, sqlite.translated_errors(self.path):
            connection = self._connection
            connection.execute("PRAGMA secure_delete = ON")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                removed = _delete(connection, session)
            if removed:
                connection.executescript("PRAGMA incremental_vacuum")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return removed

    def _require_writable(self) -> None:
        if self._refusal is not None:
            raise self._refusal

    def _pieces_of(self, session: str, after_seq: int, last: int) -> Iterator[tuple[int, bytes]]:
        """First number and content of the pieces that hold some of these; nothing is locked between two of them."""
        question = (
            "SELECT first_seq, last_seq, plain_bytes, digest, data FROM pieces"
            " WHERE session = ? AND last_seq > ? AND first_seq <= ? ORDER BY first_seq LIMIT 1"
        )
        while after_seq < last:
            with self._lock, sqlite.translated_errors(self.path):
                row = self._connection.execute(question, (session, after_seq, last)).fetchone()
            if row is None:
                return
            first, after_seq, size, digest, packed = row
            data = _decompress(packed, size)
            if data is None or fingerprint(data) != digest:
                raise self._damaged(session)
            yield first, data

    def _unpack(self, session: str, data: bytes) -> Iterator[Row]:
        at = 0
        while at < len(data):
            position, seq, at_ms, turn, v, bits, type_size, link_size, size = _MARKS.unpack_from(data, at)
            start = at + _MARKS.size
            link_at, data_at = start + type_size, start + type_size + link_size
            at = data_at + size
            kind = data[start:link_at].decode()
            yield Row(
                position, session, seq, at_ms, turn, kind, v, data[data_at:at], data[link_at:data_at],
                bool(bits & 1), bool(bits & 2),
            )  # fmt: skip

    def _damaged(self, session: str) -> DamagedArchive:
        return DamagedArchive(
            f"cannot read archived session {session} in {self.path}: a piece of it is damaged or missing",
            hint="bring the file back from a backup",
        )


def _connect(path: str) -> sqlite3.Connection:
    return sqlite.connect(path, migrations=_MIGRATIONS, synchronous="FULL", any_thread=True, shrinkable=True)


def _pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += len(row.data) + _MARKS.size
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _pack(row: Row) -> bytes:
    kind = row.type.encode()
    marks = _MARKS.pack(
        row.position, row.seq, row.at_ms, row.turn, row.v, bool(row.sealed) | bool(row.copied) << 1,
        len(kind), len(row.link), len(row.data),
    )  # fmt: skip
    return marks + kind + row.link + row.data


def _compress(data: bytes) -> bytes:
    import zlib

    return zlib.compress(data, _LEVEL)


def _decompress(packed: bytes, size: int) -> bytes | None:
    import zlib

    if not 0 <= size <= MOST_PIECE_BYTES:
        return None
    try:
        return zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error:
        return None


def _delete(connection: sqlite3.Connection, session: str) -> bool:
    connection.execute("DELETE FROM pieces WHERE session = ?", (session,))
    return connection.execute("DELETE FROM sessions WHERE id = ?", (session,)).rowcount > 0
