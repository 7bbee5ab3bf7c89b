"""A span of a file at five levels of detail; each holds the lines of the one below.

`WHOLE` is every line. `CODE` leaves out what follows the first paragraph of long comments and documentation. `ELIDED`
leaves out the bodies of functions as well and keeps signatures, documentation and what stands between functions.
`SIGNATURE` keeps the signatures of the outermost definitions. `OUTLINE` keeps no line: the names of what is there, with
their lines. Where a span holds no function, `ELIDED` keeps its beginning and the lines around what matters.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum

from aiex.context.packing.commentary import prose_runs
from aiex.context.packing.source import DOC_LINES, Source
from aiex.context.structure import BODIED

WINDOW_LINES = 3
"""Shown on either side of a line that matters."""
OPENING_LINES = 6
"""Of a span without definitions."""
LONG_PROSE_LINES = 4
"""Fewer lines of prose stay."""
LONGEST_LINE_CHARS = 10_000
"""A longer line is data and never delivered: the mark in its place says where it is."""
ORIENTING_LINES = 3
"""A definition around a span is shown for orientation when its signature has at most so many lines."""


class Level(IntEnum):
    """How much of a span is delivered."""

    DROP = 0
    OUTLINE = 1
    SIGNATURE = 2
    ELIDED = 3
    CODE = 4
    WHOLE = 5


def lines_at(source: Source, first: int, last: int, level: Level, focus: Sequence[int] = ()) -> frozenset[int]:
    """The lines of a span that a level delivers, with the signatures of what it stands in.

    Args:
        first, last: The span, from 1, both included; what lies beyond the file is ignored.
        focus: Lines that matter most; `ELIDED` shows them with a few lines around.
    """
    first, last = max(first, 1), min(last, source.line_count)
    if first > last or level <= Level.OUTLINE:
        return frozenset()
    whole = frozenset(range(first, last + 1))
    if level is Level.SIGNATURE:
        kept = frozenset(_signatures(source, first, last))
    elif level is Level.WHOLE:
        kept = whole
    else:
        kept = whole.difference(_long_prose(source, first, last))
        if level is Level.ELIDED:
            kept = _elide(source, first, last, kept, focus)
        kept |= frozenset(_signatures(source, first, last))
    kept |= frozenset(_orientation(source, first, last))
    return frozenset(number for number in kept if len(source.lines[number - 1]) <= LONGEST_LINE_CHARS)


def named_in(source: Source, first: int, last: int) -> list[int]:
    """The outermost symbols that begin in a span, which its outline names; in file order."""
    outermost: list[int] = []
    reached = 0
    for index in source.starting_in(first, last):
        if source.symbols[index].start_line > reached:
            outermost.append(index)
            reached = source.symbols[index].end_line
    return outermost


def _signatures(source: Source, first: int, last: int) -> Iterator[int]:
    """Signatures of the outermost definitions of a span; its first line with something on it when there is none."""
    outermost = named_in(source, first, last)
    for index in outermost:
        yield from range(source.symbols[index].start_line, min(source.head_end(index), last) + 1)
    if not outermost and not _orientation(source, first, last):
        yield next((number for number in range(first, last + 1) if source.lines[number - 1].strip()), first)


def _orientation(source: Source, first: int, last: int) -> list[int]:
    """Lines of the signatures around a span, as far as they are short."""
    lines: list[int] = []
    for index in source.around(first, last):
        start, end = source.symbols[index].start_line, source.head_end(index)
        if end - start < ORIENTING_LINES:
            lines += range(start, end + 1)
    return lines


def _long_prose(source: Source, first: int, last: int) -> Iterator[int]:
    """Lines of comments and documentation behind their first paragraph, but for their last line, which closes them."""
    for start, end in prose_runs(source.prose, first, last):
        kept = start
        while kept < min(end, start + DOC_LINES - 1) and source.lines[kept].strip(" \t*/#\"'"):
            kept += 1
        if end - kept > LONG_PROSE_LINES:
            yield from range(kept + 1, end)


def _elide(source: Source, first: int, last: int, code: frozenset[int], focus: Sequence[int]) -> frozenset[int]:
    """Of the lines of the code level: no bodies, or where there are none to leave out the beginning."""
    bodies: set[int] = set()
    for index in source.starting_in(first, last):
        symbol = source.symbols[index]
        if symbol.kind in BODIED:
            bodies.update(range(source.doc_end(index) + 1, symbol.end_line + 1))
    inner = frozenset(
        number
        for index in source.starting_in(first, last)
        for number in range(source.symbols[index].start_line, source.head_end(index) + 1)
        if source.symbols[index].kind in BODIED
    )
    kept = code.difference(bodies) | code & inner if bodies else frozenset(sorted(code)[:OPENING_LINES])
    around = {
        number for line in focus for number in range(line - WINDOW_LINES, line + WINDOW_LINES + 1)
    }  # fmt: skip
    return kept | code & around
