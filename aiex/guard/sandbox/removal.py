"""Removes a directory that commands could fill as they liked: however deep it is, whatever modes it has."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress


def remove_tree(path: str) -> None:
    """Remove a directory of this user with everything in it; what the system does not let go stays.

    Nobody else may change it meanwhile. Directories are emptied into the top one, so depth costs nothing.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(OSError):
        os.chmod(path, 0o700)
        top = os.open(path, flags)
        try:
            _empty(top, flags)
        finally:
            os.close(top)
        os.rmdir(path)


def _empty(top: int, flags: int) -> None:
    numbers = itertools.count()
    stuck: set[str] = set()
    while folders := [name for name in _clear(top) if name not in stuck]:
        for name in folders:
            try:
                os.chmod(name, 0o700, dir_fd=top)
                folder = os.open(name, flags, dir_fd=top)
            except OSError:
                stuck.add(name)
                continue
            try:
                for inner in _clear(folder):
                    _lift(inner, folder, top, numbers)
            finally:
                os.close(folder)
            try:
                os.rmdir(name, dir_fd=top)
            except OSError:
                stuck.add(name)


def _clear(folder: int) -> list[str]:
    """Remove what is no directory; the names of those that are one."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with suppress(OSError):
                    os.unlink(entry.name, dir_fd=folder)
    return folders


def _lift(name: str, folder: int, top: int, numbers: itertools.count[int]) -> None:
    """Move a directory to the top, under a name that is not taken there."""
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=folder)  # moving a directory writes to it
        while _is_taken(free := f"lifted-{next(numbers)}", top):
            pass
        os.rename(name, free, src_dir_fd=folder, dst_dir_fd=top)


def _is_taken(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True
