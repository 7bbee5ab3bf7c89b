"""The keys of the screen and what can be typed, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from aiex import plugins
from aiex.tui.commands import ROOM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from aiex.tui.screens.chat import Chat

_TYPED = (
    ("words", "a wish for the model; Enter sends it, Ctrl-J begins a new line"),
    ("@name", "a file, lines of one (@src/app.py:10-20), or a symbol: it goes along"),
    ("/command", "a command of the screen, or any of the command line: /explain src/app.py"),
    ("!command", "a command of the shell, confined; it can be undone"),
)


class HelpView(ModalScreen[None]):
    """Escape closes it."""

    BINDINGS = [("escape,f1,q", "dismiss", "close")]  # noqa: RUF012  (Textual reads it from the class)

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self._chat = chat

    def compose(self) -> ComposeResult:
        """What can be typed, keys, commands."""
        page = Text()
        _write(page, "What can be typed", _TYPED)
        _write(page, "Keys", self._keys())
        _write(
            page, "Commands of the screen", ((f"/{name}", plugins.summary(ROOM, name)) for name in plugins.names(ROOM))
        )
        page.append("All other commands are those of the command line: /help lists them.\n")
        with VerticalScroll(classes="dialog"):
            yield Static(page)

    def _keys(self) -> Iterable[tuple[str, str]]:
        """Those of the widgets in front, and of the screen."""
        chat = self._chat
        for owner in (chat.prompt, chat.transcript, chat):
            for key, binding in owner._bindings:
                if binding.description and (type(owner).__module__.startswith("aiex")):
                    yield key, binding.description


def _write(page: Text, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    page.append(f"{heading}\n", "bold")
    for name, text in dict(rows).items():
        page.append(f"  {name:<16} ", "bold")
        page.append(f"{text}\n")
    page.append("\n")
