"""Stand-ins for protected names that are missing: something must be there for the kernel to mount over.

They are empty directories and files of ours that lie in the workspace only while commands run, and for a second
afterwards, because taking away what was mounted over costs milliseconds. All processes that work there share a lock;
the last one takes them away, and what a killed one left goes with the next.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from aiex import dirs
from aiex.digest import fingerprint
from aiex.errors import StoreError
from aiex.sqlite import to_store_error

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

IDLE_S = 1.0
_NOT_MADE = frozenset({errno.EEXIST, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EROFS})
"""It is there, cannot be made by this user, or what is above it changed, which is seen before the command runs."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Placeholders:
    """The stand-ins in one workspace, for one process; each `take`, also one that failed, is followed by `give_back`.

    Args:
        root: The workspace.
        folder: Where they are remembered, a directory of ours.
    """

    def __init__(self, root: str, folder: str | None = None) -> None:
        base = folder or os.path.join(dirs.state_dir(), "sandbox", "placeholders")
        self._path = os.path.join(base, fingerprint(os.fsencode(root)))
        self._users = 0
        self._fd = -1
        self._made: set[str] = set()
        self._timer: TimerHandle | None = None
        self._lock = Lock()

    def take(self, missing: Sequence[tuple[str, bool]]) -> None:
        """Make what is missing: paths, and whether they are directories.

        A name that this user cannot make is left out, for a command cannot make it either.

        Raises:
            StoreError: if there is no place to remember them.
        """
        with self._lock:
            self._users += 1
            self._forget_timer()
            if self._fd < 0:
                self._open()
        self.add(missing)

    def add(self, missing: Sequence[tuple[str, bool]]) -> None:
        """Make more of them, for who took some already; as `take` does."""
        with self._lock:
            for path, is_folder in missing:
                self._make(path, is_folder)

    def give_back(self) -> None:
        """The command that took them ended; without another one soon they go."""
        import asyncio

        with self._lock:
            self._users -= 1
            if self._users == 0:
                try:
                    loop = asyncio.get_running_loop()
                except RuntimeError:
                    self._remove()
                else:
                    self._timer = loop.call_later(IDLE_S, self._close_aside, loop)

    def close(self) -> None:
        """Take them away now, unless a command needs them."""
        with self._lock:
            self._forget_timer()
            self._remove()

    def sweep(self) -> None:
        """Take away what a process that was killed left here. Raises StoreError if what was left cannot be read."""
        with self._lock:
            if self._fd < 0 and os.path.lexists(self._path):
                self._open()
                self._remove()

    def _close_aside(self, loop: AbstractEventLoop) -> None:
        """Close in a thread, for it takes milliseconds."""
        loop.run_in_executor(None, self.close)

    def _forget_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _open(self) -> None:
        import fcntl

        try:
            dirs.ensure(os.path.dirname(self._path))
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise to_store_error(error, self._path) from error
        self._remove_if_alone()
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def _remove(self) -> None:
        if self._users == 0 and self._fd >= 0:
            self._remove_if_alone()
            os.close(self._fd)
            self._fd = -1
            self._made.clear()

    @property
    def is_used(self) -> bool:
        """Whether a command needs them."""
        return self._users > 0

    def is_ours(self, path: str) -> bool:
        """Whether this process made the stand-in that lies there."""
        return path in self._made

    def _make(self, path: str, is_folder: bool) -> None:
        if os.path.lexists(path):
            return
        self._note(path)  # known before it is there, so that none is forgotten
        try:
            with parent_of(path) as (folder, name):
                if is_folder:
                    os.mkdir(name, 0o555, dir_fd=folder)
                else:
                    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
                    os.close(os.open(name, flags, 0o444, dir_fd=folder))
            self._made.add(path)
        except OSError as error:
            if error.errno not in _NOT_MADE:
                hint = "free some space on the disk of the workspace" if error.errno in _FULL else ""
                raise StoreError(f"cannot protect {path}: {error.strerror}", hint=hint) from error

    def _note(self, path: str) -> None:
        line = b"\0" + os.fsencode(path) + b"\0"  # the first ends what a full disk cut off
        try:
            if os.write(self._fd, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise to_store_error(error, self._path) from error

    def _remove_if_alone(self) -> None:
        """Take them away, unless another process works here as well."""
        import fcntl

        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        os.lseek(self._fd, 0, os.SEEK_SET)
        with open(os.dup(self._fd), "rb") as source:
            paths = source.read().split(b"\0")
        for path in dict.fromkeys(filter(None, paths)):
            with suppress(OSError), parent_of(os.fsdecode(path)) as (folder, name):
                _remove_empty(name, folder)
        with suppress(OSError):  # then they are looked for in vain the next time
            os.ftruncate(self._fd, 0)


@contextmanager
def parent_of(path: str) -> Iterator[tuple[int, str]]:
    """The directory of a real path as a descriptor, and the name in it. Raises OSError where a link stands by now.

    Directories above may be swapped for links while this runs, and nothing of ours may be made where they lead.
    """
    *above, name = path.strip("/").split("/")
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open("/", flags)
    try:
        for part in above:
            inner = os.open(part, flags, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def _remove_empty(name: str, folder: int) -> None:
    """Remove what is still as it was made: empty, ours, read only."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if found.st_uid != os.geteuid() or found.st_mode & 0o222:
        return
    if stat.S_ISDIR(found.st_mode):
        os.rmdir(name, dir_fd=folder)
    elif stat.S_ISREG(found.st_mode) and found.st_size == 0:
        os.unlink(name, dir_fd=folder)
