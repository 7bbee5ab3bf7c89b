"""The text of a pack: for each file a header, its lines as they are, and marks that say which lines are left out."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from aiex.context.packing.source import Source
from aiex.guard.neutral import printable_path

GAP = "…"
"""Begins and ends a mark."""
SMALL_GAP_CHARS = 32
"""Lines of a gap that together have at most so many are cheaper than the mark in their place."""
NAMES_IN_GAP = 24
"""More definitions are counted only."""


def close_gaps(source: Source, kept: Collection[int]) -> list[int]:
    """The lines in order, with those gaps filled that cost less than a mark."""
    if not kept:
        return []
    lines: list[int] = []
    for before, number in pairwise([0, *sorted(kept), source.line_count + 1]):
        if number > before + 1 and _is_small(source, before + 1, number - 1):
            lines += range(before + 1, number)
        if number <= source.line_count:
            lines.append(number)
    return lines


def _is_small(source: Source, first: int, last: int) -> bool:
    if last - first >= SMALL_GAP_CHARS:
        return False
    return sum(len(source.lines[line - 1]) + 1 for line in range(first, last + 1)) <= SMALL_GAP_CHARS


def to_ranges(lines: Sequence[int]) -> list[tuple[int, int]]:
    """Lines in order as ranges, both ends included."""
    ranges: list[tuple[int, int]] = []
    for number in lines:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def to_lines(ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The lines of ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)


def render_file(source: Source, lines: Sequence[int], named: Collection[int] = (), *, numbered: bool = False) -> str:
    """A file as a model reads it; ends with a line end.

    Args:
        lines: Those delivered, in order.
        named: Symbols (their indexes in `source.symbols`) whose names stand in the marks.
        numbered: Put its number before each line; without, the marks say which line comes next.
    """
    rows = list(_rows(source, lines, sorted(named), numbered))
    if lines:
        fence = "```"
        while any(fence in row for row in rows):
            fence += "`"
        rows = [fence, *rows, fence]
    return "\n".join([render_header(source), *rows]) + "\n"


def render_header(source: Source) -> str:
    """The line above the lines of a file."""
    return f"## {printable_path(source.path)} ({source.line_count} lines)"


def render_gap(source: Source, first: int, last: int, named: Sequence[int] = ()) -> str:
    """The mark in the place of lines, with the names that are wanted of what begins there."""
    place = f"line {first}" if first == last else f"lines {first}-{last}"
    inside = [source.symbols[index] for index in named if first <= source.symbols[index].start_line <= last]
    names = [f"{symbol.name} {symbol.start_line}-{symbol.end_line}" for symbol in inside[:NAMES_IN_GAP]]
    if len(inside) > NAMES_IN_GAP:
        names.append(f"{len(inside) - NAMES_IN_GAP} more")
    return f"{GAP} {place}: {', '.join(names)} {GAP}" if names else f"{GAP} {place} {GAP}"


def _rows(source: Source, lines: Sequence[int], named: Sequence[int], numbered: bool) -> Iterator[str]:
    after = 0
    for first, last in to_ranges(lines):
        if first > after + 1:
            yield render_gap(source, after + 1, first - 1, named)
        for number in range(first, last + 1):
            line = source.lines[number - 1]
            yield f"{number:>5} {line}" if numbered else line
        after = last
    if after < source.line_count:
        yield render_gap(source, after + 1, source.line_count, named)
