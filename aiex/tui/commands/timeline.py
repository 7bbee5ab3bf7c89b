"""Show all that happened in this session, and go back to any place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.timeline import TimelineView

    session = chat.status.glance.session
    if session:
        chat.app.push_screen(TimelineView(chat, session))
    else:
        chat.tell("nothing has been said yet, so there is nowhere to go back to", "warning")


COMMAND = Command(_run)
