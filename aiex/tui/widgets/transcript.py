"""The transcript: all of the talk in one widget that draws only the lines that are seen."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aiex.tui.draw import Drawer
from aiex.tui.story import Story

if TYPE_CHECKING:
    from textual import events

    from aiex.tui.blocks import Block


class Transcript(ScrollView, can_focus=True):
    """Shows a story, and follows its end unless the reader scrolled away."""

    class Opened(Message):
        """A block was folded or unfolded by the reader."""

    def __init__(self, story: Story, drawer: Drawer, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.story = story
        self._drawer = drawer
        self._drawn: list[list[Strip]] = []
        self._tops: list[int] = []
        self._height = 0
        self._width = 0

    # --- what is shown ----------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Draw what changed in the story since the last time."""
        first = self.story.first_changed
        if first is None:
            return
        self.story.settle()
        if self._width:
            self._lay(first)

    def show(self, story: Story) -> None:
        """Show another story in place of this one."""
        self.story = story
        self.redraw()

    def redraw(self, drawer: Drawer | None = None) -> None:
        """Draw everything anew, in another theme or at another width."""
        self._drawer = drawer or self._drawer
        if self._width:
            self._lay(0)

    @property
    def follows(self) -> bool:
        """Whether the end is seen, so that what comes is seen too."""
        return bool(self.scroll_offset.y >= self.max_scroll_y)

    def _lay(self, first: int) -> None:
        followed = self.follows
        del self._drawn[first:], self._tops[first:]
        top = self._tops[-1] + len(self._drawn[-1]) if self._tops else 0
        for block in self.story.blocks[first:]:
            lines = self._drawer.draw(block, self._width)
            self._drawn.append(lines)
            self._tops.append(top)
            top += len(lines)
        self._height = top
        self.virtual_size = Size(self._width, top)
        if followed:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    # --- Textual ------------------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Another width wraps all lines anew."""
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._lay(0)

    def on_click(self, event: events.Click) -> None:
        """Open or fold what was clicked."""
        if (block := self._block_at(self.scroll_offset.y + event.y)) is not None and block.can_fold:
            block.fold(not block.is_folded)
            self.story.changed(block)
            self.update()

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        row = self.scroll_offset.y + y
        width = self.size.width
        if row >= self._height:
            return Strip.blank(width, self.rich_style)
        at = bisect_right(self._tops, row) - 1
        line = self._drawn[at][row - self._tops[at]]
        return line.extend_cell_length(width, self.rich_style).crop(0, width).apply_style(self.rich_style)

    def _block_at(self, row: int) -> Block | None:
        if not 0 <= row < self._height:
            return None
        return self.story.blocks[bisect_right(self._tops, row) - 1]
