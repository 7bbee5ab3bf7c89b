"""Finds rows of the event log in the bytes of a damaged database, without trusting anything else in it.

SQLite finds a row by way of many pages, and gives up on one that is damaged; of its log of changes (WAL) it drops all
that follows the first damaged frame. The rows themselves can be whole: each begins with the sizes of its columns, and
those tell where it ends. So every page image in both files is searched for the form of such a beginning. What is found
is no more than a candidate: the link decides.

Formats: https://www.sqlite.org/fileformat2.html, sections 1.6 (cells, overflow), 2.1 (records) and 4 (WAL).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiex.guard.private import read_private
from aiex.patterns import late
from aiex.sessions.stores import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES: Final = 1 << 36
PAGE_BYTES: Final = 4096
"""Of files whose header does not say."""
WAL_HEADER, FRAME_HEADER = 32, 24
_INTEGER = rb"[\x01-\x06\x08\x09]"
_ROW: Final = late(rb"[\x0c-\x14]\x00\x2d" + _INTEGER * 3)
"""Length of the header; position (kept as the row's id), 16 characters of session, and three whole numbers."""
_ENTRY: Final = late(rb"\x04\x2d" + _INTEGER * 2 + rb"([0-9a-f]{16})")
"""Of the index: session, number, position."""
_SESSION: Final = late(rb"[0-9a-f]{16}")
_SIZES: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
_COLUMNS: Final = 11


class Found(NamedTuple):
    """What the bytes hold."""

    rows: dict[str, dict[int, list[Row]]]
    """Candidates by session and number, the best first."""
    seqs: dict[str, set[int]]
    """The numbers of each session that the index names."""


class Image(NamedTuple):
    """One page as it stood at some time."""

    number: int
    data: memoryview


def carve(path: str) -> Found:
    """Every row and index entry that the database at `path` and its WAL still hold, however damaged they are.

    Raises:
        StoreError: if a file cannot be read.

    Cost: 25 µs a row, and the files in memory.
    """
    base, log = memoryview(_read(path)), memoryview(_read(f"{path}-wal"))
    size = _page_size(base, log)
    images = [*_images_of_log(log, size), *_images_of_base(base, size)]
    pages: dict[int, list[memoryview]] = {}
    for image in images:
        pages.setdefault(image.number, []).append(image.data)
    rows: dict[str, dict[int, list[Row]]] = {}
    seqs: dict[str, set[int]] = {}
    for image in images:
        for row in _rows_of(image, pages, size):
            known = rows.setdefault(row.session, {}).setdefault(row.seq, [])
            if row not in known:
                known.append(row)
        for session, seq in _entries_of(image):
            seqs.setdefault(session, set()).add(seq)
    return Found(rows, seqs)


def _read(path: str) -> bytes:
    """The bytes of a file; none where there is no file."""
    if os.path.isdir(path):
        return b""
    return read_private(path, limit_bytes=MOST_BYTES) or b""


def _page_size(base: memoryview, log: memoryview) -> int:
    for said in (int.from_bytes(base[16:18]), int.from_bytes(log[8:12])):
        size = 65536 if said == 1 else said
        if 512 <= size <= 65536 and not size & (size - 1):
            return size
    return PAGE_BYTES


def _images_of_base(base: memoryview, size: int) -> Iterator[Image]:
    for at in range(0, len(base), size):
        yield Image(at // size + 1, base[at : at + size])


def _images_of_log(log: memoryview, size: int) -> Iterator[Image]:
    """The frames, the last first: those of this round of the log, or all where its header is not whole."""
    step = FRAME_HEADER + size
    salts = log[16:24]
    starts = [at for at in range(WAL_HEADER, len(log) - FRAME_HEADER, step)]
    ours = [at for at in starts if log[at + 8 : at + 16] == salts]
    for at in reversed(ours if len(ours) > len(starts) // 2 else starts):
        yield Image(int.from_bytes(log[at : at + 4]), log[at + FRAME_HEADER : at + step])


def _rows_of(image: Image, pages: dict[int, list[memoryview]], size: int) -> Iterator[Row]:
    data = bytes(image.data)
    for match in _ROW.finditer(data):
        try:
            yield from _parse_row(data, match.start(), pages, size)
        except (ValueError, IndexError):
            continue


def _parse_row(page: bytes, start: int, pages: dict[int, list[memoryview]], size: int) -> Iterator[Row]:
    """The row whose record begins here: once or, where an overflow page stands in two versions, twice."""
    header_bytes, at = page[start], start + 1
    kinds = []
    while at < start + header_bytes:
        kind, at = _read_varint(page, at)
        kinds.append(kind)
    if len(kinds) != _COLUMNS or at != start + header_bytes or not _SESSION.match(page, at):
        raise ValueError("no row")
    sizes = [_SIZES[kind] if kind < 10 else (kind - 12) // 2 for kind in kinds]
    whole_bytes = header_bytes + sum(sizes)
    here = _local_bytes(whole_bytes, size)
    position = _position_before(page, start, whole_bytes)
    local = page[start : start + here]
    if here == whole_bytes:
        yield _to_row(position, local[header_bytes:], kinds, sizes)
        return
    first = int.from_bytes(page[start + here : start + here + 4])
    seen: list[bytes] = []
    for version in (0, -1):
        whole = local + _follow_overflow(first, whole_bytes - here, pages, version)
        if len(whole) == whole_bytes and whole not in seen:
            seen.append(whole)
            yield _to_row(position, whole[header_bytes:], kinds, sizes)


def _follow_overflow(number: int, wanted: int, pages: dict[int, list[memoryview]], version: int) -> bytes:
    """What the chain of pages holds from here; too little where it breaks."""
    pieces, left = [], wanted
    while left > 0 and number in pages:
        page = pages[number][version]
        piece = bytes(page[4 : 4 + left])
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
        number = int.from_bytes(page[:4])
    return b"".join(pieces)


def _to_row(position: int, body: bytes, kinds: list[int], sizes: list[int]) -> Row:
    values: list[int | bytes] = []
    at = 0
    for kind, size in zip(kinds, sizes, strict=True):
        piece = body[at : at + size]
        at += size
        if len(piece) != size:
            raise ValueError("cut")
        values.append(piece if kind >= 12 else kind - 8 if kind in (8, 9) else int.from_bytes(piece, signed=True))
    _, session, seq, at_ms, turn, name, v, link, sealed, copied, data = values
    if not (isinstance(session, bytes) and isinstance(name, bytes) and isinstance(link, bytes)):
        raise ValueError("no row")
    if isinstance(seq, bytes) or isinstance(at_ms, bytes) or isinstance(turn, bytes) or isinstance(v, bytes):
        raise ValueError("no row")
    if not isinstance(data, bytes) or sealed not in (0, 1) or copied not in (0, 1) or seq < 1:
        raise ValueError("no row")
    return Row(
        position, session.decode(), seq, at_ms, turn, name.decode(), v, data, link, sealed == 1, copied == 1
    )  # fmt: skip


def _entries_of(image: Image) -> Iterator[tuple[str, int]]:
    data = bytes(image.data)
    for match in _ENTRY.finditer(data):
        kind = data[match.start() + 2]
        size = _SIZES[kind]
        seq = kind - 8 if kind in (8, 9) else int.from_bytes(data[match.end() : match.end() + size], signed=True)
        if 0 < seq < 1 << 40:
            yield match[1].decode(), seq


def _local_bytes(whole_bytes: int, size: int) -> int:
    """How much of a record lies in its own page; the rest is in overflow pages."""
    most = size - 35
    if whole_bytes <= most:
        return whole_bytes
    least = (size - 12) * 32 // 255 - 23
    wanted = least + (whole_bytes - least) % (size - 4)
    return wanted if wanted <= most else least


def _position_before(page: bytes, start: int, whole_bytes: int) -> int:
    """The row's id, which stands between the size of the record and the record; 0 where it is not whole."""
    size = _varint(whole_bytes)
    for length in range(1, 9):
        at = start - length
        if at - len(size) >= 0 and page[at - len(size) : at] == size:
            position, end = _read_varint(page, at)
            if end == start:
                return position
    return 0


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _varint(value: int) -> bytes:
    """A number below 2^56 as SQLite writes it."""
    pieces = [value & 0x7F]
    while value := value >> 7:
        pieces.append(value & 0x7F | 0x80)
    return bytes(reversed(pieces))


def drops_changes(path: str) -> bool:
    """Whether SQLite would drop whole transactions from the WAL of the database at `path`, because one is damaged.

    It takes frames up to the first whose checksum is wrong, without a word. After a crash none that was committed
    follows. Nobody may have the database open.

    Cost: 40 ms a megabyte; nothing after the last process closed the database in peace, for then there is no WAL.
    """
    log = memoryview(_read(f"{path}-wal"))
    if len(log) <= WAL_HEADER + FRAME_HEADER:
        return False
    size = int.from_bytes(log[8:12])
    order: Literal["little", "big"] = "big" if log[3] & 1 else "little"
    sums = _add_up(log[:24], (0, 0), order)
    if sums != _sums_at(log, 24) or not 512 <= size <= 65536:
        return True
    is_whole = True
    for at in range(WAL_HEADER, len(log) - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        if log[at + 8 : at + 16] != log[16:24]:
            is_whole = False
            continue
        if is_whole:
            sums = _add_up(log[at : at + 8], sums, order)
            sums = _add_up(log[at + FRAME_HEADER : at + FRAME_HEADER + size], sums, order)
            is_whole = sums == _sums_at(log, at + 16)
        elif any(log[at + 4 : at + 8]):  # the last frame of a transaction
            return True
    return False


def _sums_at(log: memoryview, at: int) -> tuple[int, int]:
    return int.from_bytes(log[at : at + 4]), int.from_bytes(log[at + 4 : at + 8])


def _add_up(data: memoryview, sums: tuple[int, int], order: Literal["little", "big"]) -> tuple[int, int]:
    """The checksum of the WAL, section 4.2 of the format."""
    first, second = sums
    words = struct.unpack(f"{'<' if order == 'little' else '>'}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
