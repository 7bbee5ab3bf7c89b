"""Look at the commands in the background: what they write, and stop one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.background import BackgroundView

    chat.app.push_screen(BackgroundView(chat))


COMMAND = Command(_run)
