"""Change a setting for as long as the screen is open: /use KEY VALUE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.commands import Asking
    from aiex.tui.screens.chat import Chat


async def _run(chat: Chat, words: str) -> None:
    import shlex

    try:
        key, value = shlex.split(words)
    except ValueError:
        chat.tell("which setting, and what value?", "error", "/use budget.cost_usd 2; F8 shows all settings")
        return
    await chat.change({key: value})
    chat.tell(f"{key} is {value} from the next wish on, here only")


def _choices(_: Asking, given: tuple[str, ...]) -> list[tuple[str, str]]:
    from aiex.settingkeys import KEYS, find_key

    match given:
        case ():
            return [(key.name, key.help) for key in KEYS if "*" not in key.name]
        case (name,) if (key := find_key(name)) is not None:
            return [(choice, "") for choice in key.choices]
        case _:
            return []


COMMAND = Command(_run, takes="KEY VALUE", choices=_choices)
