"""Shorten the talk: a summary takes the place of what is old, once you have seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command
from aiex.tui.sent import Sent
from aiex.tui.tasks import OwnTask

if TYPE_CHECKING:
    from aiex.events import Compacted
    from aiex.tui.host import Job
    from aiex.tui.screens.chat import Chat
    from aiex.wiring import Services

YES, NO = "put it in the place of what is old", "leave the talk as it is"


def _run(chat: Chat, _: str) -> None:
    chat.backstage.send(Sent("/compact", lambda _: OwnTask("compact", _prepare)))


def _prepare(services: Services) -> Job:
    from aiex.jobs.window import compact

    async def agree(found: Compacted) -> bool:
        saved = f"about {found.before_tokens:,} tokens become {found.after_tokens:,}"
        person = services.person
        return person is not None and await person.answer(f"{saved}:\n\n{found.summary}", (YES, NO)) == YES

    return lambda: compact(services, agree)


COMMAND = Command(_run)
