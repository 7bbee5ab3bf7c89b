"""Puts a change in other words: the new lines of one part of a diff in a text field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from aiex.guard.neutral import printable_path
from aiex.tui.hunks import to_text

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.tui.hunks import Part, Review
    from aiex.tui.widgets.diff import DiffView


def reword(view: DiffView, review: Review, part: Part) -> None:
    """Let a person word a part otherwise, and show it then."""
    if not review.can_edit(part):
        view.notify("this cannot be edited here: it is no text, or something in it cannot be seen", timeout=4)
        return

    def keep(text: str | None) -> None:
        if text is not None:
            review.edit(part, text)
            view.update()

    view.app.push_screen(Wording(review, part), keep)


class Wording(ModalScreen["str | None"]):
    """Gives the text, or None where the person thought better of it."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "leave", "leave it", priority=True),
        Binding("ctrl+s", "keep", "keep", priority=True),
    ]

    def __init__(self, review: Review, part: Part) -> None:
        super().__init__()
        self._path = review.path
        lines = review.new[part.hunk.new_start : part.hunk.new_end] if part.own is None else part.own
        self._text = to_text(lines).replace("\r\n", "\n")
        self._line = part.hunk.new_start + 1

    def compose(self) -> ComposeResult:
        """The lines, to be edited."""
        with Vertical(classes="dialog editing"):
            yield Static(Text(f"instead of these lines of {printable_path(self._path)}, from line {self._line} on:"))
            yield TextArea(self._text, soft_wrap=True, show_line_numbers=False, tab_behavior="indent", id="text")
            yield Static(Text("Ctrl-S keep · Esc leave it as it was", no_wrap=True, overflow="ellipsis"), id="keys")

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(TextArea).focus()

    def action_leave(self) -> None:
        """Think better of it."""
        self.dismiss(None)

    def action_keep(self) -> None:
        """Take the text."""
        self.dismiss(self.query_one(TextArea).text)
