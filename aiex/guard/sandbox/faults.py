"""What can go wrong with a file, and our words for what the system answered."""

import errno
import stat

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.paths import show


class Missing(StoreError):
    """Nothing has this name."""


class NotAFile(StoreError):
    """It is there, but a device, a pipe or a socket."""


class IsADirectory(NotAFile):
    """A directory, where a file is meant."""


class NotADirectory(StoreError):
    """A file, where a directory is meant."""


class Unreadable(StoreError):
    """The system refused to read it."""


class Unwritable(StoreError):
    """The system refused to change it."""


class TooLarge(StoreError):
    """The file has more bytes than the caller wants."""

    def __init__(self, message: str, *, hint: str = "", size_bytes: int) -> None:
        super().__init__(message, hint=hint)
        self.size_bytes = size_bytes


def too_large(path: str, limit_bytes: int, size_bytes: int) -> TooLarge:
    """The fault of a file above a limit."""
    message = f"cannot read {show(path)}: {size_bytes:,} bytes, more than {limit_bytes:,}"
    return TooLarge(message, size_bytes=size_bytes)


def not_a_file(verb: str, path: str, mode: int) -> NotAFile:
    """The fault of a name that is there but has no content to read."""
    if stat.S_ISDIR(mode):
        return IsADirectory(f"cannot {verb} {show(path)}: it is a directory", hint="name a file in it")
    return NotAFile(f"cannot {verb} {show(path)}: it is a device, a pipe or a socket")


def failure(verb: str, path: str, error: OSError) -> Denied | StoreError:
    """The fault for an error of the system."""
    said = f"cannot {verb} {show(path)}: {reason(error)}"
    match error.errno:
        case errno.EXDEV:
            hint = "links must be relative and stay inside; use -C DIR to work in another directory"
            return Denied(f"refused to {verb} {show(path)}: it leads outside, {show(reason(error))}", hint=hint)
        case errno.ENOENT:
            return Missing(said)
        case errno.ENOTDIR:
            return NotADirectory(said)
        case errno.EISDIR:
            return IsADirectory(said)
        case errno.ENXIO | errno.ENODEV | errno.EOPNOTSUPP:
            return NotAFile(f"cannot {verb} {show(path)}: it is a device, a pipe or a socket")
    return Unwritable(said) if verb in ("write", "delete") else Unreadable(said)


def reason(error: OSError) -> str:
    """What the system said, as the end of a sentence."""
    return (error.strerror or str(error)).lower() if error.errno != errno.EXDEV else error.strerror or str(error)
