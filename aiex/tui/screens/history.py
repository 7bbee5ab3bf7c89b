"""What was typed into the prompt before, searched while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from aiex.tui.screens.listing import Leaf, Listing, Row, to_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    ENTER = "put it into the prompt"

    def __init__(self, chat: Chat, wanted: str = "") -> None:
        super().__init__(chat)
        self._wanted = wanted

    def on_mount(self) -> None:
        """Begin with the words that were given."""
        super().on_mount()
        self.query_one("#filter", Input).value = self._wanted

    def load(self, services: Services) -> Iterator[Row]:
        """The newest first."""
        for one in reversed(tuple(self.chat.prompt.walk.known)):
            yield Row(one, ((_to_line(one.text), "text"),), one.text.casefold())

    def preview(self, services: Services, row: Row) -> Leaf:
        """All of its lines."""
        return to_leaf(row.value.text)

    def choose(self, row: Row) -> None:
        """Put it into the prompt."""
        self.dismiss(None)
        self.chat.prompt.show(row.value.text, row.value.folds)
        self.chat.prompt.focus()


def _to_line(text: str) -> str:
    first, *more = text.strip()[:_LINE_CHARS].split("\n")
    return f"{first} … {len(more)} more lines" if more else first
