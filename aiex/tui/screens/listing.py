"""A view that lists things: type to narrow it down, look at one beside the list, act on it by key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeVar, cast

from rich.text import Text
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from aiex.errors import AiexError
from aiex.guard.neutral import neutralise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

    from aiex.tui.app import AiexApp
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

T = TypeVar("T")
MOST_ROWS: Final = 500
"""More are not read by anybody; typing finds the others."""
MOST_PREVIEW_CHARS: Final = 40_000
_WIDE_CELLS: Final = 90
"""From this width on there is room for a look beside the list."""


class Row(NamedTuple):
    """One thing in a list."""

    value: Any
    line: Text
    """How it looks, on one line."""
    words: str
    """What typed words are looked for in."""


class Listing(Screen[None]):
    """Shows rows; a subclass says which, and what can be done with one."""

    HEADING: ClassVar[str] = ""
    EMPTY: ClassVar[str] = "nothing here"
    """What to say where there are no rows."""
    PREVIEWS: ClassVar[bool] = True
    """Whether one can look at a row beside the list."""
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "close", "close"),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("enter", "choose", "choose"),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self._rows: list[Row] = []
        self._shown: list[Row] = []

    # --- for a subclass -----------------------------------------------------------------------------------------------

    def load(self, services: Services) -> Sequence[Row]:
        """All rows; in the thread of the work. Raises AiexError."""
        raise NotImplementedError

    def choose(self, row: Row) -> None:
        """Enter was pressed on a row."""
        raise NotImplementedError

    def preview(self, services: Services, row: Row) -> Text:
        """A look at one row; in the thread of the work. Raises AiexError."""
        return row.line

    # --- what all have ------------------------------------------------------------------------------------------------

    @property
    def aiex(self) -> AiexApp:
        """The program."""
        return cast("AiexApp", self.app)

    def compose(self) -> ComposeResult:
        """Heading, a line to type in, the rows with a look at one, and the keys."""
        yield Static(Text(self.HEADING), id="heading")
        yield Input(placeholder="type to narrow it down", id="filter", select_on_focus=False)
        with Horizontal(id="body"):
            yield OptionList(id="rows")
            if self.PREVIEWS:
                with VerticalScroll(id="beside"):
                    yield Static(id="preview")
        yield Static(self._keys(), id="keys")

    def on_mount(self) -> None:
        """Fetch the rows."""
        self.query_one("#rows", OptionList).can_focus = False
        self._fit(self.size.width)
        self.reload()

    def on_resize(self, event: events.Resize) -> None:
        """Where there is no room, there is no look beside the list."""
        self._fit(event.size.width)

    def _fit(self, width: int) -> None:
        for beside in self.query("#beside"):
            beside.display = width >= _WIDE_CELLS

    @property
    def current(self) -> Row | None:
        """The row that is marked."""
        at = self.query_one("#rows", OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def reload(self) -> None:
        """Fetch the rows again."""
        self.run_worker(self._reload(), group="load", exclusive=True)

    async def ask(self, work: Callable[[Services], T]) -> T:
        """What a function gives in the thread of the work. Raises as it does."""
        return await asyncio.wrap_future(self.chat.backstage.ask(work))

    def say(self, error: AiexError) -> None:
        """Tell that something could not be done."""
        hint = f"\n{error.hint}" if error.hint else ""
        self.notify(neutralise(f"{error.message}{hint}"), severity="error", markup=False)

    async def _reload(self) -> None:
        try:
            self._rows = list(await self.ask(self.load))
        except AiexError as error:
            self.say(error)
        self.loaded()
        self._narrow()

    def loaded(self) -> None:
        """The rows are there; a subclass may tell what it found beside them."""

    def on_input_changed(self, _: Input.Changed) -> None:
        """Words were typed."""
        self._narrow()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Enter was typed behind the words."""
        self.action_choose()

    def _narrow(self) -> None:
        wanted = self.query_one("#filter", Input).value.casefold().split()
        found = [row for row in self._rows if all(word in row.words.casefold() for word in wanted)]
        self._shown = found[:MOST_ROWS]
        rows = self.query_one("#rows", OptionList)
        rows.clear_options()
        if self._shown:
            rows.add_options([row.line for row in self._shown])
            rows.highlighted = 0
        heading = Text(self.HEADING)
        if len(found) < len(self._rows) or len(found) > MOST_ROWS:
            heading.append(f"  {len(self._shown)} of {len(self._rows)}")
        elif not self._rows:
            heading.append(f"  {self.EMPTY}")
        self.query_one("#heading", Static).update(heading)

    def on_option_list_option_highlighted(self, _: OptionList.OptionHighlighted) -> None:
        """Another row is marked."""
        if self.PREVIEWS and (row := self.current) is not None and self.size.width >= _WIDE_CELLS:
            self.run_worker(self._look(row), group="preview", exclusive=True)

    async def _look(self, row: Row) -> None:
        try:
            text = await self.ask(lambda services: self.preview(services, row))
        except AiexError as error:
            text = Text(neutralise(error.message))
        self.query_one("#preview", Static).update(text)
        self.query_one("#beside", VerticalScroll).scroll_home(animate=False)

    def on_option_list_option_selected(self, _: OptionList.OptionSelected) -> None:
        """A row was clicked."""
        self.action_choose()

    def action_choose(self) -> None:
        """Do what Enter does with a row."""
        if (row := self.current) is not None:
            self.choose(row)

    def action_move(self, by: int) -> None:
        """Mark another row."""
        rows = self.query_one("#rows", OptionList)
        if self._shown:
            rows.highlighted = max(0, min(len(self._shown) - 1, (rows.highlighted or 0) + by))

    def action_close(self) -> None:
        """Back to the talk."""
        self.dismiss(None)

    def _keys(self) -> Text:
        shown = [binding for binding in self._bindings if binding[1].show and binding[1].description]
        line = Text(no_wrap=True, overflow="ellipsis")
        for key, binding in shown:
            line.append(f"{key} ", "bold")
            line.append(f"{binding.description}  ")
        return line


def shorten(text: str) -> str:
    """As much of a text as a look needs, harmless."""
    more = f"\n… {len(text) - MOST_PREVIEW_CHARS:,} more characters" if len(text) > MOST_PREVIEW_CHARS else ""
    return neutralise(text[:MOST_PREVIEW_CHARS]) + more
