"""Let the model plan and change nothing, or, with `off`, work again: /plan [WISH|off]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


async def _run(chat: Chat, wish: str) -> None:
    await chat.change({"policy.mode": "ask" if wish == "off" else "plan"})
    if wish and wish != "off":
        chat.submit(wish)


COMMAND = Command(_run, takes="[WISH|off]")
