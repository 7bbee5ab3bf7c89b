"""Files in memory, where waiting for the disk costs nothing: for tests that are not about what a disk keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY = "/dev/shm"
LEAST_ROOM_BYTES = 1 << 30


@contextmanager
def open_folder() -> Iterator[Path]:
    """An empty directory in memory; where a system has none, or too little room, among the temporary files."""
    with TemporaryDirectory(prefix="aiex-", dir=_find_memory(), ignore_cleanup_errors=True) as name:
        yield Path(name)


def _find_memory() -> str | None:
    try:
        found = os.statvfs(MEMORY)
    except (OSError, AttributeError):
        return None
    has_room = found.f_bavail * found.f_frsize >= LEAST_ROOM_BYTES
    return MEMORY if has_room and os.access(MEMORY, os.W_OK) else None
