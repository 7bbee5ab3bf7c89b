"""Go on with another model, from the next wish on; alone it shows them with their health and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


async def _run(chat: Chat, name: str) -> None:
    if not name:
        from aiex.tui.screens.models import ModelsView

        chat.app.push_screen(ModelsView(chat))
        return
    await chat.change({"model": name})


COMMAND = Command(_run, takes="[PROVIDER/MODEL]", key="f7")
