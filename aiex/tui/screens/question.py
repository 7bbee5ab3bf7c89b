"""Asks a person what a model wants to know: options to choose from, or words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from aiex.guard.neutral import neutralise

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.tui.backstage import AnswerWanted


class Question(ModalScreen["str | None"]):
    """Gives what the person says, or None for nothing."""

    BINDINGS = [("escape", "dismiss", "say nothing")]  # noqa: RUF012  (Textual reads it from the class)

    def __init__(self, wanted: AnswerWanted) -> None:
        super().__init__()
        self.wanted = wanted

    def compose(self) -> ComposeResult:
        """The question, its options, and a line for other words."""
        yield Static(Text(neutralise(self.wanted.question)))
        if self.wanted.options:
            yield OptionList(*(Text(neutralise(option)) for option in self.wanted.options))
        yield Input(placeholder="or say it in your words")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """An option was chosen."""
        self.dismiss(self.wanted.options[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Words were typed."""
        self.dismiss(event.value or None)
