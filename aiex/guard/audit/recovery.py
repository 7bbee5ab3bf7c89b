"""What to do when log and head differ: find the last good record, put aside what follows, and say what was lost."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from aiex.guard.audit.entries import WHATS, Note
from aiex.guard.audit.frames import HEADER_BYTES
from aiex.guard.audit.walk import BLOCK_BYTES, Position, Walk, read_at, reader, start_of, write_at

if TYPE_CHECKING:
    from aiex.guard.audit.frames import Chain
    from aiex.guard.audit.heads import Head

MOST_AT_ONCE: Final = 8
"""So many records are written in one go, before the head follows; all but the last are outcomes that waited."""
_OUTCOME: Final = WHATS["outcome"]
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def recover(
    log: int, path: str, chain: Chain, head: Head | None, *, is_new: bool
) -> tuple[Position | None, list[Note]]:
    """Bring the log to the end of its last good record.

    Args:
        log: The open log, held by nobody else.
        path: Where it lies.
        head: What the head says; None when it is missing or damaged.
        is_new: Whether there was no head at all, as when a log begins.

    Returns:
        The place before the next record, or None when a log must be begun; and notes to write there.
    """
    header = read_at(log, HEADER_BYTES, 0)
    start = start_of(chain, header)
    if start is None:
        return None, _without_log(path, header, head, is_new=is_new)
    end, is_same, is_left = _find_end(log, chain, start, head)
    aside = _put_aside(log, path, end.offset)
    if head is None and is_new and end.seq == 0:
        return end, []
    if head is None or not (is_same or head.seq > end.seq):
        why = "is missing or damaged" if head is None else "is of another time or another log"
        return end, [Note("head-missing", f"the head {why}; the log had {end.seq} records", {"aside": aside})]
    if head.seq > end.seq:
        return end._replace(seq=head.seq), [_lost(end.seq + 1, head.seq, aside)]
    notes = []
    if end.seq > head.seq and not is_left:
        notes.append(Note("head-behind", f"the head was at record {head.seq}, the log at {end.seq}"))
    if aside:
        notes.append(Note("unfinished", f"what followed record {end.seq} was no record", {"aside": aside}))
    return end, notes


def _without_log(path: str, header: bytes, head: Head | None, *, is_new: bool) -> list[Note]:
    """What to say where no log of ours begins; a file that is something else is moved away."""
    aside = ""
    if header:
        aside = _name_aside(path)
        os.replace(path, aside)
    if head and head.seq:
        return [_lost(1, head.seq, os.path.basename(aside))]
    if not header and (is_new or head):
        return []
    text = "the log did not begin as a log does" if header else "log and head were missing or damaged"
    return [Note("head-missing", text, {"aside": os.path.basename(aside)})]


def _lost(first: int, last: int, aside: str) -> Note:
    which = f"record {first} is" if first == last else f"records {first} to {last} are"
    return Note("lost", f"{which} not in the log", {"first": first, "last": last, "aside": aside})


def _find_end(log: int, chain: Chain, start: Position, head: Head | None) -> tuple[Position, bool, bool]:
    """The place after the last good record; whether the head's place was passed; whether no more lies behind that than
    what is written in one go, which a process leaves that ends between records and head.
    """
    is_same = head is not None and read_at(log, 32, max(0, head.offset - 32)) == head.link
    if head is not None and is_same:
        start = Position(head.seq, head.offset, head.link)
    walk = Walk(reader(log), chain, start)
    last = deque((row[2] for row, *_ in walk), maxlen=MOST_AT_ONCE)
    waited = list(last)[:-1]
    is_left = walk.position.seq - start.seq <= MOST_AT_ONCE and all(what == _OUTCOME for what in waited)
    return walk.position, is_same, is_left


def _put_aside(log: int, path: str, offset: int) -> str:
    """Cut the log at this place; what stood there, if anything, goes into a file whose name is given back."""
    aside, at = "", offset
    target = -1
    try:
        while data := read_at(log, BLOCK_BYTES, at):
            if target < 0 and data.strip(b"\0"):
                aside = _name_aside(path)
                target, at, data = os.open(aside, _CREATE, 0o600), offset, read_at(log, BLOCK_BYTES, offset)
            if target >= 0:
                write_at(target, data, at - offset)
            at += len(data)
        if target >= 0:
            os.fsync(target)
    finally:
        if target >= 0:
            os.close(target)
    os.ftruncate(log, offset)
    return os.path.basename(aside)


def _name_aside(path: str) -> str:
    return f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(3).hex()}"
