"""Show or hide the plan, the commands in the background, the checks and the files of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    chat.toggle_panel()


COMMAND = Command(_run, key="f9")
