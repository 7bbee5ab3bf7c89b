"""The transcript: all of the talk in one widget that draws only the lines that are seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, cast

from textual.binding import Binding

from aiex.tui.blocks import Prose, Said
from aiex.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from aiex.sessions.log import Recorded
    from aiex.tui.draw import Drawer
    from aiex.tui.retelling import Retelling
    from aiex.tui.story import Story
    from aiex.tui.widgets.search import Search

PAST_S: Final = 0.02
"""Between two parts of a past that is told, so that keys are heard."""


class Transcript(Lines, can_focus=True):
    """The talk, and the keys to read it by."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("up,k", "move(-1)", "line up", show=False),
        Binding("down,j", "move(1)", "line down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "begin", "begin", show=False),
        Binding("end,G", "end", "end", show=False),
        Binding("left_square_bracket", "turn(-1)", "turn before", show=False),
        Binding("right_square_bracket", "turn(1)", "next turn", show=False),
        Binding("enter,space", "fold", "open, fold"),
        Binding("y,ctrl+shift+c", "copy", "copy"),
        Binding("slash", "search", "search"),
        Binding("n", "match(1)", "next match", show=False),
        Binding("N", "match(-1)", "match before", show=False),
        Binding("escape", "leave", "back to the prompt", show=False),
    ]

    def __init__(self, story: Story, drawer: Drawer, *, id: str | None = None) -> None:
        super().__init__(story, drawer, id=id)
        self._past: Retelling | None = None

    # --- a session that is opened -----------------------------------------------------------------------------------

    def tell(self, recorded: Sequence[Recorded], *, is_whole: bool = True) -> Story:
        """Show a session again: its end now, its past little by little.

        Args:
            is_whole: Otherwise what happened before comes by `tell_before`.
        """
        from aiex.tui.retelling import Retelling

        past = Retelling(recorded, is_whole=is_whole)
        story = past.tell_end()
        self.show(story)
        self._past = None if past.is_done else past
        if not past.is_done and not past.waits:
            self.set_timer(PAST_S, partial(self._tell_past, past))
        return story

    def tell_before(self, recorded: Sequence[Recorded]) -> None:
        """What happened before what was told."""
        if self._past is not None:
            self._past.add(recorded)
            self.set_timer(PAST_S, partial(self._tell_past, self._past))

    def show(self, story: Story) -> None:
        """Show another story in place of this one, from its end."""
        self._past = None
        super().show(story)

    def finish_past(self) -> None:
        """Tell all of the past now, because something looks for a place in it."""
        while self._past is not None and not self._past.waits:
            self._tell_past(self._past, is_last=True)

    def _tell_past(self, past: Retelling, *, is_last: bool = False) -> None:
        if past is not self._past:
            return
        self.prepend(past.tell_before())
        if past.is_done:
            self._past = None
        elif not is_last:
            self.set_timer(PAST_S, partial(self._tell_past, past))

    # --- keys and mouse ---------------------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows, and the window where it has to."""
        layout = self._layout
        at, row = self._under_cursor()
        place = layout.heights.top(at) + row if layout.total else 0
        if self._cursor is None or not self.scroll_offset.y <= place < self._bottom:
            place = self._bottom - 1 if rows < 0 else self.scroll_offset.y
        place = min(max(place + rows, 0), max(layout.total - 1, 0))
        if place < self.scroll_offset.y:
            below = layout.total - place
            self.scroll_to(y=place, animate=False)
            place = max(layout.total - below, 0)  # it stays as far from the end as it was
        elif place >= self._bottom:
            self.scroll_to(y=place - self._height + 1, animate=False)
        if (found := layout.find(place)) is not None:
            self._point(*found)

    def action_page(self, pages: int) -> None:
        """Move the window by pages."""
        self.scroll_to(y=self.scroll_offset.y + pages * max(self._height - 1, 1), animate=False)
        if self._cursor is not None and (found := self._layout.find(self.scroll_offset.y)) is not None:
            self._point(*found)

    def action_begin(self) -> None:
        """Go to the begin of the talk."""
        self.finish_past()
        if self._layout.total:
            self._look_at(0, 0, 0)
            self._point(0, 0)

    def action_end(self) -> None:
        """Go to the end of the talk, and follow it from there."""
        self._follows, self._new_rows, self._cursor = True, 0, None
        self._settle(0, 0)
        self.refresh()

    def action_turn(self, step: int) -> None:
        """Go to the wish before or behind the window's top."""
        if step < 0:
            self.finish_past()
        found = self._layout.find(self.scroll_offset.y)
        at = found[0] if found else len(self.story.blocks)
        if self._cursor is not None:
            at = self._under_cursor()[0]
        blocks = self.story.blocks
        at += step
        while 0 <= at < len(blocks):
            if isinstance(blocks[at], Said):
                self.show_top(at)
                return
            at += step
        if step > 0:
            self.action_end()

    def jump(self, turn: int) -> bool:
        """Go to a turn by its number; whether there is such a one."""
        self.finish_past()
        for at, block in enumerate(self.story.blocks):
            if isinstance(block, Said) and block.turn == turn:
                self.show_top(at)
                return True
        return False

    def action_fold(self) -> None:
        """Open or fold the block under the cursor."""
        if self._layout.total:
            self._turn_over(self._under_cursor()[0])

    def fold_all(self) -> None:
        """Open everything that is folded; where nothing is, fold everything."""
        blocks = [block for block in self.story.blocks if block.can_fold and not isinstance(block, Said)]
        self._is_folding_all = not any(block.is_folded for block in blocks)
        for at in range(len(self.story.blocks)):
            block = self.story.blocks[at]
            if block.can_fold:
                block.fold(self._is_folding_all)
        self._renew()

    def on_click(self, event: events.Click) -> None:
        """Open or fold what was clicked."""
        if self.text_selection is not None:
            return
        found = self._layout.find(self.scroll_offset.y + event.y - self.gutter.top)
        if found is not None:
            self._point(*found)
            self._turn_over(found[0])

    def _turn_over(self, at: int) -> None:
        block = self.story.blocks[at]
        if block.can_fold:
            followed, self._follows = self._follows, False  # what was opened stays where it is
            block.fold(not block.is_folded)
            self.story.changed(block)
            self.update()
            self._follows = self.scroll_offset.y >= self.max_scroll_y
            self._new_rows = 0 if followed else self._new_rows
            self.refresh()

    def action_leave(self) -> None:
        """Leave the search, else go back to where wishes are typed."""
        if self.finding.query:
            self.close_search()
            return
        self._cursor = None
        self.screen.query_one("#prompt").focus()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    # --- search -----------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Look for words."""
        from aiex.tui.widgets.search import open_search

        open_search(self)

    def action_match(self, step: int) -> None:
        """Go to the next or the last match before."""
        at = self.finding.step(step)
        for line in self.screen.query("#search"):
            cast("Search", line).say()
        if at is None:
            return
        number, nth = at
        place = number - self.story.blocks.first
        block = self.story.blocks[place]
        rows = self._layout.laid(place).rows
        places = [row for row, one in enumerate(rows) for _ in self.finding.spans(one.text)]
        if not places and block.can_fold and block.is_folded:
            block.fold(False)
            self.story.changed(block)
            self.update()
            rows = self._layout.laid(place).rows
            places = [row for row, one in enumerate(rows) for _ in self.finding.spans(one.text)]
        self.show_row(place, places[min(nth, len(places) - 1)] if places else 0)

    def close_search(self) -> None:
        """Look for nothing any more."""
        self.finding.look_for("")
        self.screen.query("#search").remove()
        self.focus()
        self.refresh()

    def found(self) -> None:
        """The search looks for something else, or knows more."""
        self.refresh()

    # --- selection ----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy what is selected; where nothing is, the block under the cursor."""
        text = self.screen.get_selected_text() if self.text_selection is not None else None
        if text is None and self._layout.total:
            text = self.story.blocks[self._under_cursor()[0]].words()
        if text:
            self.app.copy_to_clipboard(text)
            self.notify(f"copied {len(text):,} characters", timeout=2)

    def last_answer(self) -> str:
        """The words of the last answer, without what was done for it."""
        words: list[str] = []
        for at in range(len(self.story.blocks) - 1, -1, -1):
            block = self.story.blocks[at]
            if isinstance(block, Prose):
                words.insert(0, block.words())
            elif words:
                break
        return "\n\n".join(words)
