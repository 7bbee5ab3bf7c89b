"""Show the screen in other colours: dark, light, contrast or plain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command
from aiex.tui.theme import THEMES

if TYPE_CHECKING:
    from aiex.tui.commands import Asking
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, name: str) -> None:
    chosen = next((theme for theme in THEMES if theme == name), None)
    if chosen is None:
        chat.tell(f"there is no theme {name!r}" if name else "which theme?", "error", f"one of: {', '.join(THEMES)}")
    else:
        chat.aiex.use_theme(chosen)


def _choices(_: Asking, given: tuple[str, ...]) -> list[tuple[str, str]]:
    return [] if given else [(theme, "") for theme in THEMES]


COMMAND = Command(_run, takes="NAME", choices=_choices)
