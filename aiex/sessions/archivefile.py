"""The lines of a file from elsewhere, read within limits: plain, or packed by gzip, where little may hold very much."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from aiex.errors import UsageError
from aiex.record import record

try:
    from _blake2 import blake2b  # as in aiex/digest.py
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_BYTES: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"


class BadArchive(UsageError):
    """A file is no exported session, or not a whole one; nothing of it was taken in."""

    def __init__(self, line: int, reason: str, *, hint: str = "") -> None:
        super().__init__(f"line {line}: {reason}", hint=hint or "export the session again; nothing was taken in")
        self.line = line
        """Counted from 1."""


@record
class Limits:
    """What a file may hold; more is refused."""

    bytes: int = 256 << 20
    """Of the lines, unpacked; they are in memory while the file is checked."""
    line_bytes: int = 32 << 20
    events: int = 1_000_000
    depth: int = 100
    """Of lists and objects in each other; what Aiex writes has 10."""
    ratio: int = 500
    """Of what is packed to the file; JSON of sessions has 5 to 50, and gzip cannot do more than 1032."""
    free_bytes: int = 16 << 20
    """However well these are packed, they are no bomb."""


def hasher() -> blake2b:
    """What the digest of a file is made with."""
    return blake2b(digest_size=32)


class Lines:
    """Gives one line after the other, without its line feed; raises BadArchive as soon as a limit is passed."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self.number = 0
        """Of the line that was given last."""
        self._limits = limits
        self._blocks = _unpacked(source, limits, self)
        self._rest = bytearray()
        self._from = 0
        """What of `rest` was given out."""
        self._size = 0

    def read(self) -> bytes | None:
        """The next line; None at the end of the file. A last line without its end was cut off."""
        searched = self._from
        while (end := self._rest.find(b"\n", searched)) < 0:
            searched = len(self._rest)
            if searched - self._from > self._limits.line_bytes:
                raise BadArchive(self.number + 1, f"it is longer than {self._limits.line_bytes} bytes")
            block = next(self._blocks, None)
            if block is None:
                if searched > self._from:
                    raise BadArchive(self.number + 1, "it has no end: the file was cut off")
                return None
            self._size += len(block)
            if self._size > self._limits.bytes:
                raise BadArchive(self.number + 1, f"the file holds more than {self._limits.bytes} bytes")
            del self._rest[: self._from]
            searched, self._from = searched - self._from, 0
            self._rest += block
        line = bytes(self._rest[self._from : end])
        self._from = end + 1
        self.number += 1
        if len(line) > self._limits.line_bytes:
            raise BadArchive(self.number, f"it is longer than {self._limits.line_bytes} bytes")
        if line.endswith(b"\r"):
            raise BadArchive(self.number, "it ends with a carriage return: something rewrote the line ends")
        return line


def _unpacked(source: BinaryIO, limits: Limits, lines: Lines) -> Iterator[bytes]:
    """The content in blocks of a bounded size."""
    block = source.read(_BLOCK_BYTES)
    if not block.startswith(_GZIP):
        while block:
            yield block
            block = source.read(_BLOCK_BYTES)
        return
    import zlib

    unpacking, taken, given = zlib.decompressobj(wbits=31), 0, 0
    while block:
        taken += len(block)
        more = True
        while more:
            try:
                piece = unpacking.decompress(block, _BLOCK_BYTES)
            except zlib.error as error:
                raise BadArchive(lines.number + 1, f"it cannot be unpacked: {error}") from error
            given += len(piece)
            if given > limits.free_bytes and given > taken * limits.ratio:
                raise BadArchive(lines.number + 1, f"it unpacks to more than {limits.ratio} times its size")
            yield piece
            block = unpacking.unconsumed_tail
            more = not unpacking.eof and (bool(block) or len(piece) == _BLOCK_BYTES)
        if unpacking.eof:
            if unpacking.unused_data or source.read(1):
                raise BadArchive(lines.number + 1, "something follows what is packed")
            return
        block = source.read(_BLOCK_BYTES)
    raise BadArchive(lines.number + 1, "what is packed has no end: the file was cut off")
