"""Opening beneath a directory by descriptors: one component at a time, no link followed by the system.

Works wherever `os.open` takes `dir_fd` and O_NOFOLLOW (Linux, macOS, the BSDs). Where it does not (Windows), the
path is opened by name and checked again afterwards: a swap in between is noticed, but a descriptor would be stronger.
"""

import errno
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple, Protocol

MAX_LINKS = 40
"""As many symbolic links as Linux follows in one path (path_resolution(7))."""

NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
CLOEXEC: int = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)
DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
READ: int = (
    os.O_RDONLY | CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
LIST: int = READ | DIRECTORY
_PATH_ONLY: int = getattr(os, "O_PATH", 0)
LOOK: int = CLOEXEC | (_PATH_ONLY or READ)
"""Without O_PATH (Linux only) a file must be readable to be looked at."""
HOLD: int = LOOK | DIRECTORY
_MAYBE_LINK = frozenset([errno.ELOOP, errno.ENOTDIR, errno.EMLINK])


class Folder(NamedTuple):
    """An opened directory: names below it are used as `base + name` with `dir_fd=fd`."""

    fd: int | None
    """None where the system has no directory descriptors; `base` is then the full path with its separator."""
    base: str = ""
    at: str = ""
    """Where it lies beneath the top it was opened from; empty for the top."""

    @property
    def descriptor(self) -> int:
        """The descriptor, where the system has them."""
        if self.fd is None:
            raise OSError(errno.ENOTSUP, "no directory descriptors here")
        return self.fd

    def path_of(self, *names: str) -> str:
        """The path beneath the top of a name in this folder."""
        return "/".join([self.at, *names] if self.at else names)

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd is not None:
            os.close(self.fd)


def enter(folder: Folder, name: str) -> Folder:
    """A directory in a folder, itself and not what a link of that name leads to."""
    if folder.fd is not None:
        return Folder(os.open(name, HOLD | NOFOLLOW, dir_fd=folder.fd), "", folder.path_of(name))
    path = folder.base + name
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder.base), name):
        raise OSError(errno.ENOTDIR, "not a directory")
    return Folder(None, os.path.join(path, ""), folder.path_of(name))


class Opener(Protocol):
    """A way of opening a path beneath a folder."""

    name: str

    def open(self, top: Folder, parts: Sequence[str], flags: int) -> tuple[int, str]:
        """The descriptor and the resolved path relative to `top` (empty for `top` itself).

        Follows links that stay beneath `top`. Raises OSError; EXDEV when the path leaves `top`.
        """

    def open_folder(self, top: Folder, parts: Sequence[str], flags: int) -> Folder:
        """The same for a directory: `HOLD` to reach names in it, `LIST` to list it."""

    def look(self, top: Folder, parts: Sequence[str]) -> os.stat_result:
        """What is at the end of a path."""

    def hold(self, real: str) -> Folder:
        """A top: a directory outside of any other, by its real path."""


class Walk:
    """Resolves links itself, with O_NOFOLLOW and a stack of descriptors; `..` goes back to a descriptor it holds."""

    name = "walk"

    def open(self, top: Folder, parts: Sequence[str], flags: int) -> tuple[int, str]:
        top_fd = top.descriptor
        if parts and ".." not in parts:
            try:
                return _open_straight(top_fd, parts, flags), "/".join(parts)
            except OSError as error:
                if error.errno not in _MAYBE_LINK:
                    raise
        return _Steps(top_fd, parts).open(flags)

    def open_folder(self, top: Folder, parts: Sequence[str], flags: int) -> Folder:
        fd, resolved = self.open(top, parts, flags)
        return Folder(fd, "", resolved)

    def look(self, top: Folder, parts: Sequence[str]) -> os.stat_result:
        fd, _ = self.open(top, parts, LOOK)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def hold(self, real: str) -> Folder:
        return Folder(os.open(real, HOLD))


def _open_itself(name: str, flags: int, folder_fd: int) -> int:
    """Open a name that is not a link; ELOOP or ENOTDIR when it may be one."""
    fd = os.open(name, flags | NOFOLLOW, dir_fd=folder_fd)
    if flags & _PATH_ONLY and not flags & DIRECTORY and stat.S_ISLNK(os.fstat(fd).st_mode):
        os.close(fd)  # with O_PATH a link itself can be opened
        raise OSError(errno.ELOOP, "a link")
    return fd


def _open_straight(top_fd: int, parts: Sequence[str], flags: int) -> int:
    """Open a path that has no links, holding one directory at a time."""
    *above, last = parts
    at = top_fd
    try:
        for name in above:
            below = os.open(name, HOLD | NOFOLLOW, dir_fd=at)
            if at != top_fd:
                os.close(at)
            at = below
        return _open_itself(last, flags, at)
    finally:
        if at != top_fd:
            os.close(at)


class _Steps:
    """The state of one walk."""

    def __init__(self, top_fd: int, parts: Sequence[str]) -> None:
        self.held = [top_fd]
        self.names: list[str] = []
        self.todo = list(reversed(parts))
        self.links = 0

    def open(self, flags: int) -> tuple[int, str]:
        try:
            while self.todo:
                name = self.todo.pop()
                if name == "..":
                    self._step_up()
                    continue
                try:
                    fd = _open_itself(name, HOLD if self.todo else flags, self.held[-1])
                except OSError as error:
                    flags |= self._splice_link(name, error)
                    continue
                self.names.append(name)
                if not self.todo:
                    return fd, "/".join(self.names)
                self.held.append(fd)
            return os.open(".", flags, dir_fd=self.held[-1]), "/".join(self.names)
        finally:
            for fd in self.held[1:]:
                os.close(fd)

    def _step_up(self) -> None:
        if not self.names:
            raise OSError(errno.EXDEV, ".. leads above it")
        self.names.pop()
        os.close(self.held.pop())

    def _splice_link(self, name: str, error: OSError) -> int:
        """Put a link's target in front of what is left; the flag to add when the target must be a directory."""
        if error.errno not in _MAYBE_LINK:
            raise error
        try:
            target = os.readlink(name, dir_fd=self.held[-1])
        except OSError:
            raise error from None
        self.links += 1
        if self.links > MAX_LINKS:
            raise OSError(errno.ELOOP, f"more than {MAX_LINKS} links")
        if target.startswith("/"):
            raise OSError(errno.EXDEV, f"{'/'.join([*self.names, name])} is a link to {target}")
        words = target.split("/")
        ends_as_directory = not self.todo and words[-1] in ("", ".")
        self.todo.extend(word for word in reversed(words) if word not in ("", "."))
        return DIRECTORY if ends_as_directory else 0


class ByName:
    """For systems without directory descriptors: open by name, then check that nothing was swapped."""

    name = "realpath"

    def open(self, top: Folder, parts: Sequence[str], flags: int) -> tuple[int, str]:
        real, resolved = _real_beneath(top, parts)
        if os.path.isdir(real):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        fd = os.open(real, flags)
        try:
            unchanged = os.path.samestat(os.fstat(fd), os.lstat(real)) and _real_beneath(top, parts)[0] == real
        except OSError:
            unchanged = False
        if not unchanged:
            os.close(fd)
            raise OSError(errno.EXDEV, "it changed while it was opened")
        return fd, resolved

    def open_folder(self, top: Folder, parts: Sequence[str], flags: int) -> Folder:
        real, resolved = _real_beneath(top, parts)
        if not os.path.isdir(real):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory")
        return Folder(None, os.path.join(real, ""), resolved)

    def look(self, top: Folder, parts: Sequence[str]) -> os.stat_result:
        return os.lstat(_real_beneath(top, parts)[0])

    def hold(self, real: str) -> Folder:
        os.scandir(real).close()
        return Folder(None, os.path.join(real, ""))


def _real_beneath(top: Folder, parts: Sequence[str]) -> tuple[str, str]:
    """The real path, which must exist, and the same relative to `top`."""
    start = os.path.realpath(top.base)
    real = os.path.realpath(os.path.join(start, *parts), strict=True)
    inside = os.path.normcase(os.path.join(start, ""))
    if not os.path.normcase(os.path.join(real, "")).startswith(inside):
        raise OSError(errno.EXDEV, f"to {real}")
    return real, real[len(inside) :].replace(os.sep, "/")
