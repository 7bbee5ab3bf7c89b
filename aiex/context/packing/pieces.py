"""Long functions in pieces, so that some of one can be packed where the whole would never fit."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from aiex.context.packing.packed import Candidate, Ranked
from aiex.context.packing.source import Source

PIECE_LINES = 30
"""Source: benchmarks/packing.py; 15 and 30 differ by less than a point."""
RANKS_CUT = 40
"""Lower ranks seldom come to the top, and are not opened for this."""


class Piece(NamedTuple):
    """A candidate, or a part of one, with its rank."""

    rank: int
    one: Ranked


def cut_long(candidates: Sequence[Ranked], read: Callable[[str], Source | None], most_lines: int) -> Iterator[Piece]:
    """The candidates in their order; longer ones that no definition divides come in pieces, cut at blank lines."""
    for rank, one in enumerate(candidates):
        source = read(one.path) if rank < RANKS_CUT and one.end_line - one.start_line >= most_lines else None
        last = min(one.end_line, source.line_count) if source else one.end_line
        if source is None or last - one.start_line < most_lines or source.starting_in(one.start_line + 1, last):
            yield Piece(rank, one)
            continue
        for first, end in _cut(source, max(one.start_line, 1), last):
            symbol, score = getattr(one, "symbol", ""), getattr(one, "score", 0.0)
            focus, must = getattr(one, "focus", ()), getattr(one, "must", False)
            yield Piece(rank, Candidate(one.path, first, end, symbol, score, one.why, focus, must))


def _cut(source: Source, first: int, last: int) -> Iterator[tuple[int, int]]:
    while first <= last:
        end = min(first + PIECE_LINES - 1, last)
        if last - end < PIECE_LINES // 2:
            end = last
        else:
            blank = (line for line in range(end, first + PIECE_LINES // 2, -1) if not source.lines[line - 1].strip())
            end = next(blank, end)
        yield first, end
        first = end + 1
