"""Goes through the records of a log in order, and stops at the first that is not as it was written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.guard.audit.entries import ABOUTS, WHATS
from aiex.guard.audit.frames import (
    HEADER_BYTES,
    LEAST_BYTES,
    LINK_BYTES,
    MOST_BYTES,
    ROW,
    VERSION,
    Chain,
    Fields,
    is_header,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Step = tuple[Fields, bytes, bytes, int]
"""Row, sealed payload, link, and where the record ends."""
BLOCK_BYTES: Final = 1 << 20
_NOTE, _LOST = WHATS["note"], ABOUTS["lost"]


class Position(NamedTuple):
    """A place between two records."""

    seq: int
    """Of the record before; 0 at the beginning."""
    offset: int
    link: bytes


class Gap(NamedTuple):
    """Numbers that no record has, because the log says itself that they were lost."""

    first: int
    last: int


class Walk:
    """The records from a position on; `position` and `problem` tell where it ended and why."""

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        chain: Chain,
        start: Position,
        is_wanted: Callable[[Fields], bool] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            read: Gives that many bytes from that place, or fewer at the end.
            chain: Of the log.
            start: Where to begin.
            is_wanted: Which records to give; all by default. Of the others only the row and the link are checked.
        """
        self.position = start
        self.problem = ""
        """Why the record after `position` is none; empty at a proper end."""
        self.gaps: list[Gap] = []
        self._read = read
        self._chain = chain
        self._is_wanted = is_wanted

    def __iter__(self) -> Iterator[Step]:
        seq, offset, link = self.position
        read, unpack, row_bytes = self._read, ROW.unpack_from, ROW.size
        hash_link, hash_data = self._chain.hashers()
        is_wanted = self._is_wanted
        data, at = b"", 0
        try:
            while True:
                if len(data) - at < LEAST_BYTES:
                    data, at = read(offset, BLOCK_BYTES), 0
                if not data[at : at + 4].strip(b"\0") or len(data) < LEAST_BYTES:
                    self.problem = self._judge_end(offset)
                    return
                row = unpack(data, at)
                if row[0] > len(data) - at and row[0] <= MOST_BYTES:
                    data, at = read(offset, max(BLOCK_BYTES, row[0])), 0
                end = at + row[0] - LINK_BYTES
                head, next_link = data[at : at + row_bytes], data[end : end + 32]
                state = hash_link()
                state.update(link + head)
                follows = state.digest() == next_link
                is_given, is_same = is_wanted is None or is_wanted(row), True
                if is_given:
                    sealed, content = data[at + row_bytes : end], hash_data()
                    content.update(sealed)
                    is_same = content.digest() == row[8]
                if not follows or not is_same or row[5] != seq + 1 or row[1] != VERSION:
                    self.problem = self._judge(row, len(data) - at, follows, is_same, seq)
                    if self.problem:
                        return
                    self.gaps.append(Gap(seq + 1, row[5] - 1))
                link, seq, offset, at = next_link, row[5], offset + row[0], end + LINK_BYTES
                if is_given:
                    yield row, sealed, link, offset
        finally:
            self.position = Position(seq, offset, link)

    def _judge(self, row: Fields, size_bytes: int, follows: bool, is_same: bool, seq: int) -> str:
        """Why this is no record in its place; empty for one after a gap that the log itself declares."""
        if not LEAST_BYTES <= row[0] <= MOST_BYTES:
            return f"its length is said to be {row[0]} bytes"
        if row[0] > size_bytes:
            return "it is cut off"
        if not follows:
            return "it does not follow the one before: changed, moved or put in by something else"
        if not is_same:
            return "its sealed content was changed"
        if row[1] != VERSION:
            return f"its form is version {row[1]}, and this aiex knows {VERSION}"
        if row[5] <= seq or row[2:4] != (_NOTE, _LOST):
            return f"it has the number {row[5]}"
        return ""

    def _judge_end(self, offset: int) -> str:
        """Nothing but room for more may follow the last record."""
        first = offset
        while data := self._read(offset, BLOCK_BYTES):
            if data.strip(b"\0"):
                return f"what stands at byte {first} is no record: cut off while it was written, or changed"
            offset += len(data)
        return ""


def start_of(chain: Chain, header: bytes) -> Position | None:
    """The position before the first record; None when that is not the header of a log of ours."""
    return Position(0, HEADER_BYTES, header[32:]) if is_header(chain, header) else None


def reader(descriptor: int) -> Callable[[int, int], bytes]:
    """Reads from an open file."""
    return lambda offset, size: read_at(descriptor, size, offset)


def _read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Bytes of an open file from a place on, as many as there are."""
    whole = data = os.pread(descriptor, size, offset)
    while data and len(whole) < size:
        data = os.pread(descriptor, size - len(whole), offset + len(whole))
        whole += data
    return whole


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    """Write all bytes at a place of an open file."""
    count = os.pwrite(descriptor, data, offset)
    while count < len(data):
        data, offset = data[count:], offset + count
        count = os.pwrite(descriptor, data, offset)


def _seek_and_read(descriptor: int, size: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)


def _seek_and_write(descriptor: int, data: bytes, offset: int) -> None:
    os.lseek(descriptor, offset, os.SEEK_SET)
    while data:
        data = data[os.write(descriptor, data) :]


read_at = _read_at if hasattr(os, "pread") else _seek_and_read
write_at = _write_at if hasattr(os, "pwrite") else _seek_and_write
