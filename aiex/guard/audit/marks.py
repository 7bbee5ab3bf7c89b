"""Places in the log from which it can be read without what lies before: where a record begins, and the latest time.

They are an index and nothing else: the log can be read without them, and one that is not signed, or that the log does
not have at its place, does not count. They are signed in another way than heads, so that none can serve as one.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiex.guard.audit.frames import LINK_BYTES
from aiex.guard.audit.heads import HEAD_BYTES, Head, parse_head, render_head
from aiex.guard.audit.walk import Position, read_at, write_at

if TYPE_CHECKING:
    from aiex.guard.audit.frames import Chain

APART_BYTES: Final = 1 << 18
"""How much of the log lies between two marks; reading so much takes 10 ms."""
_PURPOSE: Final = b"aiex audit mark"
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def add_mark(log: str, chain: Chain, end: Head) -> None:
    """Keep the end of a log as a mark, unless the last one is near; whoever calls this has the turn to write.

    Without it the log is read from further before, so nothing is raised.
    """
    with suppress(OSError):
        descriptor = os.open(_path_of(log), _FLAGS | getattr(os, "O_BINARY", 0), 0o600)
        try:
            count = os.fstat(descriptor).st_size // HEAD_BYTES
            last = parse_head(chain, read_at(descriptor, HEAD_BYTES, max(0, count - 1) * HEAD_BYTES), _PURPOSE)
            if last is None or last.log != end.log or end.offset - last.offset >= APART_BYTES:
                write_at(descriptor, render_head(chain, end, _PURPOSE), count * HEAD_BYTES)
        finally:
            os.close(descriptor)


def find_mark(log: str, descriptor: int, chain: Chain, start: Position, *, since_ms: int, seq: int) -> Position:
    """The last marked place before every record of that time or later, or before the one with that number.

    Args:
        log: The path of the log, and `descriptor` the open file.
        start: What to give where there is no such place.
        since_ms: UTC, milliseconds since 1970; 0 for the beginning.
        seq: 0 for the beginning.
    """
    if since_ms <= 0 and seq <= 0:
        return start
    try:
        with open(_path_of(log), "rb") as file:
            data = file.read()
    except OSError:
        return start
    name = read_at(descriptor, 16, 16)

    def early_mark(number: int) -> Head | None:
        """The mark of this number, if it is one and lies before all that is asked for."""
        mark = parse_head(chain, data[number * HEAD_BYTES : (number + 1) * HEAD_BYTES], _PURPOSE)
        return mark if mark and (mark.at_ms < since_ms or mark.seq < seq) else None

    count = bisect_left(range(len(data) // HEAD_BYTES), True, key=lambda number: early_mark(number) is None)
    for mark in map(early_mark, reversed(range(count))):
        if mark and mark.log == name and _is_there(descriptor, mark):
            return Position(mark.seq, mark.offset, mark.link)
    return start


def _is_there(descriptor: int, mark: Head) -> bool:
    return read_at(descriptor, LINK_BYTES, mark.offset - LINK_BYTES) == mark.link


def _path_of(log: str) -> str:
    return f"{log}.marks"
