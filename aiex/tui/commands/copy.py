"""Copy the last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    text = chat.transcript.last_answer()
    if text:
        chat.app.copy_to_clipboard(text)
        chat.notify(f"copied {len(text):,} characters", timeout=2)
    else:
        chat.tell("there is no answer to copy")


COMMAND = Command(_run)
