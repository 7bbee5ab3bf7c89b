"""A list of one-line rows, of which only those in sight are drawn, so that its length does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.style import Style
    from textual import events

Piece = tuple[str, str]
"""Text, and the role of `theme.py` in which it is shown."""
MARK: Final = "> "
NO_MARK: Final = "  "
_LONGEST: Final = 1_000
"""More characters of a piece are on no screen."""


class Row(NamedTuple):
    """One thing in a list."""

    value: Any
    pieces: tuple[Piece, ...]
    """How it looks, on one line; of whatever origin, harmless once it is drawn."""
    words: str
    """What typed words are looked for in; case-folded."""


class Rows(ScrollView, can_focus=False):
    """Shows rows, one of them marked."""

    class Marked(Message):
        """Another row is marked."""

    class Chosen(Message):
        """The marked row was clicked."""

    def __init__(self, styles: Mapping[str, Style], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = styles
        self._shown: Sequence[Row] = ()
        self.empty = ""
        """What is said where there are no rows."""
        self.at = 0
        """The place of the row that is marked."""

    @property
    def current(self) -> Row | None:
        """The row that is marked; None where there are none."""
        return self._shown[self.at] if self._shown else None

    def show(self, rows: Sequence[Row], at: int = 0) -> None:
        """Show other rows. Cost: that of the rows in sight."""
        self._shown = rows
        self.virtual_size = Size(self.size.width, len(rows))
        self.mark(at)

    def mark(self, at: int) -> None:
        """Mark a row, and bring it into sight."""
        self.at = max(0, min(at, len(self._shown) - 1))
        height = self.size.height
        top = round(self.scroll_offset.y)
        if self.at < top or self.at >= top + height > 0:
            wanted = self.at if self.at < top else self.at - height + 1
            self.scroll_to(y=wanted, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Marked())

    def render_line(self, y: int) -> Strip:
        """One row in sight."""
        width = self.scrollable_content_region.width
        at = round(self.scroll_offset.y) + y
        if not self._shown and not y:
            pieces = ((self.empty, "muted"),)
            return draw_row(pieces, self._look, width, is_marked=False, base=self.rich_style)
        if at >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        return draw_row(self._shown[at].pieces, self._look, width, is_marked=at == self.at, base=self.rich_style)

    def on_resize(self, _: events.Resize) -> None:
        """What is marked stays in sight."""
        self.virtual_size = Size(self.size.width, len(self._shown))
        self.mark(self.at)

    def on_click(self, event: events.Click) -> None:
        """Mark a row; the marked one is chosen."""
        at = round(self.scroll_offset.y) + event.y
        if at >= len(self._shown):
            return
        if at == self.at:
            self.post_message(self.Chosen())
        else:
            self.mark(at)


def draw_row(pieces: Sequence[Piece], look: Mapping[str, Style], width: int, *, is_marked: bool, base: Style) -> Strip:
    """A row that is exactly so wide in cells, with a sign where it is cut."""
    used, segments = 0, [Segment(MARK if is_marked else NO_MARK, base + look["accent"])]
    used += len(MARK)
    for text, role in pieces:
        clean = printable_path(text[:_LONGEST])
        cells = cell_len(clean)
        if used + cells > width:
            if width > used:
                clean = f"{set_cell_size(clean, width - used - 1)}…"
                segments.append(Segment(clean, base + look[role]))
            break
        segments.append(Segment(clean, base + look[role]))
        used += cells
    strip = Strip(segments).adjust_cell_length(width, base)
    return strip.apply_style(look["found"]) if is_marked else strip
