"""The settings: what each is, where it comes from, and a new value written into the right file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from aiex.errors import AiexError
from aiex.guard.neutral import printable_path
from aiex.tui.screens.listing import Leaf, Listing, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.configuring import Where
    from aiex.tui.widgets.rows import Piece
    from aiex.wiring import Services


class SettingsView(Listing):
    """Every setting, those that somebody set first; Enter changes one in the person's own file."""

    HEADING = "Settings"
    ENTER = "change it for good"
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("ctrl+t", "here", "till the screen closes"),
        Binding("ctrl+p", "project", "in this project"),
    ]

    def load(self, services: Services) -> Iterator[Row]:
        """All keys by name; what somebody set comes first, and is marked."""
        settings = services.settings
        origins = [settings.origin(key) for key in settings.keys()]  # noqa: SIM118  (it is no mapping)
        keys = list(settings.keys())
        for key, origin in sorted(zip(keys, origins, strict=True), key=lambda one: one[1].source == "built-in"):
            is_set = origin.source != "built-in"
            value = show_value(origin.value)
            pieces = (
                ("* " if is_set else "  ", "accent"),
                (f"{key} ", "bold" if is_set else "text"),
                (value or '""', "code" if is_set else "muted"),
                (f"  {origin.source}" if is_set else "", "muted"),
            )
            yield Row((key, value), pieces, f"{key} {value} {origin.source}".casefold())

    def preview(self, services: Services, row: Row) -> Leaf:
        """What it is for, where its value comes from, and what that overrode."""
        from aiex.settingkeys import find_key

        key = row.value[0]
        origin, known = services.settings.origin(key), find_key(key)
        lines: list[tuple[Piece, ...]] = [((printable_path(key), "heading"),)]
        if known:
            lines += [((known.help, "text"),), (("", "text"),)]
            if known.choices:
                lines.append((("one of: ", "muted"), (", ".join(known.choices), "text")))
        lines.append((("value:  ", "muted"), (printable_path(show_value(origin.value)) or '""', "text")))
        lines.append((("from:   ", "muted"), (printable_path(origin.place), "text")))
        for lower in origin.overrode:
            told = f"{show_value(lower.value)} from {lower.place}"
            lines.append((("instead of: ", "muted"), (printable_path(told), "text")))
        return Leaf(tuple(lines))

    def choose(self, row: Row) -> None:
        """Write another value into the person's own file."""
        self._ask_value(row, "user")

    def action_project(self) -> None:
        """Write another value into the file of the project that stays on this machine."""
        if (row := self.current) is not None:
            self._ask_value(row, "project")

    def action_here(self) -> None:
        """Another value for as long as the screen is open."""
        if (row := self.current) is not None:
            self._ask_value(row, "here")

    def _ask_value(self, row: Row, where: Where) -> None:
        from aiex.settingkeys import find_key
        from aiex.tui.screens.naming import Naming

        key, before = row.value
        known = find_key(key)
        about = f"one of: {', '.join(known.choices)}" if known and known.choices else known.help if known else ""
        places = {"user": "your own file", "project": ".aiex/config.local.toml", "here": "until the screen closes"}

        def write(value: str | None) -> None:
            if value is not None and value != before:
                self.run_worker(self._write(key, value, where))

        self.app.push_screen(Naming(f"{printable_path(key)} ({places[where]})", before, about), write)

    async def _write(self, key: str, value: str, where: Where) -> None:
        from aiex.jobs.configuring import write_setting

        try:
            if where == "here":
                await self.chat.change({key: value})
                told = f"{key} is {value} until the screen closes"
            else:
                told = await self.do(lambda services: write_setting(services, key, value, where))
                await self.chat.change({})
        except AiexError as error:
            self.say(error)
            return
        if key == "screen.theme":
            from aiex.tui.app import choose_theme

            self.aiex.use_theme(choose_theme(value))
        self.notify(printable_path(told), markup=False)
        self.reload()


def show_value(value: object) -> str:
    """A value as it is typed."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
