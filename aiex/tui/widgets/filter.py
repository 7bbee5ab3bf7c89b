"""The line above a list: what is typed narrows it down, and keys that move in the list reach it in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events

_MOVES: Final = frozenset({"up", "down", "pageup", "pagedown", "ctrl+home", "ctrl+end", "enter", "tab", "shift+tab"})
_FOLDS: Final = frozenset({"left", "right"})
"""These belong to the list as long as nothing is typed."""


class Filter(Input, inherit_bindings=False):
    """Leaves every other key with Ctrl to the view."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("left", "cursor_left", show=False),
        Binding("right", "cursor_right", show=False),
        Binding("home", "home", show=False),
        Binding("end", "end", show=False),
        Binding("backspace", "delete_left", show=False),
        Binding("delete", "delete_right", show=False),
        Binding("ctrl+w", "delete_left_word", show=False),
        Binding("ctrl+u", "delete_left_all", show=False),
    ]

    class Moved(Message):
        """A key for the list."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    async def _on_key(self, event: events.Key) -> None:
        if event.key in _MOVES or (event.key in _FOLDS and not self.value):
            event.stop()
            event.prevent_default()
            self.post_message(self.Moved(event.key))
            return
        await super()._on_key(event)
