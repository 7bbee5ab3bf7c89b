"""Search what was typed here before, and put it into the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, wanted: str) -> None:
    from aiex.tui.screens.history import PastPrompts

    chat.app.push_screen(PastPrompts(chat, wanted))


COMMAND = Command(_run, takes="[WORDS]", key="ctrl+r")
