"""Files in memory, where waiting for the disk costs nothing: for tests that are not about what a disk keeps."""

from __future__ import annotations

import os

MEMORY = "/dev/shm"
LEAST_ROOM_BYTES = 1 << 30


def find_memory() -> str | None:
    """A directory in memory that can hold the files of a run and start programs; None where a system has none."""
    try:
        found = os.statvfs(MEMORY)
    except (OSError, AttributeError):
        return None
    has_room = found.f_bavail * found.f_frsize >= LEAST_ROOM_BYTES
    starts_programs = not found.f_flag & getattr(os, "ST_NOEXEC", 0)
    return MEMORY if has_room and starts_programs and os.access(MEMORY, os.W_OK) else None
