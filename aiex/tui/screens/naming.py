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
    """Gives what was typed; None where the person thought better of it."""

    BINDINGS = [("escape", "dismiss", "leave it")]  # noqa: RUF012  (Textual reads it from the class)

    def __init__(self, what: str, value: str = "") -> None:
        super().__init__()
        self._what = what
        self._value = value

    def compose(self) -> ComposeResult:
        """What it is for, and the line."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._what))
            yield Input(self._value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It was typed."""
        self.dismiss(event.value.strip())
