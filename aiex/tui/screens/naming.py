"""Asks for one line of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Naming(ModalScreen["str | None"]):
    """Gives what was typed; None where the person thought better of it.

    Args:
        what: What is asked for; harmless.
        value: To begin with.
        about: A line below, such as the choices there are.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]  # noqa: RUF012  (Textual reads it from the class)
    BINDINGS = [("escape", "leave", "leave it"), ("ctrl+c", "leave", "leave it")]  # noqa: RUF012

    def __init__(self, what: str, value: str = "", about: str = "") -> None:
        super().__init__()
        self._what = what
        self._value = value
        self._about = about

    def compose(self) -> ComposeResult:
        """What it is for, and the line."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._what), id="naming")
            yield Input(self._value, id="words")
            yield Static(Text(self._about), id="about")

    def on_mount(self) -> None:
        """No room for nothing."""
        self.query_one("#about").display = bool(self._about)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It was typed."""
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Nothing was typed."""
        self.dismiss(None)
