"""Go on with another model, from the next wish on; alone it shows them with their health and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.commands import Asking
    from aiex.tui.screens.chat import Chat


async def _run(chat: Chat, name: str) -> None:
    if not name:
        from aiex.tui.screens.models import ModelsView

        chat.app.push_screen(ModelsView(chat))
        return
    await chat.change({"model": name})


def _choices(ask: Asking, given: tuple[str, ...]) -> list[tuple[str, str]]:
    from aiex import dirs
    from aiex.llm.pricing import find_catalogue
    from aiex.tui.screens.models import name_models

    if given:
        return []
    catalogue = find_catalogue(dirs.cache_dir(ask(lambda services: services.environ)))
    return cast("list[tuple[str, str]]", ask(lambda services: name_models(services, catalogue)))


COMMAND = Command(_run, takes="[PROVIDER/MODEL]", key="f7", choices=_choices)
