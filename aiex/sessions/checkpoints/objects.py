"""Contents by their digest: each kept once, as changes to another one where that is smaller, and checked when read."""

from __future__ import annotations

import zlib
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

from aiex.sessions.checkpoints.deltas import apply_delta, make_delta
from aiex.sessions.checkpoints.pieces import cut
from aiex.sessions.checkpoints.stores.database import Database
from aiex.sessions.checkpoints.stores.objects import ObjectRow, ObjectRows
from aiex.sqlite import DamagedStore

try:
    from _blake2 import blake2b  # as in aiex/digest.py
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

FILE, TREE, PIECE = 1, 2, 3
"""Kinds of contents; part of the digest, so that none can stand for one of another kind."""
RAW, PACKED, DELTA, PACKED_DELTA, PIECES = range(5)
"""Codecs: as it is, deflated (RFC 1951), changes to the base, these deflated, digests of pieces."""
ID_BYTES: Final = 20
MOST_DEPTH: Final = 20
"""How many contents may have to be read for one."""
WHOLE_BYTES: Final = 1 << 20
"""Larger ones are kept in pieces."""
DELTA_BYTES: Final = 8 << 20
"""Larger ones are not compared with what was before."""
_LEVEL, _LARGE_LEVEL, _LARGE_BYTES = 4, 1, 32 << 10
"""Of zlib, and from which size on the lower one: 4 takes a sixth longer than 1 for 6 % less."""
_MEMORY: Final = 7
"""Of zlib; its own 8, with a window that is not fitted to the content, takes twice as long for files of 3,400 bytes,
because the system gives and takes that memory for each one (benchmarks/checkpoints.py)."""
_TRIED_BYTES: Final = 4096
_RECENT_BYTES: Final = 2 << 20
_PIECE_GAIN: Final = 16 << 10
"""A large content is kept as changes when these are smaller than the piece that would be new."""


class Objects:
    """The contents that checkpoints are made of, in one database. Threads may share it; they take turns."""

    def __init__(self, path: str) -> None:
        self.database = Database(path)
        self.rows = ObjectRows(self.database)
        self._recent = _Recent()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def writing(self) -> AbstractContextManager[None]:
        """One synced transaction for all that is put inside; may be nested. See `Database.writing`."""
        return self.database.writing()

    def has(self, id: str, kind: int | None = None) -> bool:
        """Whether a content is here, of this kind if one is named; it is not read."""
        found = self.rows.kind(bytes.fromhex(id))
        return found is not None and kind in (None, found)

    def put(self, data: bytes, *, like: str | None = None) -> str:
        """Keep the content of a file and give its id, 40 hex digits.

        Args:
            like: Id of a content it may resemble, as the file had before; need not be here any more.

        Raises:
            StoreError: if the database cannot be written.

        Cost: 30 µs and 40 ns a byte; with `like` also a read of it and a diff.
        """
        return self._put(data, FILE, like)

    def put_tree(self, data: bytes, *, like: str | None = None) -> str:
        """Keep a packed directory; see `put`."""
        return self._put(data, TREE, like)

    def put_chunks(self, chunks: Iterable[bytes], *, like: str | None = None) -> str:
        """Keep the content of a file that comes in chunks; has the same id as when put whole.

        Up to `WHOLE_BYTES` are collected first; of a larger one only pieces are in memory.
        """
        coming = iter(chunks)
        first = bytearray()
        for chunk in coming:
            first += chunk
            if len(first) > WHOLE_BYTES:
                return self._put_pieces(chain([bytes(first)], coming))
        return self._put(bytes(first), FILE, like)

    def _put(self, data: bytes, kind: int, like: str | None) -> str:
        id = digest(kind, data)
        if self.rows.kind(id) is not None:
            return id.hex()
        is_large = len(data) > WHOLE_BYTES
        delta = self._as_delta(data, kind, id, like) if like and len(data) <= DELTA_BYTES else None
        if is_large and (delta is None or len(delta.data) > _PIECE_GAIN):
            return self._put_pieces(data[start : start + WHOLE_BYTES] for start in range(0, len(data), WHOLE_BYTES))
        if delta is None or len(delta.data) * 20 > len(data):
            whole = _row(id, kind, RAW, data)
            if delta is None or len(whole.data) <= len(delta.data):
                delta = whole
        self.rows.add(delta)
        return id.hex()

    def _as_delta(self, data: bytes, kind: int, id: bytes, like: str | None) -> ObjectRow | None:
        base = self.rows.find(bytes.fromhex(like)) if like else None
        if base is None or base.depth >= MOST_DEPTH or base.size > DELTA_BYTES or not base.size:
            return None
        try:
            delta = make_delta(self._open(base), data)
        except DamagedStore:  # verify will name it; what is new must not depend on it
            return None
        return _row(id, kind, DELTA, delta, size=len(data), base=base)

    def _put_pieces(self, chunks: Iterable[bytes]) -> str:
        running, size, ids = blake2b(bytes((FILE,)), digest_size=ID_BYTES), 0, bytearray()
        with self.writing():
            for piece in cut(chunks):
                running.update(piece)
                size += len(piece)
                ids += bytes.fromhex(self._put_whole(piece, PIECE))
            self.rows.add(ObjectRow(0, running.digest(), FILE, PIECES, 1, None, size, bytes(ids)))
        return running.hexdigest()

    def _put_whole(self, data: bytes, kind: int) -> str:
        id = digest(kind, data)
        if self.rows.kind(id) is None:
            self.rows.add(_row(id, kind, RAW, data))
        return id.hex()

    def get(self, id: str) -> bytes:
        """A content as it was put.

        Raises:
            DamagedStore: if it is not here, or what is here is not it; the message names the id.
        """
        return self._open(self._find(id))

    def read(self, id: str, kind: int) -> bytes:
        """A content that must be of this kind. Raises DamagedStore as `get` does."""
        row = self._find(id)
        if row.kind != kind:
            raise _damaged(id, "it is something else")
        return self._open(row)

    def get_tree(self, id: str) -> bytes:
        """A packed directory. Raises DamagedStore as `get` does."""
        return self.read(id, TREE)

    def size(self, id: str) -> int:
        """Bytes of a content, as the database says. Raises DamagedStore if it is not here."""
        return self._find(id).size

    def stream(self, id: str) -> Iterator[bytes]:
        """A content in pieces, each of at most 8 MB; each is checked, and their order before the last one is given."""
        row = self._find(id)
        if row.codec != PIECES:
            yield self._open(row)
            return
        running = blake2b(bytes((row.kind,)), digest_size=ID_BYTES)
        last = b""
        for piece in piece_ids(row.data):
            if last:
                yield last
            last = self.get(piece)
            running.update(last)
        if running.digest() != row.id:
            raise _damaged(id, "its pieces are those of another")
        yield last

    def _find(self, id: str) -> ObjectRow:
        row = self.rows.find(bytes.fromhex(id))
        if row is None:
            raise _damaged(id, "it is not there")
        return row

    def _open(self, row: ObjectRow) -> bytes:
        """The content of a row, checked. What stands between it and its first base is not: its own digest says all."""
        id = row.id.hex() if isinstance(row.id, bytes) else "?"
        with self.database.lock:
            try:
                data = self._unfold(row)
                is_whole = digest(row.kind, data) == row.id and row.size == len(data)
            except (ValueError, TypeError, zlib.error) as error:
                raise _damaged(id, "it cannot be unpacked") from error
            if not is_whole:
                raise _damaged(id, "it is not what was stored")
            self._recent.keep(row.id, data)
        return data

    def _unfold(self, row: ObjectRow) -> bytes:
        """Raises ValueError, TypeError or zlib.error where rows are not what they were."""
        links: list[ObjectRow] = []
        while row.codec in (DELTA, PACKED_DELTA):
            links.append(row)
            base = self.rows.numbered(row.base) if isinstance(row.base, int) else None
            if base is None or base.n >= row.n:
                raise ValueError("its base is not there")
            row = base
            if row.id in self._recent:
                break
        data = self._recent.get(row.id) if links else None
        if data is None:
            data = b"".join(map(self.get, piece_ids(row.data))) if row.codec == PIECES else _unpack(row)
        while links:
            data = apply_delta(data, _unpack(links.pop()))
        return data

    def check(self, row: ObjectRow) -> str:
        """What is wrong with a row, read anew; empty when nothing is. Pieces and bases are trusted if just checked."""
        try:
            self._open(row)
        except DamagedStore as error:
            return error.message
        is_delta = row.codec in (DELTA, PACKED_DELTA)
        base = self.rows.numbered(row.base) if is_delta and row.base is not None else None
        depth = base.depth + 1 if base else int(row.codec == PIECES)
        if is_delta != (row.base is not None) or row.depth != depth:
            return _damaged(row.id.hex(), "its entry was changed").message
        return ""

    def forget(self) -> None:
        """Read everything from the disk again, which a content that was read a moment ago is not."""
        self._recent.clear()


class _Recent:
    """Contents that were read and checked a moment ago: the versions of a file are made from each other."""

    def __init__(self) -> None:
        self._contents: dict[bytes, bytes] = {}
        self._size = 0

    def __contains__(self, id: bytes) -> bool:
        return id in self._contents

    def get(self, id: bytes) -> bytes | None:
        return self._contents.get(id)

    def keep(self, id: bytes, data: bytes) -> None:
        if len(data) > _RECENT_BYTES // 8 or id in self._contents:
            return
        self._contents[id] = data
        self._size += len(data)
        while self._size > _RECENT_BYTES:
            oldest = next(iter(self._contents))
            self._size -= len(self._contents.pop(oldest))

    def clear(self) -> None:
        self._contents.clear()
        self._size = 0


def digest(kind: int, data: bytes) -> bytes:
    """BLAKE2b of 20 bytes over the kind and the content."""
    running = blake2b(bytes((kind & 0xFF,)), digest_size=ID_BYTES)
    running.update(data)
    return running.digest()


def piece_ids(data: bytes) -> Iterator[str]:
    """The ids that a content in pieces consists of."""
    for start in range(0, len(data), ID_BYTES):
        yield data[start : start + ID_BYTES].hex()


def _row(
    id: bytes, kind: int, codec: int, data: bytes, *, size: int | None = None, base: ObjectRow | None = None
) -> ObjectRow:
    """A row of these bytes, packed where that makes them fewer; packed codecs follow their plain ones."""
    packed = _pack(data)
    depth, above = (base.depth + 1, base.n) if base else (0, None)
    size = len(data) if size is None else size
    if packed is None:
        return ObjectRow(0, id, kind, codec, depth, above, size, data)
    return ObjectRow(0, id, kind, codec + 1, depth, above, size, packed)


def _pack(data: bytes) -> bytes | None:
    """None where zlib does not help; of what is large, the first part tells."""
    if len(data) > 4 * _TRIED_BYTES and len(_deflate(data[:_TRIED_BYTES])) > _TRIED_BYTES * 31 // 32:
        return None
    packed = _deflate(data)
    return packed if len(packed) < len(data) else None


def _deflate(data: bytes) -> bytes:
    window = min(15, max(9, len(data).bit_length()))
    level = _LARGE_LEVEL if len(data) > _LARGE_BYTES else _LEVEL
    packer = zlib.compressobj(level, zlib.DEFLATED, -window, _MEMORY)
    return packer.compress(data) + packer.flush()


def _unpack(row: ObjectRow) -> bytes:
    """Raises ValueError or zlib.error where the bytes are not what the codec says."""
    if row.codec in (RAW, DELTA):
        return row.data
    if row.codec not in (PACKED, PACKED_DELTA):
        raise ValueError("an unknown codec")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(row.data, max(row.size, DELTA_BYTES) + 1)
    if inflater.unconsumed_tail or not inflater.eof or inflater.unused_data:
        raise ValueError("more or less than one content")
    return data


def _damaged(id: str, reason: str) -> DamagedStore:
    return DamagedStore(
        f"cannot read the content {id} of a checkpoint: {reason}",
        hint="aiex verify checkpoint tells which checkpoints are whole",
    )
