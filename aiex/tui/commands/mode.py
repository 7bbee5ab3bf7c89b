"""Say what is done unasked: plan, ask, accept-edits, auto, deny or bypass; alone it goes to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.commands import Asking
    from aiex.tui.screens.chat import Chat

ROUND: Final = ("ask", "accept-edits", "auto", "plan")
"""What the key goes through; the others have to be named."""


async def _run(chat: Chat, name: str) -> None:
    mode = chat.status.glance.mode
    wanted = name or ROUND[(ROUND.index(mode) + 1) % len(ROUND) if mode in ROUND else 0]
    await chat.change({"policy.mode": wanted})


def _choices(_: Asking, given: tuple[str, ...]) -> list[tuple[str, str]]:
    from aiex.guard.policy.modes import MODES

    return [] if given else [(mode, "") for mode in MODES]


COMMAND = Command(_run, takes="[MODE]", key="shift+tab", choices=_choices)
