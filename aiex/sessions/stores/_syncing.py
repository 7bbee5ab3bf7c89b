"""Brings what was written to a file to the disk a moment later, beside the work that goes on."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import Final

from aiex.guard.private import sync_file

SOON_S: Final = 0.02
"""What is written so near to each other is synced once: a turn of an agent that only looks takes a quarter of that."""


class Syncing:
    """Of the file at one path. SQLite keeps its locks on other files than its log, so closing ours lets go of none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_asked = self._is_closed = False

    def ask(self) -> None:
        """Sync within `SOON_S` and the time that the disk takes; on Windows, where a file that is open cannot be
        removed by others, at once."""
        if sys.platform == "win32":
            self._sync()
            return
        if self._is_asked:
            return
        self._is_asked = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sessions-sync", daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Sync no more; what is left of the file is the business of whoever closed it."""
        self._is_closed = True
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._is_closed:
                return
            time.sleep(SOON_S)
            self._is_asked = False  # what is written from here on may miss this sync, and asks for another
            self._sync()

    def _sync(self) -> None:
        """A file that is gone was carried over into another; what cannot be synced is so with the next that has to."""
        with suppress(OSError):
            sync_file(self._path)
