"""Look at the sessions of this workspace, and go on with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.sessions import SessionsView

    chat.app.push_screen(SessionsView(chat))


COMMAND = Command(_run, key="f3")
