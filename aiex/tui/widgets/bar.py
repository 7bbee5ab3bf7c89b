"""The scroll bar of a talk: whole cells, each kept ready, since it is drawn anew in every picture."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment
from rich.style import Style
from textual.scrollbar import ScrollBar
from textual.strip import Strip

if TYPE_CHECKING:
    from textual.color import Color
    from textual.geometry import Region

Part = Literal["above", "thumb", "below"]
_DOES = {"above": "scroll_up", "thumb": "grab", "below": "scroll_down"}


class Bar(ScrollBar):
    """What Textual's is, in one row of cells for each line and without eighths of them."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """The part of it that is asked for."""
        width, height = self.region.size
        start, end = self._find_thumb(height)
        track, thumb = self._find_colors()
        strips = []
        for y in crop.line_range:
            part: Part = "above" if y < start else "thumb" if y < end else "below"
            strips.append(_draw(part, width, track, thumb))
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _find_thumb(self, height: int) -> tuple[int, int]:
        virtual, window = self.window_virtual_size, self.window_size
        if not (virtual and window and virtual > window):
            return 0, height
        size = max(1, round(height * window / virtual))
        start = round((height - size) * min(max(self.position, 0) / (virtual - window), 1))
        return start, start + size

    def _find_colors(self) -> tuple[Color, Color]:
        if self.parent is None or not hasattr(self.parent, "styles"):
            return self.styles.background, self.styles.color
        styles = self.parent.styles
        if self.grabbed:
            track, thumb = styles.scrollbar_background_active, styles.scrollbar_color_active
        elif self.mouse_over:
            track, thumb = styles.scrollbar_background_hover, styles.scrollbar_color_hover
        else:
            track, thumb = styles.scrollbar_background, styles.scrollbar_color
        base, _ = self.parent.background_colors if hasattr(self.parent, "background_colors") else (track, track)
        return base + track, base + track + thumb


@lru_cache(64)
def _draw(part: Part, width: int, track: Color, thumb: Color) -> Strip:
    meta = {"@mouse.down": _DOES[part]}
    if part == "thumb":
        style = Style(color=thumb.rich_color, bgcolor=track.rich_color, reverse=True, meta=meta)
    else:
        style = Style(bgcolor=track.rich_color, meta=meta)
    return Strip([Segment(" " * width, style)], width)
