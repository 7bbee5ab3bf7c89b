"""Look at the settings, and change one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.settings import SettingsView

    chat.app.push_screen(SettingsView(chat))


COMMAND = Command(_run, key="f8")
