"""Files that only their owner may read: checked when opened, written whole or not at all, one writer at a time."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from aiex import dirs
from aiex.errors import Conflict, StoreError

if TYPE_CHECKING:
    from types import TracebackType

LIMIT_BYTES = 4_000_000
LOCK_WITHIN_S = 10.0
"""How long another process may hold a lock before we say so; writing takes milliseconds."""
_POLL_S = 0.02
_HAS_FLOCK = sys.platform != "win32"
_sync = getattr(os, "fdatasync", os.fsync)
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_private(path: str, *, limit_bytes: int = LIMIT_BYTES) -> bytes | None:
    """The bytes of a file of ours, which has at most so many; None when there is none.

    Raises:
        StoreError: if it is a link, belongs to another user, is open to others, is too large, or cannot be read.
    """
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):  # the latter for a home such as /dev/null
        return None
    except OSError as error:
        reason = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise StoreError(f"cannot read {path}: {reason}", hint="check that it is a file of yours") from error
    try:
        _require_own(path, os.fstat(descriptor))
        return _read_all(path, descriptor, limit_bytes)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _read_all(path: str, descriptor: int, limit_bytes: int) -> bytes:
    whole = bytearray()
    while piece := os.read(descriptor, 65536):
        whole += piece
        if len(whole) > limit_bytes:
            raise StoreError(f"cannot use {path}: it is larger than {limit_bytes} bytes")
    return bytes(whole)


def _require_own(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"cannot use {path}: it is not a file")
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid != os.geteuid():
        raise StoreError(f"cannot use {path}: it belongs to another user", hint="move it away, or become its owner")
    if found.st_mode & 0o077:
        raise StoreError(
            f"cannot use {path}: others may read or change it (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"if nobody did: chmod 600 {path}",
        )


def write_private(path: str, data: bytes) -> None:
    """Put `data` in the place of what was there, with mode 0600; after a failure the old file is as it was.

    What processes left in the same directory that were killed while they did this goes.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        dirs.ensure(os.path.dirname(path))
        _remove_unfinished(os.path.dirname(path))
        temporary, descriptor = _create(path)
        try:
            try:
                _fill(descriptor, data)
                if _HAS_FLOCK:
                    os.replace(temporary, path)
            finally:
                os.close(descriptor)
            if not _HAS_FLOCK:  # Windows renames no file that is open
                os.replace(temporary, path)
        finally:
            with suppress(OSError):  # it has its name already
                os.unlink(temporary)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}; what was there is unchanged",
            hint="check the space on this disk, and that the directory is yours",
        ) from error
    sync_folder(os.path.dirname(path))


def _create(path: str) -> tuple[str, int]:
    """A new file beside a path, locked as long as it is open: who can lock it knows that its writer died."""
    while True:
        temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        descriptor = os.open(temporary, _CREATE, 0o600)
        with suppress(OSError):  # a file system without locks
            if _HAS_FLOCK and not (try_lock(descriptor) and os.fstat(descriptor).st_nlink):  # removed before that
                os.close(descriptor)
                continue
        return temporary, descriptor


def _fill(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _remove_unfinished(folder: str) -> None:
    with suppress(OSError):
        for entry in os.listdir(folder or ".") if _HAS_FLOCK else ():
            if _is_unfinished(entry):
                _remove_if_left(os.path.join(folder, entry))


def _is_unfinished(name: str) -> bool:
    """Whether a name is one that `_create` gives."""
    stem, _, suffix = name.removesuffix(".tmp").rpartition(".")
    pid, _, letters = suffix.partition("-")
    return bool(stem) and name.endswith(".tmp") and pid.isdecimal() and len(letters) == 8


def _remove_if_left(path: str) -> None:
    with suppress(OSError):
        descriptor = os.open(path, _READ | getattr(os, "O_NONBLOCK", 0))
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and try_lock(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def open_private(path: str, flags: int) -> int:
    """For `open(path, mode, opener=open_private)`: what it makes, only its owner may read. Raises OSError."""
    return os.open(path, flags, 0o600)


def sync_file(path: str) -> None:
    """Bring what was written to a file of ours to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Make the rename last; systems that cannot open a directory do so by themselves."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_private(path: str) -> bool:
    """Remove a file of ours; False when there was none. Raises StoreError if it cannot be removed."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror}") from error
    return True


class Lock:
    """Held by one process, and by one holder in it; goes with the process, however that ends.

    `with` waits by sleeping, `async with` lets the event loop run meanwhile. The file stays behind, empty.

    Raises:
        Conflict: on entering, if another process keeps it for `within_s` seconds.
        StoreError: on entering, if the file cannot be opened or locked.
    """

    def __init__(self, path: str, *, within_s: float = LOCK_WITHIN_S) -> None:
        self._path = path
        self._within_s = within_s
        self._descriptor = -1

    def __enter__(self) -> Self:
        end = time.monotonic() + self._within_s
        while not self._try():
            self._require_time(end)
            time.sleep(_POLL_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    async def __aenter__(self) -> Self:
        import asyncio

        end = time.monotonic() + self._within_s
        while not self._try():
            self._require_time(end)
            await asyncio.sleep(_POLL_S)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.__exit__(kind, error, trace)

    def _require_time(self, end: float) -> None:
        if time.monotonic() >= end:
            raise still_held(self._path, self._within_s)

    def _try(self) -> bool:
        try:
            dirs.ensure(os.path.dirname(self._path))
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise StoreError(f"cannot open {self._path}: {error.strerror}") from error
        is_ours = False
        try:
            is_ours = try_lock(descriptor)
        except OSError as error:
            raise StoreError(f"cannot lock {self._path}: {error.strerror}") from error
        finally:
            if not is_ours:
                os.close(descriptor)
        if is_ours:  # else another holder in this process may have it
            self._descriptor = descriptor
        return is_ours


def still_held(path: str, within_s: float) -> Conflict:
    """What to raise when another process kept a lock for so many seconds."""
    return Conflict(
        f"another process holds {path} for more than {within_s:g} s",
        hint="wait for the other aiex to finish, then try again",
    )


def try_lock(descriptor: int) -> bool:
    """Lock an open file without waiting; False when somebody else has it. Raises OSError where files have no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK, errno.EINTR):
            return False
        raise
    return True
