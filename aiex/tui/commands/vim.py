"""Use keys of vi in the prompt, or plain ones again; screen.keys keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, wanted: str) -> None:
    if wanted not in ("", "on", "off"):
        chat.tell(f"on or off, not {wanted}", "error")
        return
    is_wanted = chat.prompt.vim is None if not wanted else wanted == "on"
    chat.prompt.use_vim(is_wanted)
    chat.tell(f"keys of the prompt: {'vi' if is_wanted else 'plain'}")


COMMAND = Command(_run, takes="[on|off]")
