"""Open everything in the talk that is folded, or fold it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    chat.transcript.fold_all()


COMMAND = Command(_run, key="ctrl+o")
