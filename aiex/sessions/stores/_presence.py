"""Who has a file of sessions open: many at once, or one alone who looks whether it is whole, or makes it so.

SQLite must not find another file under a name it has open, so one who replaces it has to be alone. Locks go with their
process. Where files have none (Windows, some network drives) a file that is open cannot be replaced, or nobody is told.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import Final

from aiex.errors import Conflict
from aiex.guard.private import open_private

WITHIN_S: Final = 10.0
"""How long one may be alone with the file; salvaging a million events takes longer than that only on slow disks."""


class Presence:
    """Held while the file at a path is open, or about to be replaced."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1

    def enter(self) -> bool:
        """Be there, as soon as nobody is alone with the file; whether one is the only one now, and still alone.

        After True, `share` lets others in. Raises Conflict.
        """
        if not self._open():
            return False
        if self._try(alone=True):
            return True
        self.share()
        return False

    def share(self) -> None:
        """Let others in. Raises Conflict."""
        self._wait(alone=False, hint="another process repairs the file of sessions; try again in a while")

    def be_alone(self) -> None:
        """Be there, with nobody else. Raises Conflict."""
        if self._open():
            self._wait(alone=True, hint="end the other aiex that have it open, then try again")

    def leave(self) -> None:
        """Be gone."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> bool:
        """False where there can be no lock."""
        if sys.platform == "win32" or self.path == ":memory:":
            return False
        with suppress(OSError):  # a folder that is only read, or not there yet
            self._descriptor = open_private(f"{self.path}.open", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        return self._descriptor >= 0

    def _wait(self, *, alone: bool, hint: str) -> None:
        end = time.monotonic() + WITHIN_S
        while not self._try(alone=alone):
            if time.monotonic() > end:
                self.leave()
                raise Conflict(f"{self.path} is in use", hint=hint)
            time.sleep(0.01)

    def _try(self, *, alone: bool) -> bool:
        if sys.platform == "win32" or self._descriptor < 0:
            return True
        import errno
        import fcntl

        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR)  # no locks here: as if alone
        return True
