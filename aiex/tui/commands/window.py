"""Look at what fills the window of the model: pin pieces, leave them out, shorten the talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.window import WindowView

    chat.app.push_screen(WindowView(chat))


COMMAND = Command(_run, key="f6")
