"""The prompt: where wishes are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.message import Message
from textual.widgets import TextArea

if TYPE_CHECKING:
    from textual import events


class Prompt(TextArea):
    """Several lines of text; Enter sends them, Ctrl-J and Shift-Enter begin a new line."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "new line"),
    ]

    class Submitted(Message):
        """The text was sent."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", id=id)

    async def _on_key(self, event: events.Key) -> None:
        """Enter sends; a binding with priority would overtake letters that were typed just before it."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.action_submit()
        else:
            await super()._on_key(event)

    def action_submit(self) -> None:
        """Send what was typed."""
        text = self.text
        if text.strip():
            self.clear()
            self.post_message(self.Submitted(text))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")
