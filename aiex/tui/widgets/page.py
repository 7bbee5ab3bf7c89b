"""A text to look at, beside a list: broken to the width in a thread, and drawn only where it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.style import Style

    from aiex.tui.colouring import Spans
    from aiex.tui.widgets.rows import Piece
    from aiex.tui.wrap import Row

MOST_CHARS: Final = 40_000
"""More of a text is read elsewhere."""
MOST_LINE_CHARS: Final = 2_000


class Leaf(NamedTuple):
    """What there is to read."""

    lines: tuple[tuple[Piece, ...], ...]
    """Pieces of a text with their roles, harmless to a terminal."""
    numbers_from: int = 0
    """What the first line is numbered; 0 where lines have no numbers."""
    path: str = ""
    """Where this is code, its file."""


def to_leaf(text: str, role: str = "text", *, numbers_from: int = 0, path: str = "") -> Leaf:
    """As much of a text as a look needs, harmless."""
    from aiex.guard.neutral import neutralise

    shown = neutralise(text[:MOST_CHARS]).split("\n")
    lines = [((line[:MOST_LINE_CHARS], role),) for line in shown]
    if len(text) > MOST_CHARS:
        lines.append(((f"… {len(text) - MOST_CHARS:,} more characters", "muted"),))
    return Leaf(tuple(lines), numbers_from, path)


def to_facts(rows: Iterable[tuple[str, str]]) -> Leaf:
    """Names with their values."""
    from aiex.guard.neutral import neutralise

    return Leaf(tuple(((f"{name:<13} ", "muted"), (neutralise(value), "text")) for name, value in rows))


def lay(leaf: Leaf, width: int, look: Mapping[str, Style], colours: Sequence[Spans] = ()) -> list[Row]:
    """The rows of a text at a width. Cost: 5 µs for a line."""
    from aiex.tui.wrap import wrap

    rows: list[Row] = []
    digits = len(str(leaf.numbers_from + len(leaf.lines)))
    for number, line in enumerate(leaf.lines):
        pieces = [(text, look[role]) for text, role in line]
        if number < len(colours) and colours[number] and len(pieces) == 1:
            pieces = _paint(pieces[0][0], colours[number], look["text"])
        first = rest = None
        if leaf.numbers_from:
            first = (f"{leaf.numbers_from + number:>{digits}} ", look["muted"])
            rest = (" " * (digits + 1), look["muted"])
        rows += wrap(pieces, max(width, 1), first, rest)
    return rows


def _paint(line: str, spans: Spans, plain: Style) -> list[tuple[str, Style]]:
    painted, at = [], 0
    for start, end, style in spans:
        if start > at:
            painted.append((line[at:start], plain))
        painted.append((line[start:end], style))
        at = end
    painted.append((line[at:], plain))
    return [(text, style) for text, style in painted if text] or [("", plain)]


class Page(ScrollView, can_focus=False):
    """Shows rows of text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text: list[Row] = []

    def show(self, rows: list[Row], *, at_end: bool = False) -> None:
        """Show a text from its begin, or its end. Cost: that of the rows in sight."""
        self._text = rows
        self.virtual_size = Size(self.size.width, len(rows))
        self.scroll_to(y=len(rows) if at_end else 0, animate=False, immediate=True)
        self.refresh()

    @property
    def room(self) -> int:
        """Cells that a row may be wide beside the bar that scrolls."""
        return max(self.size.width - 1, 1)

    @property
    def text(self) -> str:
        """All that can be read."""
        return "\n".join(row.text for row in self._text)

    def render_line(self, y: int) -> Strip:
        """One row in sight."""
        at = round(self.scroll_offset.y) + y
        if at >= len(self._text):
            return Strip.blank(self.size.width, self.rich_style)
        strip = Strip(self._text[at].segments).apply_style(self.rich_style)
        return strip.adjust_cell_length(self.size.width, self.rich_style)
