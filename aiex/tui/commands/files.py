"""Look at the files of the workspace, and mention one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from aiex.tui.screens.files import FilesView

    chat.app.push_screen(FilesView(chat))


COMMAND = Command(_run, key="f4")
