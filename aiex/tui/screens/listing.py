"""A view that lists things: type to narrow it down, look at one beside the list, act on it by key.

Rows are made in the thread of the work, which is held for a few milliseconds at a time, and shown as they come.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Static

from aiex.errors import AiexError
from aiex.guard.neutral import neutralise
from aiex.tui.widgets.filter import Filter
from aiex.tui.widgets.page import Leaf, Page, lay, to_leaf
from aiex.tui.widgets.rows import Row, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future

    from rich.style import Style
    from textual import events
    from textual.app import ComposeResult
    from textual.messages import Prune
    from textual.widgets import Input

    from aiex.tui import wrap as wrapped
    from aiex.tui.app import AiexApp
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

__all__ = ("Leaf", "Listing", "Row", "shielded", "to_leaf")

T = TypeVar("T")
HOLD_S: Final = 0.006
"""So long the thread of the work makes rows at a time."""
_WIDE_CELLS: Final = 90
"""From this width on there is room for a look beside the list."""
_QUICK_S: Final = 0.3
"""What takes no longer is not counted aloud."""
_LOOK_S: Final = 0.05
"""Where a row stays marked for so long, it is looked at."""


class Listing(Screen[None]):
    """Shows rows; a subclass says which, and what can be done with one.

    That a subclass has all that is abstract, the type checker sees: Textual's classes have a metaclass of their own.
    """

    HEADING: ClassVar[str] = ""
    EMPTY: ClassVar[str] = "nothing here"
    """What to say where there are no rows."""
    PREVIEWS: ClassVar[bool] = True
    """Whether one can look at a row beside the list."""
    LOOKS_AT_END: ClassVar[bool] = False
    """Whether the end of a look says more than its begin."""
    AUTO_FOCUS = "#filter"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012  (Textual reads it from the class)
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "close", "close"),
        Binding("ctrl+l", "look", show=False),
        Binding("ctrl+down", "scroll(5)", "scroll the look", show=False),
        Binding("ctrl+up", "scroll(-5)", "scroll the look", show=False),
        Binding("ctrl+c", "close", show=False),
    ]
    ENTER: ClassVar[str] = "choose"
    """What Enter does, in a word or two."""

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self.rows: list[Row] = []
        """All of them."""
        self.found: list[Row] = []
        """Those that fit what was typed."""
        self._words: list[str] = []
        self._is_loading = False
        self._began_s = 0.0
        self.looked_at: Row | None = None
        """The row that is shown beside the list as a whole."""
        self._looks_only = False
        """Where there is no room for both, the look is shown and not the list."""
        self._goes = False
        """Whether its parts are being taken down."""

    # --- for a subclass -----------------------------------------------------------------------------------------------

    @abstractmethod
    def load(self, services: Services) -> Iterable[Row]:
        """All rows; in the thread of the work, which does other things between two of them. Raises AiexError."""

    @abstractmethod
    def choose(self, row: Row) -> None:
        """Enter was pressed on a row."""

    def preview(self, services: Services, row: Row) -> Leaf:
        """A look at one row, which a subclass that `PREVIEWS` gives; in the thread of the work. Raises AiexError."""
        return Leaf(())

    @property
    def heading(self) -> str:
        """What stands above the rows: `HEADING`, where a subclass does not say otherwise."""
        return self.HEADING

    @property
    def empty(self) -> str:
        """What to say where there are no rows: `EMPTY`, where a subclass does not say otherwise."""
        return self.EMPTY

    def loaded(self) -> None:
        """The rows are there; a subclass may tell what it found beside them."""

    def fold(self, key: str) -> None:
        """`left` or `right` was pressed while nothing is typed."""

    def search(self, words: str) -> None:
        """Something was typed; a subclass may look elsewhere as well."""

    # --- what all have ------------------------------------------------------------------------------------------------

    @property
    def aiex(self) -> AiexApp:
        """The program."""
        return cast("AiexApp", self.app)

    @property
    def look(self) -> dict[str, Style]:
        """The style of each role."""
        return cast("dict[str, Style]", self.chat.styles_now)

    @property
    def in_sight(self) -> Rows:
        """The rows in sight."""
        return self.query_one("#rows", Rows)

    def compose(self) -> ComposeResult:
        """Heading, a line to type in, the rows with a look at one, and the keys."""
        yield Static(Text(self.heading), id="heading")
        line = Filter(placeholder="type to narrow it down", id="filter", select_on_focus=False)
        line.cursor_blink = False
        yield line
        with Horizontal(id="body"):
            yield Rows(self.look, id="rows")
            if self.PREVIEWS:
                yield Page(id="beside")
        yield Static(self._keys(), id="keys")

    def on_mount(self) -> None:
        """Fetch the rows."""
        self._fit(self.size.width)
        self.reload()

    def on_resize(self, event: events.Resize) -> None:
        """Where there is no room, there is no look beside the list."""
        self._fit(event.size.width)
        self._look_soon()

    def _fit(self, width: int) -> None:
        is_wide = width >= _WIDE_CELLS
        for beside in self.query("#beside"):
            beside.display = is_wide or self._looks_only
        self.in_sight.display = is_wide or not self._looks_only
        self.query_one("#keys", Static).update(self._keys())

    @property
    def current(self) -> Row | None:
        """The row that is marked."""
        return self.in_sight.current

    async def on_prune(self, event: Prune) -> None:
        """It closes: what was begun goes no further, before the parts go that it would look for."""
        self._goes = True
        self.workers.cancel_node(self)

    def begin(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> None:
        """Begin with something; what was begun before of the same group goes no further."""
        if not self._goes:
            self.run_worker(cast("Any", work), group=group, exclusive=True)

    async def ask(self, work: Callable[[Services], T]) -> T:
        """What a function gives in the thread of the work. Raises as it does."""
        return await asyncio.wrap_future(self.chat.backstage.ask(work))

    async def do(self, work: Callable[[Services], T]) -> T:
        """As `ask`, for what the person decided: it is done also where the view closes meanwhile."""
        return await shielded(self.chat.backstage.ask(work))

    def say(self, error: AiexError) -> None:
        """Tell that something could not be done."""
        hint = f"\n{error.hint}" if error.hint else ""
        self.notify(neutralise(f"{error.message}{hint}"), severity="error", markup=False)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Fetch the rows again."""
        self._is_loading, self._began_s = True, time.monotonic()
        self.tell()
        self.begin(self.fetch, "load")

    async def fetch(self) -> None:
        """Fetch the rows bit by bit."""
        is_first, at = True, self.in_sight.at
        self._is_loading, self._began_s = True, time.monotonic()
        try:
            source = await self.ask(lambda services: iter(self.load(services)))
            while rows := await self.ask(lambda _: _take(source)):
                if is_first:
                    self.rows, self.found, is_first = [], [], False
                self._add(rows)
        except AiexError as error:
            self.say(error)
        self._is_loading = False
        if is_first:
            self.rows = []
        self.loaded()
        self.narrow(at)

    def _add(self, rows: list[Row]) -> None:
        was_empty = not self.found
        self.rows += rows
        self.found += self.match(rows)
        self.in_sight.show(self.found, self.in_sight.at)
        if was_empty:
            self._look_soon()
        self.tell()

    def match(self, rows: Sequence[Row]) -> list[Row]:
        """Those that fit what is typed, in the order in which they are shown. Cost: 3 ms for 20,000."""
        wanted = self._words
        return [row for row in rows if all(word in row.words for word in wanted)] if wanted else list(rows)

    def narrow(self, at: int = 0) -> None:
        """Show those that fit what is typed."""
        self.found = self.match(self.rows)
        self.in_sight.show(self.found, at)
        self.tell()
        self._look_soon()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Words were typed."""
        before, self._words = self._words, event.value.casefold().split()
        if self._words != before:
            self.narrow()
            self.search(event.value.strip())

    def tell(self) -> None:
        """Say how many there are."""
        heading = Text(self.heading, no_wrap=True, overflow="ellipsis")
        count = len(self.rows)
        if self._is_loading and (not count or time.monotonic() - self._began_s > _QUICK_S):
            heading.append(f"  {count:,} so far …" if count else "  looking …", self.look["muted"])
        elif len(self.found) < count:
            heading.append(f"  {len(self.found):,} of {count:,}", self.look["muted"])
        elif count:
            heading.append(f"  {count:,}", self.look["muted"])
        self.in_sight.empty = "" if self._is_loading else "nothing fits" if count else self.empty
        self.query_one("#heading", Static).update(heading)

    # --- a look at one ------------------------------------------------------------------------------------------------

    def on_rows_marked(self, _: Rows.Marked) -> None:
        """Another row is marked."""
        self._look_soon()

    def _look_soon(self) -> None:
        if self.PREVIEWS and (self._looks_only or self.size.width >= _WIDE_CELLS):
            self.looked_at = None
            self.begin(self._look, "preview")

    async def _look(self) -> None:
        await asyncio.sleep(_LOOK_S)
        page, row, look = self.query_one("#beside", Page), self.current, self.look
        if row is None:
            page.show([])
            return
        await self._look_at(row, page, look)
        self.looked_at = row

    async def _look_at(self, row: Row, page: Page, look: dict[str, Style]) -> None:
        try:
            leaf = await self.ask(lambda services: self.preview(services, row))
        except AiexError as error:
            leaf = to_leaf(error.message, "muted")
        width = page.room
        page.show(await asyncio.to_thread(lay, leaf, width, look), at_end=self.LOOKS_AT_END)
        if leaf.path and self.chat.syntax:
            page.show(await asyncio.to_thread(_lay_code, leaf, width, look, self.chat.syntax))

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_filter_moved(self, event: Filter.Moved) -> None:
        """A key for the list."""
        page = max(self.in_sight.size.height - 1, 1)
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page, "ctrl+home": -(10**9), "ctrl+end": 10**9}
        match event.key:
            case "enter":
                self.action_choose()
            case "left" | "right":
                self.fold(event.key)
            case "tab" | "shift+tab":
                self.action_tab()
            case key if self._looks_only and self.size.width < _WIDE_CELLS:
                self.action_scroll(steps[key])
            case key:
                self.in_sight.mark(self.in_sight.at + steps[key])

    def on_rows_chosen(self, _: Rows.Chosen) -> None:
        """The marked row was clicked."""
        self.action_choose()

    def action_choose(self) -> None:
        """Do what Enter does with a row."""
        if (row := self.current) is not None:
            self.choose(row)

    def action_tab(self) -> None:
        """Do what Tab does; nothing where a subclass does not say."""

    def action_scroll(self, by: int) -> None:
        """Move the look beside the list."""
        for page in self.query(Page):
            page.scroll_relative(y=by, animate=False)

    def action_look(self) -> None:
        """Where there is no room for both, show the look in place of the list, or the list again."""
        if self.PREVIEWS:
            self._looks_only = not self._looks_only
            self._fit(self.size.width)
            self.call_after_refresh(self._look_soon)

    def action_close(self) -> None:
        """Back to the list, and from there to the talk."""
        if self._looks_only and self.size.width < _WIDE_CELLS:
            self.action_look()
        else:
            self.dismiss(None)

    def _keys(self) -> Text:
        """The keys, those that do something to a row first: where there is no room the others are cut."""
        known = [("enter", self.ENTER)]
        known += [(key, one.description) for key, one in self._bindings if one.show and one.description]
        if self.PREVIEWS and self.size.width < _WIDE_CELLS:
            known.insert(1, ("ctrl+l", "look"))
        known.sort(key=lambda one: one[0] == "escape")
        line = Text(no_wrap=True, overflow="ellipsis")
        for key, words in known:
            line.append(f"{_spell(key)} ", self.look["mark"])
            line.append(f"{words}  ", self.look["muted"])
        return line


async def shielded(future: Future[T]) -> T:
    """What a future gives; it goes on where nobody waits for it any more. Raises as it does."""
    answer = asyncio.wrap_future(future)
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be left to hear of it
    return await asyncio.shield(answer)


def _spell(key: str) -> str:
    return key.replace("ctrl+", "^").replace("escape", "Esc").replace("enter", "Enter").replace("tab", "Tab")


def _take(source: Iterator[Row]) -> list[Row]:
    """The next rows, as many as are made within `HOLD_S`; none at the end."""
    rows: list[Row] = []
    end = time.perf_counter() + HOLD_S
    while more := list(islice(source, 20)):
        rows += more
        if time.perf_counter() > end:
            break
    return rows


def _lay_code(leaf: Leaf, width: int, look: dict[str, Style], syntax: str) -> list[wrapped.Row]:
    from aiex.tui.colouring import colour

    found = colour(leaf.path, [line[0][0] if line else "" for line in leaf.lines], syntax)
    return lay(leaf, width, look, found)
