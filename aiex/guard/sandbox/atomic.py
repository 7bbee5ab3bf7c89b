"""Changing one name in an opened directory: a file appears whole or not at all."""

import errno
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress

from aiex.guard.private import try_lock
from aiex.guard.sandbox.walk import CLOEXEC, NOFOLLOW, Folder, enter

_HAS_LOCKS = sys.platform != "win32"
_CREATE: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC | getattr(os, "O_BINARY", 0)


def replace_file(folder: Folder, name: str, data: bytes) -> None:
    """Write `data` beside the name and rename it over; mode and, where allowed, owner of the old file stay.

    Raises OSError. On any failure the temporary file is removed and the old file is untouched.
    """
    old = _stat(folder, name)
    if old is not None and not stat.S_ISREG(old.st_mode):
        is_directory = stat.S_ISDIR(old.st_mode)
        raise OSError(errno.EISDIR if is_directory else errno.ENXIO, "is a directory" if is_directory else "not a file")
    temporary, fd = _create(folder, 0o600 if old else 0o666)
    try:
        try:
            _fill(fd, data)
            if old is not None:
                _take_over(fd, old)
            os.fsync(fd)
            if _HAS_LOCKS:
                _rename(folder, temporary, name)
        finally:
            os.close(fd)
        if not _HAS_LOCKS:  # Windows renames no file that is open
            _rename(folder, temporary, name)
    except BaseException:
        with suppress(OSError):
            os.unlink(folder.base + temporary, dir_fd=folder.fd)
        raise
    _sync(folder)


def _create(folder: Folder, mode: int) -> tuple[str, int]:
    """A new file, and its descriptor; locked, which tells `remove_leftovers` that its writer lives."""
    while True:
        temporary = f".aiex-{os.urandom(8).hex()}.tmp"
        fd = os.open(folder.base + temporary, _CREATE, mode, dir_fd=folder.fd)
        with suppress(OSError):  # a file system without locks
            if _HAS_LOCKS and not (try_lock(fd) and os.fstat(fd).st_nlink):  # it was removed before it was locked
                os.close(fd)
                continue
        return temporary, fd


def _rename(folder: Folder, name: str, to: str) -> None:
    os.replace(folder.base + name, folder.base + to, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)


def replace_file_below(folder: Folder, missing: Sequence[str], name: str, data: bytes) -> None:
    """Like `replace_file`, in directories that are made for it first and removed again when it fails."""
    if not missing:
        replace_file(folder, name, data)
        return
    try:
        os.mkdir(folder.base + missing[0], dir_fd=folder.fd)
        is_new = True
    except FileExistsError:
        is_new = False
    try:
        inner = enter(folder, missing[0])
        try:
            replace_file_below(inner, missing[1:], name, data)
        finally:
            inner.close()
    except BaseException:
        if is_new:
            with suppress(OSError):
                os.rmdir(folder.base + missing[0], dir_fd=folder.fd)
        raise


def remove_file(folder: Folder, name: str, *, must_be_directory: bool) -> None:
    """Remove a file or a link. Raises OSError; EISDIR for a directory."""
    found = os.stat(folder.base + name, dir_fd=folder.fd, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, "it is a directory")
    if must_be_directory:
        raise OSError(errno.ENOTDIR, "it is not a directory")
    os.unlink(folder.base + name, dir_fd=folder.fd)
    _sync(folder)


def _stat(folder: Folder, name: str) -> os.stat_result | None:
    try:
        return os.stat(folder.base + name, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _fill(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _take_over(fd: int, old: os.stat_result) -> None:
    """Owner first: changing it clears set-id bits, which the mode then restores."""
    if hasattr(os, "fchown"):
        own_like(fd, old)
        os.fchmod(fd, stat.S_IMODE(old.st_mode))


def own_like(fd: int, old: os.stat_result) -> None:
    """Give an open file the owner and group of another as far as we may; nothing where files have none."""
    if not hasattr(os, "fchown"):
        return
    new = os.fstat(fd)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(fd, old.st_uid, old.st_gid)
        except OSError:
            with suppress(OSError):
                os.fchown(fd, -1, old.st_gid)


def _sync(folder: Folder) -> None:
    """Make the rename last; a held directory (O_PATH) cannot be synced, so it is opened for reading."""
    if folder.fd is None:
        return
    with suppress(OSError):
        fd = os.open(".", os.O_RDONLY | CLOEXEC, dir_fd=folder.fd)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
