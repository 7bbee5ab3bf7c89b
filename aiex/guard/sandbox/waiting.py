"""Waiting for descriptors and processes, in an event loop or without one."""

from __future__ import annotations

import os
from contextlib import suppress


async def readable(fd: int) -> None:
    """Return when a descriptor can be read without waiting; that of a process (`pidfd`), when it ended."""
    import asyncio

    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, tell)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def is_readable(fd: int, within_ms: int) -> bool:
    """Whether a descriptor can be read, or its process ended, within so long; blocks until then."""
    import select

    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(within_ms))


async def read_until(fd: int, end: bytes, limit_bytes: int) -> bytes:
    """What comes through a pipe until it ends so, is closed, or is too much."""
    os.set_blocking(fd, False)
    pieces = b""
    while len(pieces) < limit_bytes and not pieces.endswith(end):
        await readable(fd)
        with suppress(BlockingIOError):
            piece = os.read(fd, limit_bytes)
            if not piece:
                break
            pieces += piece
    return pieces


def close_all(fds: list[int]) -> None:
    """Close descriptors once, and forget them."""
    while fds:
        with suppress(OSError):
            os.close(fds.pop())


def pipe_of(data: bytes) -> int:
    """A descriptor from which exactly this can be read."""
    fd = os.memfd_create("aiex", os.MFD_CLOEXEC)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
