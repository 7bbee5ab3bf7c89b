"""Leave the screen; what was said and done is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    chat.app.exit(0)


COMMAND = Command(_run, key="ctrl+q")
