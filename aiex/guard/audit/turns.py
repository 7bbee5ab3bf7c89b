"""One writer at a time, also among processes: a lock that is taken thousands of times a second."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from aiex import dirs
from aiex.guard.private import still_held, try_lock
from aiex.sqlite import translated_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from types import TracebackType

WITHIN_S: Final = 10.0
"""How long the others may write before we say so; a record takes microseconds, a synced one milliseconds."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.0002, 0.01


class Turns:
    """`with turns:` waits until no other process writes; goes with the process, however that ends.

    Threads of one process that share an object must take turns by a lock of their own.
    """

    def __init__(self, path: str, *, within_s: float = WITHIN_S) -> None:
        self._path = path
        self._within_s = within_s
        self._descriptor = -1
        self._owner = 0
        self._may_hold = False
        """Set before the lock is taken and cleared after it is given, so whatever comes between gives it once more."""

    def __enter__(self) -> Self:
        if self._owner != os.getpid() or self._descriptor < 0:
            self._open()
        self._may_hold = True
        if not try_lock(self._descriptor):
            self._wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.give()

    def give(self) -> None:
        """Let others write; it does no harm when they may already."""
        if self._may_hold and self._descriptor >= 0 and self._owner == os.getpid():
            _give(self._descriptor)
            self._may_hold = False

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0 and self._owner == os.getpid():
            os.close(self._descriptor)
        self._descriptor = -1

    def _wait(self) -> None:
        end, wait_s = time.monotonic() + self._within_s, _FIRST_WAIT_S
        while not try_lock(self._descriptor):
            if time.monotonic() >= end:
                raise still_held(self._path, self._within_s)
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _open(self) -> None:
        """Open the file once in each process: a child that was forked would share the lock of its parent."""
        with translated_errors(self._path):
            dirs.ensure(os.path.dirname(self._path))
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        self._owner = os.getpid()


def _give(descriptor: int) -> None:
    if sys.platform == "win32":
        with suppress(OSError):  # it is not locked
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
