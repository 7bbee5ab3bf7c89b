"""Everything that can be done, found by typing: commands of the screen and of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding

from aiex import plugins
from aiex.tui.commands import ROOM
from aiex.tui.screens.listing import Listing, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.wiring import Services


class PaletteView(Listing):
    """All commands with a line of help; Enter puts one into the prompt, or does it where nothing more is needed."""

    HEADING = "What can be done"
    PREVIEWS = False
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("enter", "choose", "do it"),
        Binding("tab", "write", "put it into the prompt"),
    ]

    def load(self, services: Services) -> Sequence[Row]:
        """Those of the screen first."""
        own = [(name, plugins.summary(ROOM, name)) for name in plugins.names(ROOM)]
        others = [(name, text) for name, text in self.aiex.host.complete([], "") if name not in dict(own)]
        return [Row(name, _line(name, text), f"{name} {text}") for name, text in (*own, *others)]

    def choose(self, row: Row) -> None:
        """Do a command of the screen; the others want more words."""
        if row.value in plugins.names(ROOM):
            self.dismiss(None)
            self.chat.command(row.value)
        else:
            self.action_write()

    def action_write(self) -> None:
        """Put it into the prompt."""
        if (row := self.current) is not None:
            self.dismiss(None)
            self.chat.prompt.insert(f"/{row.value} ")
            self.chat.prompt.focus()


def _line(name: str, text: str) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"/{name:<12} ", "bold")
    line.append(text, "dim")
    return line
