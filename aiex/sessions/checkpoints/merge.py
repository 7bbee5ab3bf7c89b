"""Joins two changes of one text where they are in different places of it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from aiex.sessions.checkpoints.myers import Hunk, diff_lines, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_BYTES: Final = 8 << 20
"""Larger files are not merged."""


def merge_texts(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The text with the changes of both sides; None where they touch each other, or one of the three is no text.

    Changes of neighbouring lines count as touching; the same change on both sides is made once.

    Cost: that of two `diff_lines`. Source: the three-way merge of diff3, Khanna, Kunal and Pierce 2007.
    """
    if any(len(text) > MOST_BYTES or b"\0" in text for text in (base, ours, theirs)):
        return None
    lines = split_lines(base)
    sides = (split_lines(ours), split_lines(theirs))
    changes = [[*diff_lines(lines, side)] for side in sides]
    merged: list[bytes] = []
    done = 0
    for start, end, groups in _groups(changes[0], changes[1]):
        merged += lines[done:start]
        results = [_apply(lines, side, hunks, start, end) for side, hunks in zip(sides, groups, strict=True) if hunks]
        if any(result != results[0] for result in results):
            return None
        merged += results[0]
        done = end
    return b"".join(chain(merged, lines[done:]))


def _groups(ours: list[Hunk], theirs: list[Hunk]) -> Iterator[tuple[int, int, tuple[list[Hunk], list[Hunk]]]]:
    """Hunks that overlap or touch, with the span of the base that they cover together."""
    waiting = sorted([(hunk, 0) for hunk in ours] + [(hunk, 1) for hunk in theirs], key=lambda one: one[0][:2])
    at = 0
    while at < len(waiting):
        start, end = waiting[at][0].old_start, waiting[at][0].old_end
        group: tuple[list[Hunk], list[Hunk]] = ([], [])
        while at < len(waiting) and (waiting[at][0].old_start <= end):
            hunk, side = waiting[at]
            group[side].append(hunk)
            end = max(end, hunk.old_end)
            at += 1
        yield start, end, group


def _apply(base: Sequence[bytes], side: Sequence[bytes], hunks: list[Hunk], start: int, end: int) -> list[bytes]:
    """What one side has in the place of `base[start:end]`."""
    result: list[bytes] = []
    for hunk in hunks:
        result += base[start : hunk.old_start]
        result += side[hunk.new_start : hunk.new_end]
        start = hunk.old_end
    return [*result, *base[start:end]]
