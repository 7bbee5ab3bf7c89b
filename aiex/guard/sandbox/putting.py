"""Puts files, links and directories beneath a root into place, takes them away and gives them their modes.

For bringing a workspace back: every step names one path, which is reached by descriptors, one component at a time and
through no link, whatever stands there meanwhile. New contents are staged under a temporary name first and renamed; what
they replace is kept under another until the caller lets it go, so each step can be taken back.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable

from aiex.guard.sandbox.atomic import own_like
from aiex.guard.sandbox.walk import CLOEXEC, HOLD, NOFOLLOW, READ, Folder, enter

MOST_HELD = 64
"""Directories held open at a time; macOS gives a process 256 descriptors."""
ALL_MODES = 0o7777
_OWN_FOLDER = 0o700
_CREATE: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | CLOEXEC | getattr(os, "O_BINARY", 0)
_PATH_ONLY: int = getattr(os, "O_PATH", 0)
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS)

_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system says that cannot sync directories, and needs not."""


class Putter:
    """Changes what lies beneath a root, one name at a time; paths are relative to it, with `/`.

    Every method raises OSError when the system refuses, ENOTDIR or ELOOP when a link is in the way.

    Args:
        root: A directory, itself reached through no link at its last name.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._top = Folder(None, os.path.join(self.root, ""))
        if _HAS_DESCRIPTORS:
            self._top = Folder(os.open(self.root, HOLD | NOFOLLOW))
        self._held: OrderedDict[str, Folder] = OrderedDict()
        self._touched: set[str] = set()

    def close(self) -> None:
        """Give the descriptors back."""
        self.forget()
        self._top.close()

    def forget(self, path: str = "") -> None:
        """Let go of a directory and those below, which may be others when they are reached next; of all for ""."""
        for held in list(self._held):
            if not path or held == path or held.startswith(path + "/"):
                self._held.pop(held).close()

    def look(self, path: str) -> os.stat_result | None:
        """What has this name, the root for ""; None when nothing has, or when what is above it is no directory."""
        try:
            folder, name = self._parent(path)
            return os.stat(folder.base + name, dir_fd=folder.fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise

    def read_link(self, path: str) -> bytes:
        """Where a link leads."""
        folder, name = self._parent(path)
        return os.fsencode(os.readlink(folder.base + name, dir_fd=folder.fd))

    def make_file(self, path: str, pieces: Iterable[bytes], mode: int, *, like: str = "", sync: bool = True) -> None:
        """Write a new file; fails when the name is taken.

        Args:
            path: Where.
            pieces: Its bytes.
            mode: With set-id bits, which the system may refuse to give without saying so.
            like: Path of a file whose owner and group it takes over where that is allowed.
            sync: Wait until it is on the disk.
        """
        old = self.look(like) if like else None
        folder, name = self._parent(path)
        fd = os.open(folder.base + name, _CREATE, 0o600, dir_fd=folder.fd)
        try:
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            if old is not None:
                own_like(fd, old)
            if hasattr(os, "fchmod"):
                os.fchmod(fd, mode & ALL_MODES)
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        self._touched.add(_above(path))

    def make_link(self, path: str, target: bytes) -> None:
        """Make a symbolic link; fails when the name is taken."""
        folder, name = self._parent(path)
        os.symlink(os.fsdecode(target), folder.base + name, dir_fd=folder.fd)
        self._touched.add(_above(path))

    def make_folder(self, path: str) -> None:
        """Make a directory that its owner may use; nothing happens when there is one."""
        folder, name = self._parent(path)
        try:
            os.mkdir(folder.base + name, _OWN_FOLDER, dir_fd=folder.fd)
        except FileExistsError:
            self._reach(path)
        self._touched.add(_above(path))

    def remove_folder(self, path: str) -> bool:
        """Remove an empty directory; False when it is not empty, True also when there is none of this name."""
        self.forget(path)
        try:
            folder, name = self._parent(path)
            os.rmdir(folder.base + name, dir_fd=folder.fd)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            if error.errno == errno.ELOOP:
                return True
            raise
        self._touched.add(_above(path))
        return True

    def rename(self, path: str, to: str) -> None:
        """Rename a file or a link, over what has that name."""
        source, name = self._parent(path)
        target, new = self._parent(to)  # of those held, only the one used longest ago is let go
        os.replace(source.base + name, target.base + new, src_dir_fd=source.fd, dst_dir_fd=target.fd)
        self._touched |= {_above(path), _above(to)}

    def keep_as(self, path: str, aside: str) -> None:
        """Give a file a second name, by which it can be brought back; where there are no hard links, move it there."""
        source, name = self._parent(path)
        target, new = self._parent(aside)
        try:
            os.link(
                source.base + name,
                target.base + new,
                src_dir_fd=source.fd,
                dst_dir_fd=target.fd,
                follow_symlinks=False,
            )
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_HARD_LINKS:
                raise
            os.rename(source.base + name, target.base + new, src_dir_fd=source.fd, dst_dir_fd=target.fd)
        self._touched |= {_above(path), _above(aside)}

    def remove(self, path: str) -> bool:
        """Remove a file or a link; False when there is none."""
        try:
            folder, name = self._parent(path)
            os.unlink(folder.base + name, dir_fd=folder.fd)
        except FileNotFoundError:
            return False
        self._touched.add(_above(path))
        return True

    def set_mode(self, path: str, mode: int) -> None:
        """Give a file or directory, not a link, its mode; the root for ""."""
        folder, name = self._parent(path)
        if folder.fd is None:
            _require_plain(os.lstat(folder.base + name).st_mode)
            os.chmod(folder.base + name, mode & ALL_MODES)
            return
        try:
            fd = os.open(name, READ | NOFOLLOW, dir_fd=folder.fd)
        except PermissionError:
            _set_mode_unopened(folder.fd, name, mode & ALL_MODES)
            return
        try:
            _require_plain(os.fstat(fd).st_mode)
            os.fchmod(fd, mode & ALL_MODES)
        finally:
            os.close(fd)

    def sync(self) -> None:
        """Make the names that were changed since the last time last."""
        touched, self._touched = self._touched, set()
        if self._top.fd is None:
            return
        if len(touched) > MOST_HELD and hasattr(os, "sync"):
            os.sync()
            return
        for path in touched:
            try:
                fd = os.open(".", READ, dir_fd=self._reach(path).fd)
            except OSError:  # gone, or not ours to read
                continue
            try:
                os.fsync(fd)
            except OSError as error:
                if error.errno not in _NO_SYNC:
                    raise
            finally:
                os.close(fd)

    def _parent(self, path: str) -> tuple[Folder, str]:
        """The directory of a name, held, and the name in it."""
        if not path:
            return self._top, "."
        above, _, name = path.rpartition("/")
        if name in ("", ".", "..") or path[0] == "/" or "\0" in path:
            raise OSError(errno.EINVAL, "no name")
        return self._reach(above), name

    def _reach(self, path: str) -> Folder:
        """A directory, held; the nearest one above that is held already saves the way."""
        if not path:
            return self._top
        if path in self._held:
            self._held.move_to_end(path)
            return self._held[path]
        parts = path.split("/")
        count = next(
            count for count in range(len(parts) - 1, -1, -1) if not count or "/".join(parts[:count]) in self._held
        )
        start = self._held["/".join(parts[:count])] if count else self._top
        at = start
        for name in parts[count:]:
            if name in ("", ".", ".."):
                raise OSError(errno.EINVAL, "no name")
            try:
                below = enter(at, name)
            finally:
                if at is not start:
                    at.close()
            at = below
        self._held[path] = at
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)[1].close()
        return at


def sync_all() -> None:
    """Make everything that was written last, where the system can; cheaper than file by file for many."""
    if hasattr(os, "sync"):
        os.sync()


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _require_plain(mode: int) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.ELOOP, "neither a file nor a directory")


def _set_mode_unopened(folder_fd: int, name: str, mode: int) -> None:
    """For what its owner may not read: by a descriptor that needs no leave, else by name without following."""
    if _PATH_ONLY:
        fd = os.open(name, _PATH_ONLY | NOFOLLOW | CLOEXEC, dir_fd=folder_fd)
        try:
            _require_plain(os.fstat(fd).st_mode)
            os.chmod(f"/proc/self/fd/{fd}", mode)
        finally:
            os.close(fd)
        return
    os.chmod(name, mode, dir_fd=folder_fd, follow_symlinks=os.chmod not in os.supports_follow_symlinks)
