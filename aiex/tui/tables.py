"""A table of Markdown at a width: columns as wide as they need where there is room, else wrapped in their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment

from aiex.tui.wrap import EMPTY, Row, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style

    from aiex.tui.wrap import Styled

GAP: Final = 2
NARROWEST: Final = 4
"""Where columns would be narrower, a row stands as plain text."""

Cell = list["Styled"]


def lay_table(rows: Sequence[Sequence[Cell]], width: int, rule: Style) -> list[Row]:
    """Rows of text for rows of cells; the first is the head."""
    count = max(map(len, rows), default=0)
    needs = [max((_size(row[at]) for row in rows if at < len(row)), default=0) for at in range(count)]
    widths = _share([max(need, 1) for need in needs], width - GAP * (count - 1))
    if widths is None:
        return [line for row in rows for line in wrap(_join(row, rule), width)]
    made: list[Row] = []
    for number, row in enumerate(rows):
        made += _lay_row(row, widths)
        if number == 0 and len(rows) > 1:
            bars = (Segment("─" * size + (" " * GAP if at < count - 1 else ""), rule) for at, size in enumerate(widths))
            made.append(Row(list(bars)))
    return made


def _share(needs: list[int], room: int) -> list[int] | None:
    """Widths that fit, taken from the widest first; None where columns would be too narrow."""
    widths = list(needs)
    excess = sum(widths) - room
    while excess > 0:
        widest = max(widths)
        if widest <= NARROWEST:
            return None
        second = max((size for size in widths if size < widest), default=NARROWEST)
        at = [number for number, size in enumerate(widths) if size == widest]
        cut = min(max((widest - max(second, NARROWEST)) * len(at), len(at)), excess)
        for place, number in enumerate(at):
            widths[number] -= cut // len(at) + (place < cut % len(at))
        excess -= cut
    return widths


def _lay_row(row: Sequence[Cell], widths: list[int]) -> list[Row]:
    cells = [wrap(row[at] if at < len(row) else [], size) for at, size in enumerate(widths)]
    lines = []
    for number in range(max(map(len, cells), default=0)):
        segments: list[Segment] = []
        for at, size in enumerate(widths):
            words = cells[at][number] if number < len(cells[at]) else EMPTY
            segments += words.segments
            if at < len(widths) - 1:
                used = sum(cell_len(segment.text) for segment in words.segments)
                segments.append(Segment(" " * (size - used + GAP)))
        lines.append(Row(segments))
    return lines


def _size(cell: Cell) -> int:
    return sum(cell_len(words) for words, _ in cell)


def _join(row: Sequence[Cell], rule: Style) -> list[Styled]:
    joined: list[Styled] = []
    for cell in row:
        joined += [(" | ", rule)] if joined else []
        joined += cell
    return joined
