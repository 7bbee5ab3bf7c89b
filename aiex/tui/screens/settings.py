"""The settings: what each is, where it comes from, and a new value written into the right file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.binding import Binding

from aiex.guard.neutral import neutralise
from aiex.tui.screens.listing import Listing, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.wiring import Services


class SettingsView(Listing):
    """Every setting; Enter changes it in the person's own file."""

    HEADING = "Settings"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("enter", "choose", "change it for good"),
        Binding("ctrl+t", "here", "change it here only"),
    ]

    def load(self, services: Services) -> Sequence[Row]:
        """All keys by name; what somebody set is marked."""
        settings = services.settings
        rows = []
        for key in settings.keys():  # noqa: SIM118  (it is no mapping)
            origin = settings.origin(key)
            line = Text(no_wrap=True, overflow="ellipsis")
            line.append(" " if origin.source == "built-in" else "*")
            line.append(f" {neutralise(key)} ", "" if origin.source == "built-in" else "bold")
            line.append(neutralise(_shown(origin.value)), "dim")
            rows.append(Row(key, line, f"{key} {_shown(origin.value)} {origin.source}"))
        return rows

    def preview(self, services: Services, row: Row) -> Text:
        """What it is for, where its value comes from, and what that overrode."""
        from aiex.settingkeys import find_key

        origin, known = services.settings.origin(row.value), find_key(row.value)
        text = Text()
        text.append(f"{neutralise(row.value)}\n", "bold")
        if known:
            text.append(f"{known.help}\n\n")
            if known.choices:
                text.append(f"one of: {', '.join(known.choices)}\n", "dim")
        text.append(neutralise(f"value: {_shown(origin.value)}\nfrom: {origin.place}\n"))
        for lower in origin.overrode:
            text.append(neutralise(f"overrode: {_shown(lower.value)} from {lower.place}\n"), "dim")
        return text

    def choose(self, row: Row) -> None:
        """Write another value into the person's own file."""
        self._change(row.value, "set config {key} {value}")

    def action_here(self) -> None:
        """Another value for as long as the screen is open."""
        if (row := self.current) is not None:
            self._change(row.value, "use {key} {value}")

    def _change(self, key: str, line: str) -> None:
        import shlex

        from aiex.tui.screens.naming import Naming

        def write(value: str | None) -> None:
            if value is not None:
                self.dismiss(None)
                self.chat.command(line.format(key=shlex.quote(key), value=shlex.quote(value)))

        row = self.current
        before = row.line.plain[2:].removeprefix(f"{key} ") if row else ""
        self.app.push_screen(Naming(f"value of {key}", before), write)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
