"""Look at what a turn changed, or the time between two checkpoints, and put back parts of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.jobs.revisiting import Changed
    from aiex.tui.host import Host
    from aiex.tui.screens.chat import Chat


async def _run(chat: Chat, words: str) -> None:
    from aiex.tui.hunks import review
    from aiex.tui.screens.diff import DiffScreen

    session = await asyncio.wrap_future(chat.backstage.ask(lambda services: services.session))
    found = await asyncio.to_thread(_look, chat.aiex.host, session, words.split())
    if not found.changes:
        more = f"; not shown: {', '.join(found.left_out)}" if found.left_out else ""
        chat.tell(f"{found.title}: no file that can be shown{more}")
        return
    reviews = await asyncio.to_thread(review, found.changes, "open")
    chat.app.push_screen(DiffScreen(chat, found, reviews))


def _look(host: Host, session: str, words: list[str]) -> Changed:
    """What is meant: nothing for the last turn, a number for one, checkpoints by id, `#number` or tag.

    With services of its own: to compare with the files as they are now takes long in a large workspace, and the work
    goes on meanwhile.
    """
    from aiex.jobs.revisiting import changes_between, changes_of_turn

    services = host.open({})
    try:
        if not words or (len(words) == 1 and words[0].isdecimal()):
            turn = int(words[0]) if words else 0
            return changes_of_turn(services.sessions.log, session, services.checkpoints, turn)
        return changes_between(services.checkpoints, *words[:2])
    finally:
        services.close()


COMMAND = Command(_run, takes="[TURN | CHECKPOINT [CHECKPOINT]]", key="f5")
