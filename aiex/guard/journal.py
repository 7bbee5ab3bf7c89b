"""Files of ours of mode 0600 that grow by lines, which several processes may add to, and that never grow too long."""

from __future__ import annotations

import os
from typing import Final

from aiex import dirs
from aiex.errors import StoreError
from aiex.guard.private import LIMIT_BYTES, Lock, read_private, write_private

_WITHIN_S: Final = 2.0
_APPEND: Final = (
    os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)  # fmt: skip


def read_lines(path: str) -> list[bytes]:
    """The whole lines of the file, oldest first; none where there is no file. Raises StoreError."""
    lines = (read_private(path) or b"").split(b"\n")
    return lines[:-1]


def add_line(path: str, line: bytes, *, limit_bytes: int = LIMIT_BYTES // 2) -> None:
    """Add a line; where the file gets longer than the limit, its older half goes.

    What a process left half written that was killed becomes a line of its own.

    Raises:
        StoreError: if it cannot be written, or is not ours alone.
        Conflict: if another process holds it for 2 seconds.
    """
    with Lock(f"{path}.lock", within_s=_WITHIN_S):
        known = read_private(path) or b""
        if known and not known.endswith(b"\n"):
            line = b"\n" + line
        if len(known) + len(line) >= limit_bytes:
            kept = known[len(known) - limit_bytes // 2 :].partition(b"\n")[2] if len(known) > limit_bytes // 2 else b""
            write_private(path, kept + line.lstrip(b"\n") + b"\n")
            return
        _append(path, line + b"\n")


def _append(path: str, data: bytes) -> None:
    try:
        dirs.ensure(os.path.dirname(path))
        descriptor = os.open(path, _APPEND, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
