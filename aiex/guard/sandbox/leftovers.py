"""What a process that was killed left in a workspace: unfinished files, and stand-ins for missing names.

An unfinished file is locked as long as its writer lives (`aiex/guard/sandbox/atomic.py`), so one that can be locked is
nobody's any more. Where files have no locks they stay.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from aiex.guard.private import try_lock
from aiex.guard.sandbox.paths import DEFAULT_RULES
from aiex.guard.sandbox.placeholders import Placeholders
from aiex.guard.sandbox.tree import is_temporary
from aiex.guard.sandbox.walk import CLOEXEC, NOFOLLOW

_OPEN = os.O_RDONLY | NOFOLLOW | CLOEXEC | getattr(os, "O_NONBLOCK", 0)


def remove_leftovers(root: str) -> list[str]:
    """Remove them; the paths of the files, relative to the root. What cannot be looked at or removed stays.

    While another process restores files here, this must not run: what it stages is not locked.

    Cost: one look at each directory.
    """
    real = os.path.realpath(root)
    with suppress(OSError):
        Placeholders(real).sweep()
    return sorted(os.path.relpath(path, real) for path in _remove_unfinished(real))


def _remove_unfinished(root: str) -> Iterator[str]:
    if not hasattr(os, "fwalk"):  # Windows, which has no such locks either
        return
    for folder, folders, files, descriptor in os.fwalk(root):
        folders[:] = [name for name in folders if not DEFAULT_RULES.protected_name(name)]
        for name in filter(is_temporary, files):
            with suppress(OSError):
                if _remove_if_left(name, descriptor):
                    yield os.path.join(folder, name)


def _remove_if_left(name: str, folder: int) -> bool:
    descriptor = os.open(name, _OPEN, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not try_lock(descriptor):
            return False
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)
    return True
