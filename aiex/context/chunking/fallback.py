"""Where text without a grammar may be cut: at blank lines before unindented text, blank lines, lines, bytes."""

from collections.abc import Iterator

from aiex.context.chunking.boundaries import Unit


def cut_text(source: bytes, limit_bytes: int, start: int = 0, end: int | None = None, part_of: str = "") -> list[Unit]:
    """Units of at most `limit_bytes` that cover [start, end) in order; lines are kept whole where they fit."""
    stop = len(source) if end is None else end
    units: list[Unit] = []
    begin = start
    while stop - begin > limit_bytes:
        cut = _best_cut(source, begin, begin + limit_bytes)
        units.append(Unit(begin, cut, (), part_of))
        begin = cut
    if begin < stop:
        units.append(Unit(begin, stop, (), part_of))
    return units


def _best_cut(source: bytes, begin: int, limit: int) -> int:
    """The best place in (begin, limit] to end a unit, preferably in its last two thirds, not to leave a sliver."""
    earliest = begin + (limit - begin) // 3
    weak = 0
    for place in _line_starts_backwards(source, earliest, limit):
        if source[place - 2 : place] == b"\n\n" or source[place - 3 : place] == b"\n\r\n":
            if source[place : place + 1] not in (b" ", b"\t", b"\n", b"\r", b""):
                return place
            weak = weak or place
    if weak:
        return weak
    line = source.rfind(b"\n", begin, limit) + 1
    return line if line > begin else _byte_cut(source, begin, limit)


def _line_starts_backwards(source: bytes, low: int, high: int) -> Iterator[int]:
    place = high
    while True:
        found = source.rfind(b"\n", low, place)
        if found < 0:
            return
        yield found + 1
        place = found


def _byte_cut(source: bytes, begin: int, limit: int) -> int:
    """A cut inside one long line: after a separator near the end, else between two UTF-8 characters."""
    half = begin + (limit - begin) // 2
    for mark in (b"}", b";", b",", b" "):
        found = source.rfind(mark, half, limit)
        if found >= 0:
            return found + 1
    cut = limit
    while cut > limit - 4 and cut > begin + 1 and source[cut] & 0xC0 == 0x80:
        cut -= 1
    return cut if source[cut] & 0xC0 != 0x80 else limit
