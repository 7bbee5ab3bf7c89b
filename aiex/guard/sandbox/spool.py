"""The output of a command: its beginning in memory, the rest in a private file that has no name."""

from __future__ import annotations

import os
import tempfile
from typing import IO

MEMORY_BYTES = 1 << 20
FILE_BYTES = 1 << 30
"""More is counted and thrown away."""


class Spool:
    """Bytes in the order in which they came; any part of them can be read while more come.

    Args:
        folder: Where the file lies, readable by this user only.
        memory_bytes: How much is kept in memory.
        limit_bytes: How much is kept at all.
    """

    def __init__(self, folder: str, *, memory_bytes: int = MEMORY_BYTES, limit_bytes: int = FILE_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = min(memory_bytes, limit_bytes)
        self._limit_bytes = limit_bytes
        self._head = bytearray()
        self._file: IO[bytes] | None = None
        self.size_bytes = 0
        """How much is kept."""
        self.lost_bytes = 0
        """How much came that is not kept: beyond the limit, or because the disk is full."""

    def write(self, piece: bytes) -> None:
        """Keep the next piece, or as much of it as may be kept."""
        room = self._limit_bytes - self.size_bytes
        kept = piece[: max(0, room)] if not self.lost_bytes else b""
        in_memory = max(0, self._memory_bytes - len(self._head)) if self._file is None else 0
        self._head += kept[:in_memory]
        rest = kept[in_memory:]
        if rest:
            try:
                self._spill(rest)
            except OSError:
                kept = kept[:in_memory]
        self.size_bytes += len(kept)
        self.lost_bytes += len(piece) - len(kept)

    def read(self, offset: int = 0, limit_bytes: int | None = None) -> bytes:
        """The bytes from an offset on; fewer than asked for where nothing more is kept."""
        end = self.size_bytes if limit_bytes is None else min(self.size_bytes, offset + limit_bytes)
        found = bytes(self._head[offset:end])
        begin = max(offset, len(self._head))
        if self._file is not None and begin < end:
            found += os.pread(self._file.fileno(), end - begin, begin - len(self._head))
        return found

    def close(self) -> None:
        """Give the file back; what is in memory can still be read."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.size_bytes = len(self._head)

    def _spill(self, piece: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  (see `close`)
        at = self.size_bytes + 0 if not self._head else max(0, self.size_bytes - len(self._head))
        written = 0
        while written < len(piece):
            written += os.pwrite(self._file.fileno(), piece[written:], at + written)
