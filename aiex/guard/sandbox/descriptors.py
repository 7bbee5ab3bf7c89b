"""What is done with an open descriptor: read all of a file, look at a name in a folder."""

import os

from aiex.guard.sandbox.walk import Folder

_READ_AT_LEAST_BYTES = 4096
_READ_MORE_BYTES = 1 << 20


def read_all(fd: int, size_bytes: int, limit_bytes: int | None) -> bytes:
    """Read to the end; a file that says 0 bytes (as in /proc) or grows is read as far as the limit plus one."""
    data = os.read(fd, max(size_bytes + 1, _READ_AT_LEAST_BYTES))
    if len(data) == size_bytes:
        return data
    pieces, total = [data], len(data)
    while data and (limit_bytes is None or total <= limit_bytes):
        data = os.read(fd, _READ_MORE_BYTES)
        pieces.append(data)
        total += len(data)
    return b"".join(pieces)


def link_target(folder: Folder, name: str) -> str:
    """Where a link leads, or an empty string."""
    try:
        return os.readlink(folder.base + name, dir_fd=folder.fd)
    except OSError:
        return ""


def exists(folder: Folder, name: str) -> bool:
    """Whether a name is there, not what it leads to."""
    try:
        os.stat(folder.base + name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
