"""Reads a file that a person named on the command line, wherever it lies.

The workspace is no bound here, for the person's own words are; nothing that a model or a repository says may come to
this place. Pipes are read too, as shells make them for `<(command)`.
"""

import os
import stat

from aiex.guard.sandbox.faults import Missing, failure, not_a_file, too_large
from aiex.guard.sandbox.paths import show

CHUNK_BYTES = 1 << 16


def read_named(path: str, *, limit_bytes: int) -> bytes:
    """The content of a file.

    Args:
        limit_bytes: More is refused.

    Raises:
        StoreError: if it is missing, no file, unreadable or too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise failure("read", path, error) from error
    except ValueError as error:
        raise Missing(f"cannot read {show(path)}: no file can have this name") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise not_a_file("read", path, mode)
        return _read(descriptor, path, limit_bytes)
    except OSError as error:
        raise failure("read", path, error) from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, path: str, limit_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := os.read(descriptor, CHUNK_BYTES):
        size += len(piece)
        if size > limit_bytes:
            raise too_large(path, limit_bytes, size)
        pieces.append(piece)
    return b"".join(pieces)
