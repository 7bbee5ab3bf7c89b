"""The cold tier: what was not used for long, compressed, in one SQLite file.

Each value begins with a byte that says how it is compressed and a checksum of the content, so a damaged value is
missing, not wrong. Values that were packed by a codec which this Python does not have are missing too.
"""

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from aiex import sqlite
from aiex.context.tiers import Kind, Statistics
from aiex.context.tiers._ledger import SCHEMA, Kept, Ledger, in_batches

if TYPE_CHECKING:
    import sqlite3

LIMIT_BYTES = 1_000_000_000
MIGRATIONS = (f"create table items (key text primary key, value blob not null);{SCHEMA}",)
HEAD_BYTES = 5
"""Codec byte and CRC-32 of the content."""
LZMA_FROM_BYTES = 65_536
"""Larger values win 10 to 25 % over zlib and are worth the time; without zstd (Python 3.14)."""


class Codec(NamedTuple):
    """One way to compress."""

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]
    errors: tuple[type[Exception], ...]


class Cold:
    """One store; every method raises StoreError when the database fails."""

    def __init__(self, path: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self.unknown_codecs: set[int] = set()
        """Codec bytes that were met and are not known here."""
        self.connection: sqlite3.Connection = sqlite.connect(
            path, migrations=MIGRATIONS, any_thread=True, shrinkable=True
        )
        self.ledger = Ledger(self.connection, "cold", limit_bytes)
        self._lock = RLock()

    def close(self) -> None:
        """Close the database."""
        with self._lock, sqlite.translated_errors(self.path):
            self.connection.close()

    def get(self, key: str) -> bytes | None:
        """The value as it was put; None when it is not here or damaged."""
        with self._lock, sqlite.translated_errors(self.path):
            row = self.connection.execute("select value from items where key = ?", (key,)).fetchone()
            value = self._unpack(row[0]) if row else None
            self.ledger.count("misses" if value is None else "hits")
            if value is not None:
                self.ledger.note_use("", key)
            return value

    def put(self, key: str, value: bytes, size_bytes: int | None = None) -> None:
        """Keep a value, compressed."""
        self.put_many([(key, value)])

    def put_many(self, items: Sequence[tuple[str, bytes]]) -> None:
        """Keep many values in one transaction."""
        packed = [(key, pack(value)) for key, value in items]
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.executemany("insert or replace into items values (?, ?)", packed)
            self.ledger.enter("", [(key, len(value)) for key, value in packed])
            self.ledger.flush()

    def remove(self, key: str) -> None:
        """Forget a value; no transaction when it is not here."""
        with self._lock, sqlite.translated_errors(self.path):
            row = self.connection.execute("select 1 from items where key = ?", (key,)).fetchone()
        if row:
            self.remove_many([key])

    def remove_many(self, keys: Sequence[str], *, counted: str = "") -> None:
        """Forget values, whatever happened to them since."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.executemany("delete from items where key = ?", [(key,) for key in keys])
            self.ledger.drop("", keys)
            if counted:
                self.ledger.count(counted, len(keys))
            self.ledger.flush()

    def find(self, key: str) -> Kept | None:
        """When a value came in and how large it is, None when it is not here."""
        with self._lock, sqlite.translated_errors(self.path):
            return self.ledger.find("", key)

    def let_go(self, kept: Sequence[Kept], *, counted: str = "") -> None:
        """Forget values that are in a faster tier now, unless they came down again since `kept` was read."""
        with self._lock, sqlite.translated_errors(self.path), self.connection:
            self.connection.execute("begin immediate")
            ours = [(one.key,) for one in kept if self.ledger.is_unchanged(one)]
            self.connection.executemany("delete from items where key = ?", ours)
            self.ledger.drop("", [key for (key,) in ours])
            if counted:
                self.ledger.count(counted, len(ours))
            self.ledger.flush()

    def shrink(self, limit_bytes: int) -> None:
        """Evict what was used longest ago, in small transactions, and give its space back."""
        with self._lock, sqlite.translated_errors(self.path):
            leaving = self.ledger.oldest(self.ledger.totals()[1] - limit_bytes)
        for batch in in_batches(leaving):
            self.remove_many([kept.key for kept in batch], counted="evictions")
            self.give_back()

    def keys(self, prefix: str) -> list[str]:
        """Keys that begin so, in order."""
        with self._lock, sqlite.translated_errors(self.path):
            rows = self.connection.execute(
                "select key from kept where kind = '' and key >= ? and substr(key, 1, ?) = ? order by key",
                (prefix, len(prefix), prefix),
            )
            return [row[0] for row in rows]

    def give_back(self) -> None:
        """Return some free pages to the file system."""
        with self._lock, sqlite.translated_errors(self.path):
            self.connection.executescript("PRAGMA incremental_vacuum(500)")  # `execute` would stop after one page

    def statistics(self) -> Statistics:
        """What is here now and what happened so far."""
        with self._lock, sqlite.translated_errors(self.path):
            return self.ledger.statistics()

    def _unpack(self, packed: object) -> bytes | None:
        if not isinstance(packed, bytes) or len(packed) < HEAD_BYTES:
            return None
        codec = codecs().get(packed[0])
        if codec is None:
            self.unknown_codecs.add(packed[0])
            return None
        try:
            value = codec.unpack(packed[HEAD_BYTES:])
        except codec.errors:
            return None
        return value if zlib.crc32(value) == int.from_bytes(packed[1:HEAD_BYTES]) else None


@cache
def codecs() -> dict[int, Codec]:
    """What this Python can pack and unpack, by the byte that says so."""
    known = {
        0: Codec(bytes, bytes, ()),
        1: Codec(zlib.compress, zlib.decompress, (zlib.error,)),
    }
    with suppress(ImportError):  # an interpreter built without it
        import lzma

        known[2] = Codec(lzma.compress, lzma.decompress, (lzma.LZMAError, EOFError))
    with suppress(ImportError):  # before Python 3.14
        zstd = import_module("compression.zstd")

        known[3] = Codec(zstd.compress, zstd.decompress, (zstd.ZstdError, EOFError))
    return known


def pack(value: bytes) -> bytes:
    """A value as it is stored: codec byte, checksum, and the smaller of the content and the compressed content."""
    number = 3 if 3 in codecs() else 2 if 2 in codecs() and len(value) >= LZMA_FROM_BYTES else 1
    packed = codecs()[number].pack(value)
    if len(packed) >= len(value):
        number, packed = 0, bytes(value)
    return bytes([number]) + zlib.crc32(value).to_bytes(4) + packed


TIER = Kind(Cold, "cold.db")
