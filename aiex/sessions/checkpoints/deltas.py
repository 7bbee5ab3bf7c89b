"""A content as the changes to another one: whole lines by `myers`, then bytes within the lines that changed."""

from __future__ import annotations

from typing import Final

from aiex.sessions.checkpoints.myers import diff_lines, split_lines

MOST_STEPS, MOST_WORK = 64, 400_000
"""As in `myers`; deltas need not be the smallest, and a file of which more changed is cheap to keep whole."""
MOST_LINES: Final = 200_000
"""Between the first byte and the last that differ; more would take a second and hundreds of megabytes."""
_GROWING_MOST: Final = 9
"""Bytes of a number in a delta: sizes below 2 to the power of 63."""


def make_delta(base: bytes, content: bytes) -> bytes:
    """What `apply_delta` makes `content` of `base` with: numbers of bytes to copy, skip and insert, and the inserted.

    Longer than `content` where they have nothing in common. Cost: that of `diff_lines` for what lies between the first
    byte and the last that differ.
    """
    start = _shared(base, content)
    tail = _shared(base[start:][::-1], content[start:][::-1])
    middle, wanted = base[start : len(base) - tail], content[start : len(content) - tail]
    if not middle and not wanted:
        return b""
    if middle.count(b"\n") + wanted.count(b"\n") > MOST_LINES:
        return b"".join(map(_pack, (start, len(middle), len(wanted)))) + wanted
    return _by_lines(start, split_lines(middle), split_lines(wanted))


def _by_lines(start: int, old: list[bytes], new: list[bytes]) -> bytes:
    """The delta for lines that begin at this byte of the base."""
    packed = bytearray()
    old_line = done = 0
    old_at = start
    for hunk in diff_lines(old, new, most_steps=MOST_STEPS, most_work=MOST_WORK):
        old_at += sum(map(len, old[old_line : hunk.old_start]))
        removed = b"".join(old[hunk.old_start : hunk.old_end])
        added = b"".join(new[hunk.new_start : hunk.new_end])
        lead = _shared(removed, added)
        trail = _shared(removed[lead:][::-1], added[lead:][::-1])
        inserted = added[lead : len(added) - trail]
        skipped = len(removed) - lead - trail
        packed += b"".join(map(_pack, (old_at + lead - done, skipped, len(inserted))))
        packed += inserted
        done = old_at + lead + skipped
        old_at += len(removed)
        old_line = hunk.old_end
    return bytes(packed)


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The content that `make_delta` was given.

    Raises:
        ValueError: if the delta is damaged or does not belong to this base; not every such delta is recognised.
    """
    pieces: list[bytes] = []
    at = place = 0
    while place < len(delta):
        copied, place = _unpack(delta, place)
        skipped, place = _unpack(delta, place)
        inserted, place = _unpack(delta, place)
        if at + copied + skipped > len(base) or place + inserted > len(delta):
            raise ValueError("a delta goes beyond its end")
        pieces += [base[at : at + copied], delta[place : place + inserted]]
        at, place = at + copied + skipped, place + inserted
    pieces.append(base[at:])
    return b"".join(pieces)


def _shared(some: bytes, others: bytes) -> int:
    """How many bytes both begin with, by comparing halves."""
    low, high = 0, min(len(some), len(others))
    while low < high:
        middle = (low + high + 1) // 2
        if some[low:middle] == others[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _pack(number: int) -> bytes:
    """Seven bits in a byte, the lowest first; the highest bit says that more follow."""
    packed = bytearray()
    while number > 0x7F:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def _unpack(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for step, byte in enumerate(data[place : place + _GROWING_MOST]):
        number |= (byte & 0x7F) << 7 * step
        if byte < 0x80:
            return number, place + step + 1
    raise ValueError("a number in a delta has no end")
