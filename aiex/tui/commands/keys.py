"""Show the keys, and what can be typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.help import HelpView

    chat.app.push_screen(HelpView(chat))


COMMAND = Command(_run, key="f1")
