"""Cuts large contents where their bytes say so, so that what is inserted or removed shifts only the pieces about it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST_BYTES: Final = 16 << 10
MOST_BYTES: Final = 256 << 10
"""Pieces are within these sizes, but for the last one."""
_LOOKED_AT: Final = 48
"""Bytes before a place that decide whether a cut is made there."""
_ONE_IN: Final = 256
"""So many places pass the first look, and so many of those the second: one place in 64 KB."""


_BLOCK_BYTES: Final = 32 << 10
"""Looked at in one go; about as many as are needed to find a cut."""


def _shuffled(seed: int) -> bytes:
    order = list(range(256))
    Random(seed).shuffle(order)  # noqa: S311  (the same in every process, and no secret)
    return bytes(order)


_MIXING: Final = tuple((_shuffled(distance), distance) for distance in (1, 2))


def cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that joined are the chunks joined; where they are cut does not depend on how it came in chunks.

    Cost: 25 ns a byte; twice `MOST_BYTES` and the largest chunk in memory.
    """
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        start = 0
        while len(pending) - start > MOST_BYTES:
            end = start + _first_cut(bytes(pending[start : start + MOST_BYTES]))
            yield bytes(pending[start:end])
            start = end
        del pending[:start]
    start = 0
    while len(pending) - start > LEAST_BYTES:
        window = bytes(pending[start : start + MOST_BYTES])
        end = start + _first_cut(window)
        yield bytes(pending[start:end])
        start = end
    if pending[start:]:
        yield bytes(pending[start:])


def _first_cut(window: bytes) -> int:
    """Where the first piece of a window ends.

    Of the places after `LEAST_BYTES` at which the bytes before have the wanted look, the first whose checksum ends in
    zeros; else the one with the least checksum, which is as much a matter of content; else, as in a run of one byte,
    the end.
    """
    from zlib import crc32

    best, least = len(window), 1 << 32
    for start in range(LEAST_BYTES, len(window), _BLOCK_BYTES):
        for at in _places(window, start, min(start + _BLOCK_BYTES, len(window))):
            value = crc32(window[at - _LOOKED_AT : at])
            if value % _ONE_IN == 0:
                return at
            if value < least:
                best, least = at, value
    return best


def _places(window: bytes, start: int, end: int) -> Iterator[int]:
    """Places of which about one in 256 is wanted, by the 4 bytes before it.

    Each byte is mixed with the one before it, then both with the two before them: all at once, as numbers of many
    digits, because a loop over the bytes would take twenty times as long.
    """
    looks = window[start - 4 : end]
    size = len(looks)
    for table, distance in _MIXING:
        mixed = int.from_bytes(looks, "little") ^ int.from_bytes(looks.translate(table), "little") << 8 * distance
        looks = mixed.to_bytes(size + distance, "little")[:size]
    place = looks.find(0, 3, size - 1)
    while place >= 0:
        yield start - 3 + place
        place = looks.find(0, place + 1, size - 1)
