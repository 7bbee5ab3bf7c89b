"""Doing something as a user whom modes of files stop."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """A directory that this user and an ordinary one may write to."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o777)
        yield Path(name)


def as_ordinary_user(work: Callable[[], object]) -> None:
    """Do it in a child without the powers of root; an error there is one here."""
    if os.geteuid() != 0:
        work()
        return
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        return
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        work()
    except BaseException:  # the parent learns of it by the code
        os.write(2, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)
