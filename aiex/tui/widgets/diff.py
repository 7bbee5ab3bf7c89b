"""A diff that is moved through, and chosen from part by part; it draws only the lines that are seen."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView

from aiex.tui.colouring import Colouring, colour
from aiex.tui.diffsheet import LEAST_SPLIT, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.style import Style
    from textual import events
    from textual.strip import Strip

    from aiex.tui.colouring import Wanted
    from aiex.tui.diffsheet import Laid, Names
    from aiex.tui.hunks import Choice, Part, Review

AT_ONCE_LINES = 1_000
"""So many lines are laid out in 10 ms; more are, in a thread."""
REST_S: Final = 0.06
"""Colours are looked for when the lines have stood still for so long: a held key repeats sooner."""
REVIEWING: Names = {"open": "", "taken": "will be written", "refused": "refused"}
"""What the choices are called before something is written."""


class DiffView(ScrollView, can_focus=True):
    """Shows what changes in files.

    Args:
        styles: Role → style.
        syntax: A style of Pygments.
        names: What the choices are called; with None there is nothing to choose.
    """

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("n", "part(1)", "next change"),
        Binding("p", "part(-1)", "previous change"),
        Binding("right_square_bracket", "file(1)", "next file"),
        Binding("left_square_bracket", "file(-1)", "previous file"),
        Binding("space", "choose", "take or refuse"),
        Binding("x", "choose_file", "the whole file"),
        Binding("e", "edit", "edit"),
        Binding("s", "split", "side by side"),
        Binding("o,enter", "open", "unfold"),
        Binding("slash", "find", "find"),
        Binding("down,j", "scroll_down", "down", show=False),
        Binding("up,k", "scroll_up", "up", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("pageup", "page_up", "page up", show=False),
        Binding("home,g", "scroll_home", "top", show=False),
        Binding("end,G", "scroll_end", "end", show=False),
    ]

    class Chosen(Message):
        """Something was taken, refused or put otherwise."""

    class Edit(Message):
        """A part shall be put in other words."""

        def __init__(self, review: Review, part: Part) -> None:
            super().__init__()
            self.review = review
            self.part = part

    def __init__(
        self, styles: Mapping[str, Style], syntax: str, names: Names | None = None, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._styles = styles
        self._syntax = syntax
        self._names = names or REVIEWING
        self._is_colouring = False
        self._wants_current = False
        self._found = -1
        self._moved_s = float("-inf")
        self.sheet = self._make(())

    def _make(self, reviews: Sequence[Review]) -> Sheet:
        return Sheet(reviews, self._styles, Colouring(self._syntax), self._names)

    # --- what is shown ------------------------------------------------------------------------------------------------

    def show(self, reviews: Sequence[Review]) -> None:
        """Show other changes."""
        wants_split = self.sheet.wants_split
        self.sheet = self._make(reviews)
        self.sheet.wants_split = wants_split
        self.sheet.is_awake = self.has_focus
        self._wants_current = True
        self.scroll_home(animate=False)
        self._lay()

    @property
    def is_settled(self) -> bool:
        """Whether all colours of what is seen are there."""
        return not self._is_colouring and self.sheet.colouring.is_settled

    @property
    def current(self) -> tuple[Review, Part] | None:
        """The part that the person looks at."""
        return self.sheet.part_of(self.sheet.current) if self.sheet.parts else None

    def update(self) -> None:
        """Lay out anew, because there are other words."""
        self._lay()
        self.post_message(self.Chosen())

    def _chosen(self) -> None:
        self._redraw()
        self.post_message(self.Chosen())

    def _lay(self) -> None:
        """Lay out for the width that there is; what is large, beside everything else."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        if self.sheet.size <= AT_ONCE_LINES:
            self._take(self.sheet.measure(width))
        else:
            self.run_worker(self._measure(self.sheet, width), group="lay", exclusive=True, exit_on_error=True)

    async def _measure(self, sheet: Sheet, width: int) -> None:
        laid = await asyncio.to_thread(sheet.measure, width)
        if sheet is self.sheet:
            self._take(laid)

    def _take(self, laid: Laid) -> None:
        self.sheet.take(laid)
        self.virtual_size = Size(laid.width, self.sheet.height)
        if self._wants_current:
            self._wants_current = False
            self.call_after_refresh(self._see_current)
        self.refresh()

    def _see_current(self) -> None:
        if self.sheet.parts:
            self._go(self.sheet.current)

    def _redraw(self) -> None:
        self.sheet.forget()
        self.refresh()

    # --- Textual ------------------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Another width wraps all lines anew; what the question is about stays in sight."""
        if self.scrollable_content_region.width != self.sheet.width:
            self._wants_current = self._wants_current or not self.has_focus
            self._lay()
        elif not self.has_focus:
            self.call_after_refresh(self._see_current)

    def on_focus(self) -> None:
        """Keys go here."""
        self.sheet.is_awake = True
        self._redraw()

    def on_blur(self) -> None:
        """Keys go elsewhere."""
        self.sheet.is_awake = False
        self._redraw()

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        width = self.size.width
        line = self.sheet.line(self.scroll_offset.y + y)
        if not self._is_colouring and not self.sheet.colouring.is_settled:
            self._is_colouring = True
            self.call_later(self._begin_colouring)
        return line.adjust_cell_length(width).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Unfold what was clicked, or make a part the current one, and choose by its box."""
        if not self.sheet.rows or (line := self.scroll_offset.y + event.y) >= self.sheet.height:
            return
        at = self.sheet.row_at(line)
        row = self.sheet.rows[at]
        if row.kind == "fold":
            self._open(at)
        elif row.part >= 0:
            begins = max(place for place, begin in enumerate(self.sheet.parts) if begin <= at)
            was_current, self.sheet.current = self.sheet.current == begins, begins
            if row.kind == "part" and was_current:
                self.action_choose()
            self._redraw()

    # --- colours ------------------------------------------------------------------------------------------------------

    def _begin_colouring(self) -> None:
        self.run_worker(self._colour(), exit_on_error=False)

    async def _colour(self) -> None:
        """Find the colours of what is seen, block by block, beside everything else; not of what only flew by."""
        try:
            while (wanted := await self._find_wanted()) is not None:
                colouring, lines = self.sheet.colouring, wanted.lines()
                colouring.keep(wanted, await asyncio.to_thread(colour, wanted.path, lines, colouring.style))
        finally:
            self._is_colouring = False

    async def _find_wanted(self) -> Wanted | None:
        """A block without colours that is seen, once nothing moves; what has got its own is drawn."""
        while (left_s := self._moved_s + REST_S - time.monotonic()) > 0:
            await asyncio.sleep(left_s)
        self.sheet.forget_plain()
        for y in range(self.size.height):
            self.sheet.line(self.scroll_offset.y + y)
        self.refresh()
        return self.sheet.colouring.next()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The lines move."""
        super().watch_scroll_y(old_value, new_value)
        self._moved_s = time.monotonic()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_part(self, by: int) -> None:
        """Go to another change."""
        if self.sheet.parts:
            self._go(min(max(self.sheet.current + by, 0), len(self.sheet.parts) - 1))

    def action_file(self, by: int) -> None:
        """Go to another file."""
        current = self.current
        if current is None:
            return
        at = self.sheet.reviews.index(current[0]) + by
        self.go_to_file(min(max(at, 0), len(self.sheet.reviews) - 1))

    def go_to_file(self, number: int) -> None:
        """Show the first change of a file."""
        begins = self.sheet.files[number]
        self._go(next(place for place, row in enumerate(self.sheet.parts) if row > begins), self.sheet.top_of(begins))

    def _go(self, number: int, top: int | None = None) -> None:
        self.sheet.current = number
        row = self.sheet.parts[number]
        line = self.sheet.top_of(row)
        height, seen = self.scrollable_content_region.height, self.scroll_offset.y
        first = line - min(4, max(height - 4, 0)) if top is None else top
        end = self.sheet.top_of(self.sheet.parts[number + 1]) if number + 1 < len(self.sheet.parts) else line + 3
        if top is not None or not seen <= line < end <= seen + height:
            self.scroll_to(y=max(first, 0), animate=False)
        self._redraw()

    def action_choose(self) -> None:
        """Take or refuse the current change."""
        if (current := self.current) is not None:
            review, part = current
            review.toggle(part)
            self._chosen()

    def action_choose_file(self) -> None:
        """Take or refuse all changes of the current file."""
        if (current := self.current) is not None:
            choice: Choice = "taken" if current[0].is_left_out else "refused"
            current[0].choose(choice)
            self._chosen()

    def action_edit(self) -> None:
        """Put the current change in other words."""
        if (current := self.current) is not None:
            self.post_message(self.Edit(*current))

    def action_split(self) -> None:
        """Old and new beside each other, or beneath."""
        self.sheet.wants_split = not self.sheet.wants_split
        if self.sheet.wants_split and self.sheet.width < LEAST_SPLIT:
            self.notify(f"side by side takes {LEAST_SPLIT} columns", timeout=2)
        self._wants_current = True
        self._lay()

    def action_find(self) -> None:
        """Find words in what is not folded; the same words again go on from there."""
        from aiex.tui.screens.naming import Naming

        self.app.push_screen(Naming("find in the changes; Enter again goes on", self.sheet.needle), self._find)

    def _find(self, words: str | None) -> None:
        if words is None or not self.sheet.rows:
            return
        begin = self._found if words.lower() == self.sheet.needle else self.sheet.row_at(self.scroll_offset.y) - 1
        self.sheet.needle = words.lower()
        found = self.sheet.find(begin) if words else None
        if found is not None:
            self._found = found
            self.scroll_to(y=max(self.sheet.top_of(found) - 3, 0), animate=False)
        elif words:
            self.notify("not in what is shown; folded lines are not searched", timeout=3)
        self._redraw()

    def action_open(self) -> None:
        """Unfold what is folded nearest to the current change, above it before below it."""
        if not self.sheet.parts:
            return
        begins = self.sheet.parts[self.sheet.current]
        folds = [at for at, row in enumerate(self.sheet.rows) if row.kind == "fold"]
        if folds:
            self._open(min(folds, key=lambda at: (abs(at - begins), at)))

    def _open(self, at: int) -> None:
        row = self.sheet.rows[at]
        self.sheet.opened.add((row.file, row.old))
        self._lay()
