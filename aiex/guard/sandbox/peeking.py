"""Looks into small files that others may have put there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress


def peek(path: str, limit_bytes: int) -> str:
    """The beginning of a regular file, or an empty string; a link, a pipe or a device is not opened to be read."""
    with suppress(OSError):
        return take_beginning(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), limit_bytes)
    return ""


def take_beginning(fd: int, limit_bytes: int) -> str:
    """The beginning of what was opened if that is a regular file, else an empty string; closes it.

    Raises OSError where it cannot be read.
    """
    try:
        return os.fsdecode(os.read(fd, limit_bytes)) if stat.S_ISREG(os.fstat(fd).st_mode) else ""
    finally:
        os.close(fd)
