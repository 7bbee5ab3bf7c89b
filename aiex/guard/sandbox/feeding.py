"""What a command reads: nothing, bytes, or what a descriptor holds, through a pipe that leads nowhere else."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final

from aiex.errors import UsageError
from aiex.guard.sandbox.waiting import close_all, readable

PIECE_BYTES: Final = 1 << 16
"""Read from a pipe at once."""


def join_pipe(reading: list[int], writing: list[int]) -> None:
    """Add the ends of a new pipe."""
    for fd, fds in zip(os.pipe(), (reading, writing), strict=True):
        fds.append(fd)


def open_input(stdin: bytes | int | None, theirs: list[int], ours: list[int]) -> tuple[int, bytes | int]:
    """Add what a command reads from, and what we need for that; where we write to, -1 for nowhere, and what.

    Args:
        stdin: Bytes, a descriptor, or None for nothing.
        theirs: Gets the descriptor that the command has.
        ours: Gets those that are ours.

    Raises:
        UsageError: for the descriptor of a directory.
        OSError: if no descriptor can be had.
    """
    if isinstance(stdin, int):
        source = os.dup(stdin)
        ours.append(source)
        if _is_passed_on(source):
            theirs.append(ours.pop())
            return -1, b""
        join_pipe(theirs, ours)
        return ours[-1], source
    if stdin:
        join_pipe(theirs, ours)
        return ours[-1], stdin
    theirs.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    return -1, b""


def _is_passed_on(fd: int) -> bool:
    """Whether a command may have this very descriptor; others are read here, and only what they hold goes in.

    Inside, `/proc/self/fd` opens a file anew, also for writing, and a socket carries both ways.

    Raises:
        UsageError: for a directory, which would be a way out.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISDIR(mode):
        raise UsageError("a command cannot read from a directory")
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


async def feed_input(fd: int, data: bytes | int) -> None:
    """Write what a command reads, bytes or what a descriptor holds; one that does not read it all is no problem."""
    if fd < 0:
        return
    os.set_blocking(fd, False)
    try:
        if isinstance(data, bytes):
            await _write(fd, data)
        else:
            while piece := await _read_piece(data):
                await _write(fd, piece)
    except OSError:
        return
    finally:
        close_all([fd, *([data] if isinstance(data, int) else [])])


async def _read_piece(fd: int) -> bytes:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        await readable(fd)
    return os.read(fd, PIECE_BYTES)


async def _write(fd: int, data: bytes) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        rest = memoryview(data)
        while rest:
            await ready.wait()
            ready.clear()
            with suppress(BlockingIOError):
                rest = rest[os.write(fd, rest) :]
    finally:
        loop.remove_writer(fd)
