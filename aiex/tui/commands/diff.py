"""Look at what a turn changed, or the time between two checkpoints, and put back parts of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiex.errors import AiexError
from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.jobs.revisiting import Changed
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services


async def _run(chat: Chat, words: str) -> None:
    from aiex.tui.hunks import review
    from aiex.tui.screens.diff import DiffScreen

    try:
        found = await asyncio.wrap_future(chat.backstage.ask(lambda services: _find(services, words.split())))
    except AiexError as error:
        chat.tell(error.message, "error", error.hint)
        return
    if not found.changes:
        more = f"; not shown: {', '.join(found.left_out)}" if found.left_out else ""
        chat.tell(f"{found.title}: no file that can be shown{more}")
        return
    reviews = await asyncio.to_thread(review, found.changes, "open")
    chat.app.push_screen(DiffScreen(chat, found, reviews))


def _find(services: Services, words: list[str]) -> Changed:
    """What is meant: nothing for the last turn, a number for one, checkpoints by id, `#number` or tag."""
    from aiex.jobs.revisiting import changes_between, changes_of_turn

    if not words or (len(words) == 1 and words[0].isdecimal()):
        turn = int(words[0]) if words else 0
        return changes_of_turn(services.sessions.log, services.session, services.checkpoints, turn)
    return changes_between(services.checkpoints, *words[:2])


COMMAND = Command(_run, takes="[TURN | CHECKPOINT [CHECKPOINT]]", key="f5")
