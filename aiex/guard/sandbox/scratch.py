"""Private directories of running processes, which a lock tells from those that a killed one left."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

from aiex import dirs
from aiex.guard.private import try_lock
from aiex.guard.sandbox.removal import remove_tree

_PREFIX = "run-"


class Scratch:
    """A directory that is this process's own until it is closed.

    Args:
        base: Where it is made, a directory of ours.

    Raises:
        OSError: if it cannot be made.
    """

    def __init__(self, base: str) -> None:
        dirs.ensure(base)
        self._base = base
        self._fd = -1
        while self._fd < 0:
            self.path = tempfile.mkdtemp(prefix=_PREFIX, dir=base)
            self._fd = _take(self.path)

    def close(self) -> None:
        """Remove it with everything in it, and what killed processes left beside it; later calls do nothing."""
        if self._fd >= 0:
            remove_tree(self.path)
            os.close(self._fd)
            self._fd = -1
            _sweep(self._base)


def _sweep(base: str) -> None:
    """Remove the directories whose owners are gone; where a file system has no locks, none are."""
    with suppress(OSError), os.scandir(base) as entries:
        for entry in [entry for entry in entries if entry.name.startswith(_PREFIX)]:
            with suppress(OSError):
                fd = _open(entry.path)
                try:
                    if try_lock(fd):
                        remove_tree(entry.path)
                finally:
                    os.close(fd)


def _take(path: str) -> int:
    """Hold a new directory; -1 if another process took it for a forsaken one before that."""
    try:
        fd = _open(path)
    except FileNotFoundError:
        return -1
    with suppress(OSError):  # without locks nobody takes it either
        if not try_lock(fd) or not os.path.exists(path):
            os.close(fd)
            return -1
    return fd


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
