"""What was typed into the prompt before, searched while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Input

from aiex.guard.neutral import neutralise
from aiex.tui.screens.listing import Listing, Row, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

_LINE_CHARS = 300


class PastPrompts(Listing):
    """Gives one back to the prompt.

    Args:
        wanted: Words to begin the search with.
    """

    HEADING = "typed before"
    EMPTY = "nothing was"

    def __init__(self, chat: Chat, wanted: str = "") -> None:
        super().__init__(chat)
        self._wanted = wanted

    def on_mount(self) -> None:
        """Begin with the words that were given."""
        super().on_mount()
        self.query_one("#filter", Input).value = self._wanted

    def load(self, services: Services) -> Sequence[Row]:
        """The newest first."""
        known = reversed(tuple(self.chat.prompt.walk.known))
        return [Row(one, Text(_to_line(one.text), no_wrap=True, overflow="ellipsis"), one.text) for one in known]

    def preview(self, services: Services, row: Row) -> Text:
        """All of its lines."""
        return Text(shorten(row.value.text))

    def choose(self, row: Row) -> None:
        """Put it into the prompt."""
        self.dismiss(None)
        self.chat.prompt.show(row.value.text, row.value.folds)
        self.chat.prompt.focus()


def _to_line(text: str) -> str:
    first, *more = text.strip()[:_LINE_CHARS].split("\n")
    return neutralise(f"{first} … {len(more)} more lines" if more else first)
