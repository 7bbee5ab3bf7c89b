"""Go to a turn of the talk by its number; below 0 counts from the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, wanted: str) -> None:
    try:
        turn = int(wanted)
    except ValueError:
        chat.tell("jump where?", "error", "/jump N goes to turn N, /jump -1 to the last one")
        return
    last = chat.story.turn
    if not chat.transcript.jump(turn if turn >= 0 else last + 1 + turn):
        chat.tell(f"there is no turn {turn}", "error", f"there are {last}")


COMMAND = Command(_run, takes="N")
