"""The files of the workspace, as ignore rules have them, with marks of what changed: look at one, or mention it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.binding import Binding

from aiex.errors import AiexError
from aiex.guard.neutral import printable_path
from aiex.tui.screens.listing import MOST_PREVIEW_CHARS, Listing, Row, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.context.catalogue import Catalogue
    from aiex.wiring import Services

_MARKS: Final = {"created": "+", "changed": "~", "deleted": "-"}
_ROLES: Final = {"created": "bold", "changed": "bold", "deleted": "dim strike"}


class FilesView(Listing):
    """Every file, those that changed first; Enter puts a mention of one into the prompt."""

    HEADING = "Files"
    EMPTY = "there are none that are not ignored"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("enter", "choose", "add to the prompt"),
        Binding("ctrl+e", "explain", "explain"),
    ]

    def load(self, services: Services) -> Sequence[Row]:
        """Those that changed since the last commit or in this session, then all others by name."""
        changed = _find_changed(services)
        names = dict.fromkeys([*changed, *_list_files(services)])
        return [Row(name, _line(name, changed.get(name, "")), f"{name} {changed.get(name, '')}") for name in names]

    def preview(self, services: Services, row: Row) -> Text:
        """The beginning of the file. Raises AiexError where it cannot be read."""
        data = services.workspace.read(row.value, limit_bytes=16_000_000)
        if b"\0" in data[:8_192]:
            return Text(f"{len(data):,} bytes that are no text", "dim")
        return Text(shorten(data[: MOST_PREVIEW_CHARS * 4].decode("utf-8", "replace")))

    def choose(self, row: Row) -> None:
        """Mention it in the prompt."""
        self.dismiss(None)
        self.chat.prompt.insert(f"@{row.value} ")
        self.chat.prompt.focus()

    def action_explain(self) -> None:
        """Explain it."""
        if (row := self.current) is not None:
            import shlex

            self.dismiss(None)
            self.chat.command(f"explain {shlex.quote(row.value)}")


def _find_changed(services: Services) -> Mapping[str, str]:
    changed = dict(services.recorder.state.files) if services.recorder else {}
    try:
        from aiex.jobs.reviewing.changes import list_uncommitted

        changed.update(list_uncommitted(services.workspace, services.engine))
    except AiexError:  # without git there are the marks of the session
        return changed
    return changed


def _list_files(services: Services) -> list[str]:
    from aiex.context.catalogue import Catalogue

    catalogue = Catalogue(services.workspace, services.settings.get("context.ignore"))
    return sorted(name for folder in _folders(catalogue) for name in folder)


def _folders(catalogue: Catalogue) -> list[tuple[str, ...]]:
    catalogue.refresh()
    return [folder.files for folder in catalogue.walk()]


def _line(path: str, change: str) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_MARKS.get(change, ' ')} ", "bold")
    folder, name = os.path.split(path)
    line.append(printable_path(folder + "/") if folder else "", "dim")
    line.append(printable_path(name), _ROLES.get(change, ""))
    return line
