"""Look for words in the talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, words: str) -> None:
    if words:
        chat.transcript.finding.look_for(words)
    chat.transcript.action_search()


COMMAND = Command(_run, takes="[WORDS]", key="ctrl+f")
"""Also `/` in the talk itself."""
