"""Files that a person names to carry something elsewhere: new ones written whole, and others read once."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from aiex.errors import StoreError, UsageError
from aiex.guard.neutral import printable_path
from aiex.guard.private import open_private
from aiex.sqlite import translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def write_new(path: str, blocks: Iterable[bytes]) -> int:
    """Write a new file of mode 0600, synced; how many bytes it has. After a failure there is none.

    Raises:
        UsageError: if there is one already.
        StoreError: if it cannot be written.
    """
    return fill_new(path, lambda file: sum(map(file.write, blocks)))


def fill_new(path: str, fill: Callable[[BinaryIO], int]) -> int:
    """The same for what writes by itself; gives what that gives."""
    shown = printable_path(path)
    with translated_errors(shown):
        try:
            file = open(path, "xb", opener=open_private)  # noqa: SIM115  (closed below)
        except FileExistsError as error:
            raise UsageError(f"{shown} exists already", hint="choose another name") from error
        try:
            with file:
                done = fill(file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise
    return done


def open_named(path: str) -> BinaryIO:
    """A file or pipe, open for reading.

    Raises:
        UsageError: if there is none, or it is a directory.
        StoreError: if it cannot be read.
    """
    shown = printable_path(path)
    try:
        file = open(path, "rb")  # noqa: SIM115  (the caller closes it)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"cannot read {shown}: no such file") from error
    except IsADirectoryError as error:
        raise UsageError(f"cannot read {shown}: it is a directory") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot read {shown}: {reason}") from error
    if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UsageError(f"cannot read {shown}: it is a directory")
    return file
