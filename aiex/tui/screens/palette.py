"""Everything that can be done, found by typing: commands of the screen and of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from aiex import plugins
from aiex.tui.commands import ROOM
from aiex.tui.screens.help import spell_key
from aiex.tui.screens.listing import Listing, Row
from aiex.tui.widgets.filter import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.wiring import Services


class PaletteView(Listing):
    """All commands with a line of help; Enter does one, or puts it into the prompt where more words are needed."""

    HEADING = "What can be done"
    PREVIEWS = False
    ENTER = "do it"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("tab", "write", "put it into the prompt"),
    ]

    def load(self, services: Services) -> Iterator[Row]:
        """Those of the screen first."""
        own = plugins.names(ROOM)
        for name in own:
            key = plugins.load(ROOM, name).COMMAND.key
            yield _row(name, plugins.summary(ROOM, name), key)
        for name, text in self.aiex.host.complete([], ""):
            if name not in own:
                yield _row(name, text)

    def match(self, rows: Sequence[Row]) -> list[Row]:
        """Those whose name has the letters that are typed come first, then those whose help has the words."""
        from aiex.tui.fuzzy import Pool

        typed = self.query_one(Filter).value.lstrip("/")
        if not typed.strip():
            return list(rows)
        by_name = Pool([row.value for row in rows]).find(typed, len(rows))
        helped = [at for at, row in enumerate(rows) if all(word in row.words for word in typed.casefold().split())]
        return [rows[at] for at in dict.fromkeys([*by_name, *helped])]

    def choose(self, row: Row) -> None:
        """Do a command of the screen that takes no words; the others want more of them."""
        needs = row.value in plugins.names(ROOM) and _needs_words(plugins.load(ROOM, row.value).COMMAND.takes)
        if row.value in plugins.names(ROOM) and not needs:
            self.dismiss(None)
            self.chat.command(row.value)
        else:
            self.action_write()

    def action_tab(self) -> None:
        """Put it into the prompt."""
        self.action_write()

    def action_write(self) -> None:
        """Put it into the prompt, in the place of a command that is begun there."""
        if (row := self.current) is not None:
            self.dismiss(None)
            prompt = self.chat.prompt
            if prompt.text.startswith("/") and " " not in prompt.text:
                prompt.clear()
            prompt.insert(f"/{row.value} ")
            prompt.focus()


def _needs_words(takes: str) -> bool:
    return bool(takes) and not takes.startswith("[")


def _row(name: str, text: str, key: str = "") -> Row:
    pieces = ((f"/{name:<12} ", "bold"), (f"{spell_key(key) if key else '':<10}", "mark"), (text, "muted"))
    return Row(name, pieces, f"{name} {text} {key}".casefold())
