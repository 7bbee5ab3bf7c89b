"""A file of ours that stays open, and whether it is still the one at its path.

Linux keeps the times of a file exactly once somebody has looked at them, and the next write has to keep them too: a
synced record takes a third longer when log or head were looked at before it (Linux 6.18, ext4). So their folders are
looked at: where nothing was made, moved or removed, the same file is there.
"""

from __future__ import annotations

import os
import time
from typing import Final

from aiex import dirs
from aiex.sqlite import identify, translated_errors

SETTLED_NS: Final = 50_000_000
"""What happens in a folder this long after its last change has another time. Source: Linux counts the times of files in
steps of 1 to 10 ms (CONFIG_HZ); where they are whole seconds or more, as on FAT, none is trusted."""
_SECOND_NS: Final = 1_000_000_000
_FLAGS: Final = (
    os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)


class HeldFile:
    """The file at a path, made when it is not there, for one thread at a time."""

    __slots__ = ("_folder", "_identity", "_path", "_settled", "descriptor")

    def __init__(self, path: str) -> None:
        """Opens it. Raises StoreError."""
        self._path, self._folder = path, os.path.dirname(path)
        self._settled: tuple[int, int, int] | None = None
        """The folder and its last change, when our file was there and no later change could have that time."""
        with translated_errors(path):
            dirs.ensure(self._folder)
            self.descriptor = os.open(path, _FLAGS, 0o600)
            found = os.fstat(self.descriptor)
        self._identity = found.st_dev, found.st_ino

    def is_in_place(self) -> bool:
        """Whether it is still the file at its path."""
        try:
            found = os.stat(self._folder)
        except OSError:
            return False
        changed_ns = found.st_mtime_ns
        folder = found.st_dev, found.st_ino, changed_ns
        if folder == self._settled:
            return True
        is_settled = changed_ns % _SECOND_NS and time.time_ns() - changed_ns > SETTLED_NS
        is_same = identify(self._path) == self._identity
        self._settled = folder if is_settled and is_same else None
        return is_same

    def close(self) -> None:
        """Give it back."""
        os.close(self.descriptor)
