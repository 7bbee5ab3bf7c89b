"""Find anything that can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.palette import PaletteView

    chat.app.push_screen(PaletteView(chat))


COMMAND = Command(_run, key="f2")
