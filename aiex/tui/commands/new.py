"""Begin a new session; the one before can be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.runs.opening import Opening
from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, prompt: str) -> None:
    chat.backstage.switch(Opening(prompt))


COMMAND = Command(_run, takes="[PROMPT]")
