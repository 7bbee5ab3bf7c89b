"""The rows of a talk in a window that scrolls: drawn when they are looked at, and kept ready for the next picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from aiex.tui.finding import Finding
from aiex.tui.layout import Layout
from aiex.tui.marks import mark
from aiex.tui.widgets.bar import Bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.scrollbar import ScrollBar
    from textual.selection import Selection

    from aiex.tui.blocks import Block
    from aiex.tui.draw import Drawer
    from aiex.tui.story import Story
    from aiex.tui.wrap import Row

_ROWS: Final = 1 << 16
_NUMBERS: Final = 1 << 40
"""What is selected is named by the number of a block and its row: rows above it may still change."""


class Lines(ScrollView):
    """Shows a story, and follows its end unless the reader scrolled away."""

    DEFAULT_CSS = "Lines { scrollbar-gutter: stable; overflow-x: hidden; overflow-y: auto; }"
    ALLOW_SELECT = True

    def __init__(self, story: Story, drawer: Drawer, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._layout = Layout(story, drawer)
        self._follows = True
        self._new_rows = 0
        """How many came below while the reader was elsewhere."""
        self._is_placing = False
        self._cursor: tuple[int, int] | None = None
        """The number of a block, and one of its rows."""
        self.finding = Finding(story)
        self._base = Style()
        self._listen(drawer)

    @property
    def story(self) -> Story:
        """What is shown."""
        return self._layout.story

    @property
    def follows(self) -> bool:
        """Whether the end is seen, so that what comes is seen too."""
        return self._follows

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scroll bar; made when it is first asked for."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = Bar(vertical=True, name="vertical", thickness=self.scrollbar_size_vertical)
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    # --- what is shown ----------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Show what changed in the story since then. Cost: what has no end yet, and what is seen of the rest."""
        if not self._layout.width:
            return
        top, total = self.scroll_offset.y, self._layout.total
        update = self._layout.update(top)
        if update is None:
            return
        if self._follows:
            self._settle(top, update.first)
        else:
            self._new_rows += max(self._layout.total - total - update.above, 0)
            self._settle(top + update.above, update.first)
            self._refresh_rows(self._bottom - 1, self._bottom)

    def show(self, story: Story) -> None:
        """Show another story in place of this one, from its end."""
        self._follows, self._new_rows, self._cursor = True, 0, None
        self.finding = Finding(story)
        self._renew(story=story)

    def redraw(self, drawer: Drawer) -> None:
        """Draw everything anew, in another theme."""
        self._listen(drawer)
        self._renew(drawer=drawer)

    def prepend(self, blocks: Sequence[Block]) -> None:
        """Put a past before everything; what is seen stays where it is."""
        top = self.scroll_offset.y
        self._settle(top + self._layout.prepend(blocks), None)

    def _renew(self, *, story: Story | None = None, drawer: Drawer | None = None, width: int | None = None) -> None:
        """Lay everything anew; the block at the top of the window stays there."""
        layout = self._layout
        if not layout.width and width is None:
            layout.story, layout.drawer = story or layout.story, drawer or layout.drawer
            return
        place = layout.find(self.scroll_offset.y) if story is None else None
        height = layout.heights[place[0]] if place else 0
        layout.renew(story=story, drawer=drawer, width=width)
        top = 0
        if place is not None and not self._follows:
            at, row = place
            now = len(layout.laid(at).rows)
            top = layout.heights.top(at) + (row * now // height if height and row else 0)
            top += layout.settle(layout.heights.top(at), 1) - layout.heights.top(at)
        self._settle(top, 0)
        self.refresh()

    # --- the window ---------------------------------------------------------------------------------------------------

    @property
    def _height(self) -> int:
        return self.scrollable_content_region.height

    @property
    def _bottom(self) -> int:
        return self.scroll_offset.y + self._height

    def _settle(self, top: int, first: int | None, seen: int | None = None) -> None:
        """Draw what the window shows from `top` on, or at the end; repaint it from the row `first` on.

        Args:
            seen: The row that was the first before it went up.
        """
        layout, before = self._layout, self.scroll_offset.y
        if self._follows:
            top = layout.settle_end(self._height)
        else:
            for _ in range(3):
                top, seen = layout.settle(top, self._height, seen), None
                lowest = max(0, layout.total - self._height)
                if top <= lowest:
                    break
                top = lowest
        size = Size(layout.width, layout.total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)  # without a new layout of the whole screen
            self._is_placing = True
            self._scroll_update(size)
        self._place(top)
        if first is not None and self.scroll_offset.y == before:
            self._refresh_rows(first, self._bottom)

    def _place(self, top: int) -> None:
        self._is_placing = True
        try:
            self.scroll_target_y = self.scroll_y = top
        finally:
            self._is_placing = False

    def _refresh_rows(self, first: int, end: int) -> None:
        first = max(first, self.scroll_offset.y)
        end = min(end, self._bottom)
        if first < end:
            y = first - self.scroll_offset.y + self.gutter.top
            self.refresh(Region(0, y, self.size.width, end - first))

    def _scroll_to(self, x: float | None = None, y: float | None = None, **options: Any) -> bool:
        options["animate"] = False  # rows above may get other heights on the way
        return super()._scroll_to(x, y, **options)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The reader, or what comes, moved the window."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_placing and self._layout.width:
            self._follows = round(new_value) >= self.max_scroll_y
            if self._follows:
                self._new_rows = 0
            top, before = round(new_value), round(old_value)
            self._settle(top, None, before if 0 < before - top <= self._height else None)

    def on_resize(self, event: events.Resize) -> None:
        """Another width wraps all lines anew."""
        width = self.scrollable_content_region.width
        if width != self._layout.width:
            self._renew(width=width)
        else:
            self._settle(self.scroll_offset.y, 0)

    # --- lines ------------------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is seen of some lines, padding included; each is kept ready, so that scrolling costs little."""
        self._base = self.rich_style
        left, filters = self.gutter.left, self.get_line_filters()
        background = self.background_colors[1]
        strips = []
        for y in crop.line_range:
            strip = self._ready(y - self.gutter.top, left)
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, background)
            strips.append(strip)
        start, end = crop.column_span
        if (start, end) != (0, self.size.width):
            strips = [strip.crop(start, end) for strip in strips]
        self._styles_cache._dirty_lines.difference_update(crop.line_range)
        return strips

    def render_line(self, y: int) -> Strip:
        """One line without padding, with the places in it that a selection begins or ends at."""
        found = self._layout.find(self.scroll_offset.y + y)
        if found is None:
            return Strip.blank(self._layout.width)
        laid = self._layout.laid(found[0])
        if found[1] >= len(laid.rows):
            return Strip.blank(self._layout.width)
        segments = laid.rows[found[1]].segments or [Segment(" ")]
        return Strip(segments).apply_offsets(0, _name(laid.block.number, found[1]))

    def _ready(self, y: int, left: int) -> Strip:
        width = self.region.width
        row = self.scroll_offset.y + y
        found = self._layout.find(row) if 0 <= y < self._height else None
        if found is None:
            return Strip.blank(width, self._base)
        at, number = found
        laid = self._layout.laid(at)
        if number >= len(laid.rows):
            return Strip.blank(width, self._base)
        marked = self._mark(laid.block, laid.rows, number)
        if marked is not None:
            strip = self._finish(marked, left, width)
        else:
            ready = laid.strips.get(number)
            if ready is None or ready.cell_length != width:
                ready = self._finish(laid.rows[number].segments, left, width)
                self._layout.keep(laid, number, ready)
            strip = ready
        if y == self._height - 1 and not self._follows:
            return self._say_below(strip, width)
        return strip

    def _finish(self, segments: Sequence[Segment], left: int, width: int) -> Strip:
        base = self._base
        made = [Segment(" " * left, base)] if left else []
        made += [Segment(text, base + style if style else base) for text, style, _ in segments]
        used = left + sum(cell_len(segment.text) for segment in segments)
        if used < width:
            made.append(Segment(" " * (width - used), base))
        strip = Strip(made, max(used, width))
        return strip if used <= width else strip.crop(0, width)

    def _mark(self, block: Block, rows: Sequence[Row], number: int) -> list[Segment] | None:
        """A row with what is found, selected or under the cursor; None where nothing of it is."""
        row = rows[number]
        segments: list[Segment] | None = None
        drawer = self._layout.drawer
        if self.finding.query:
            for start, end in self.finding.spans(row.text):
                segments = mark(segments or row.segments, start, end, drawer.style("found"))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(_name(block.number, number))) is not None:
            end = len(row.text) if span[1] < 0 else span[1]
            chosen = self.screen.get_component_rich_style("screen--selection")
            segments = mark(segments or row.segments or [Segment(" ")], span[0], max(end, 1), chosen)
        if self.has_focus and self._cursor == (block.number, number):
            own = segments or row.segments or [Segment(" ")]
            segments = mark(own, 0, 1, Style(reverse=True))
        return segments

    def _say_below(self, strip: Strip, width: int) -> Strip:
        below = self._layout.total - self._bottom
        if below <= 0:
            return strip
        words = f" ↓ {self._new_rows:,} new lines, End " if self._new_rows else f" ↓ {below:,} lines, End "
        label = Segment(words, self._base + self._layout.drawer.style("accent"))
        room = width - len(words) - self.gutter.right - 1
        if room < 1:
            return strip
        rest = width - room - len(words)
        return Strip([*strip.crop(0, room), label, Segment(" " * rest, self._base)], width)

    # --- a place in it ------------------------------------------------------------------------------------------------

    def show_row(self, at: int, row: int = 0) -> None:
        """Move the window so that a row of a block is seen, with what is around it."""
        layout = self._layout
        place = layout.heights.top(at) + row
        inside = self.scroll_offset.y <= place < self._bottom - 1
        if not inside or self._follows:
            self._look_at(at, row, self._height // 3)
        self._point(at, row)

    def show_top(self, at: int) -> None:
        """Move the window so that a block is at its top."""
        self._look_at(at, 0, 0)
        self._point(at, 1 if len(self._layout.laid(at).rows) > 1 else 0)

    def _look_at(self, at: int, row: int, above: int) -> None:
        layout = self._layout
        self._follows = False
        layout.settle(layout.heights.top(at), 1)
        self._settle(max(layout.heights.top(at) + row - above, 0), 0)
        place = layout.heights.top(at) + row  # what lies above may have got other heights
        if not self.scroll_offset.y <= place < self._bottom:
            self._settle(max(place - above, 0), 0)
        self._follows = self.scroll_offset.y >= self.max_scroll_y
        self.refresh()

    def _point(self, at: int, row: int) -> None:
        self._cursor = (self.story.blocks[at].number, row)
        self.refresh()

    def _under_cursor(self) -> tuple[int, int]:
        """The block under the cursor and the row in it; else those at the bottom of the window."""
        if self._cursor is not None:
            at, row = self._cursor[0] - self.story.blocks.first, self._cursor[1]
            if 0 <= at < len(self._layout.heights):
                return at, min(row, max(self._layout.heights[at] - 1, 0))
        return self._layout.find(min(self._bottom, self._layout.total) - 1) or (0, 0)

    # --- selection ----------------------------------------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected: long lines whole, and nothing that stands before them."""
        blocks = self.story.blocks
        if not len(blocks):
            return None
        if selection.start is None and selection.end is None:
            return "\n\n".join(block.words() for block in blocks), "\n"
        start = _from_name(selection.start.y) if selection.start else (blocks.first, 0)
        end = _from_name(selection.end.y) if selection.end else (blocks[-1].number, _ROWS)
        text = ""
        for at in range(max(start[0] - blocks.first, 0), min(end[0] - blocks.first + 1, len(blocks))):
            laid = self._layout.laid(at)
            number = laid.block.number
            for place, row in enumerate(laid.rows):
                if start <= (number, place) <= end and (span := selection.get_span(_name(number, place))):
                    stop = len(row.text) if span[1] < 0 else span[1]
                    text += (row.joint if text else "") + row.text[max(span[0], row.indent) : stop]
        return text, "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what is selected now."""
        self.refresh()

    # --- colours ------------------------------------------------------------------------------------------------------

    def _listen(self, drawer: Drawer) -> None:
        drawer.highlighter.ready = self._colors_came

    def _colors_came(self) -> None:
        """In another thread: code has its colours."""
        if self.is_attached:
            self.call_later(self._recolor)

    def _recolor(self) -> None:
        self._layout.recolor()
        self._settle(self.scroll_offset.y, 0)


def _name(number: int, row: int) -> int:
    return (number + _NUMBERS) * _ROWS + min(row, _ROWS - 1)


def _from_name(name: int) -> tuple[int, int]:
    return name // _ROWS - _NUMBERS, name % _ROWS
