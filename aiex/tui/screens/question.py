"""Asks a person what a model or a command wants to know: options to choose from, words, or a key that nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from aiex.guard.neutral import neutralise
from aiex.tui.screens.dialog import Dialog, Options

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.tui.told import AnswerWanted


class Question(Dialog["str | None"]):
    """Gives what the person says, or None for nothing."""

    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "say_nothing", "say nothing"),
        Binding("pagedown", "scroll(1)", show=False),
        Binding("pageup", "scroll(-1)", show=False),
        *(Binding(str(number), f"choose({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, wanted: AnswerWanted) -> None:
        super().__init__()
        self.wanted = wanted

    def on_mount(self) -> None:
        """What nobody may see counts from the first sign on, for elsewhere it would be seen."""
        if self.wanted.is_unseen:
            self._open()

    @property
    def subject(self) -> str:
        """What it is about."""
        return self.wanted.question

    def compose(self) -> ComposeResult:
        """The question, its options, and a line for other words."""
        with Vertical(classes="dialog asking"):
            with VerticalScroll(id="what", can_focus=False):
                yield Static(Text(neutralise(self.wanted.question)))
            if self.wanted.options:
                yield Options(*map(_number, range(1, len(self.wanted.options) + 1), self.wanted.options), id="answers")
            is_unseen = self.wanted.is_unseen
            about = "typed unseen" if is_unseen else "say it in your words"
            yield Input(placeholder=about, password=is_unseen, id="words")
            yield Static(self._keys(), id="keys")

    def _keys(self) -> Text:
        numbers = (
            f"1-{min(len(self.wanted.options), 9)} or Enter: choose · Tab: your words · " if self.wanted.options else ""
        )
        leave = "Enter: keep it · Esc: leave it" if self.wanted.is_unseen else "Esc: say nothing"
        return Text(f"{numbers}{leave}", no_wrap=True, overflow="ellipsis")

    def give_focus(self) -> None:
        """Options first, else the line."""
        found = self.query("#answers, #words")
        found.first().focus()
        for options in self.query(Options):
            options.highlighted = 0

    def action_choose(self, number: int) -> None:
        """Choose an option by its number."""
        if number <= len(self.wanted.options):
            self.dismiss(self.wanted.options[number - 1])

    def action_say_nothing(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        """See more of a long question."""
        what = self.query_one("#what", VerticalScroll)
        what.scroll_relative(y=by * max(what.size.height - 1, 1), animate=False)

    def on_option_list_option_selected(self, event: Options.OptionSelected) -> None:
        """An option was chosen."""
        if self.takes_keys:
            self.dismiss(self.wanted.options[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Words were typed; without any the person still thinks."""
        if event.value.strip():
            self.dismiss(event.value)


def _number(number: int, option: str) -> Text:
    return Text(f"{number if number < 10 else ' '}  {neutralise(option)}")
