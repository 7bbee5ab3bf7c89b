"""Opening beneath a directory in one system call: Linux openat2 (5.6 and later) through ctypes.

Importing this module loads ctypes (about 5 ms), so `files.py` does it only when many files are opened.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

from aiex.guard.sandbox.walk import HOLD, Folder, Walk

NUMBER = 437
"""The same on every architecture (include/uapi/asm-generic/unistd.h)."""
NO_MAGICLINKS, NO_SYMLINKS, BENEATH = 0x02, 0x04, 0x08
"""RESOLVE_… of include/uapi/linux/openat2.h."""
_HOW = struct.Struct("=QQQ")
_TRIES = 16
"""The kernel answers EAGAIN when a rename ran beside `..`; after so many the walk decides."""

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]


class OpenAt2(Walk):
    """The kernel resolves; a path without links costs one call and needs no second look.

    What the kernel refuses is walked once more: the answer is the same, and it names the link that leads outside.
    """

    name = "openat2"

    def open(self, top: Folder, parts: Sequence[str], flags: int) -> tuple[int, str]:
        top_fd = top.descriptor
        path = "/".join(parts)
        encoded = os.fsencode(path) or b"."
        fd = _call(top_fd, encoded, flags, BENEATH | NO_SYMLINKS)
        if fd >= 0:
            return fd, path if ".." not in parts else _without_dots(parts)
        if -fd == errno.ELOOP:
            fd = _call(top_fd, encoded, flags, BENEATH | NO_MAGICLINKS)
            if fd >= 0:
                return fd, _resolved(top_fd, fd)
        if -fd in (errno.EXDEV, errno.EAGAIN):
            return super().open(top, parts, flags)
        raise OSError(-fd, os.strerror(-fd))


def is_available() -> bool:
    """Whether the kernel has openat2, lets us use it, and /proc names descriptors."""
    try:
        fd = os.open("/", HOLD)
    except OSError:
        return False
    try:
        opened = _call(fd, b".", HOLD, BENEATH | NO_MAGICLINKS)
        if opened < 0:
            return False
        os.close(opened)
        return os.readlink(f"/proc/self/fd/{fd}") == "/"
    except OSError:
        return False
    finally:
        os.close(fd)


def _call(top_fd: int, path: bytes, flags: int, resolve: int) -> int:
    """A descriptor, or the negative error number."""
    how = _HOW.pack(flags, 0, resolve)
    for _ in range(_TRIES):
        fd: int = _syscall(NUMBER, top_fd, path, how, _HOW.size)
        if fd >= 0:
            return fd
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            return -number
    return -errno.EAGAIN


def _resolved(top_fd: int, fd: int) -> str:
    """Where the opened thing lies beneath `top_fd`, asked from the kernel; closes `fd` when it lies elsewhere."""
    top = os.readlink(f"/proc/self/fd/{top_fd}")
    path = os.readlink(f"/proc/self/fd/{fd}")
    gone = path.endswith(" (deleted)") and os.fstat(fd).st_nlink == 0
    if not gone and path == top:
        return ""
    prefix = top if top.endswith("/") else top + "/"
    if not gone and path.startswith(prefix):
        return path[len(prefix) :]
    os.close(fd)
    raise OSError(errno.ENOENT if gone else errno.EXDEV, "it moved while it was opened")


def _without_dots(parts: Sequence[str]) -> str:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept.pop()
        else:
            kept.append(part)
    return "/".join(kept)
