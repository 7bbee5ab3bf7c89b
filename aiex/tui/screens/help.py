"""The keys of the screen and what can be typed, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from aiex import plugins
from aiex.tui.commands import ROOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.app import ComposeResult
    from textual.dom import DOMNode

    from aiex.tui.screens.chat import Chat

_TYPED = (
    ("words", "a wish for the model; Enter sends it, Ctrl-J begins a new line"),
    ("@name", "a file, lines of one (@src/app.py:10-20), or a symbol: it goes along"),
    ("/command", "a command of the screen, or any of the command line: /explain src/app.py"),
    ("!command", "a command of the shell, confined; it can be undone"),
)


_WIDE_CELLS = 60
"""From this width on names stand in a column of their own."""


class HelpView(ModalScreen[None]):
    """Escape closes it; arrows move it."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE_CELLS, "-wide")]  # noqa: RUF012  (Textual reads it from the class)
    BINDINGS = [("escape,f1,q,ctrl+c", "dismiss", "close")]  # noqa: RUF012  (Textual reads it from the class)

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self._chat = chat
        self._is_wide = chat.size.width >= _WIDE_CELLS

    def compose(self) -> ComposeResult:
        """What can be typed, keys, commands."""
        page = Table.grid(padding=(0, 1))
        if self._is_wide:
            page.add_column(width=18)
        page.add_column(ratio=1)
        chat = self._chat
        self._write(page, "What can be typed", _TYPED)
        self._write(page, "Keys everywhere", _keys_of(chat))
        self._write(page, "Keys of the prompt", _keys_of(chat.prompt))
        self._write(page, "Keys of the talk", _keys_of(chat.transcript))
        self._write(page, "Commands of the screen", _commands())
        last = "All other commands are those of the command line: /help lists them. Esc closes this."
        with VerticalScroll(classes="dialog"):
            yield Static(page)
            yield Static(Text(last))

    def _write(self, page: Table, heading: str, rows: Iterable[tuple[str, str]]) -> None:
        look = self._chat.styles_now
        page.add_row(Text(heading, look["heading"], no_wrap=True))
        for name, text in dict(rows).items():
            if self._is_wide:
                page.add_row(Text(name, look["mark"]), Text(text, look["text"]))
            else:
                page.add_row(Text.assemble((name, look["mark"]), "  ", (text, look["text"])))
        page.add_row(Text())


def _keys_of(owner: DOMNode) -> Iterator[tuple[str, str]]:
    """The keys that the project gave it, those that do the same on one line."""
    keys: dict[str, list[str]] = {}
    for base in type(owner).__mro__:
        if base.__module__.startswith("aiex."):
            for one in base.__dict__.get("BINDINGS", ()):
                key, _, words = (one.key, one.action, one.description) if hasattr(one, "key") else one
                if words:
                    keys.setdefault(words, []).extend(key.split(","))
    for words, names in keys.items():
        yield " ".join(dict.fromkeys(map(spell_key, names))), words


def _commands() -> Iterator[tuple[str, str]]:
    for name in plugins.names(ROOM):
        command = plugins.load(ROOM, name).COMMAND
        yield f"/{name} {command.takes}".strip(), plugins.summary(ROOM, name)


def spell_key(key: str) -> str:
    """A key as it stands on a keyboard."""
    names = {
        "escape": "Esc",
        "question_mark": "?",
        "slash": "/",
        "left_square_bracket": "[",
        "right_square_bracket": "]",
    }
    parts = [names.get(part, part) for part in key.split("+")]
    return "-".join(part.capitalize() if len(part) > 1 or len(parts) > 1 else part for part in parts)
