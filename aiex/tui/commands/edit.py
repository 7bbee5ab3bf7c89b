"""Edit the prompt in your own editor: $VISUAL or $EDITOR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.tui.commands import Command

if TYPE_CHECKING:
    from aiex.tui.screens.chat import Chat


def _run(chat: Chat, _: str) -> None:
    from textual.app import SuspendNotSupported

    from aiex.guard.sandbox.editor import edit_text, find_editor
    from aiex.tui.folding import unfold

    prompt = chat.prompt
    try:
        find_editor()
        with chat.app.suspend():
            edited = edit_text(unfold(prompt.text, prompt.folds.of(prompt.text)))
    except SuspendNotSupported:
        chat.tell("this terminal cannot be lent to an editor", "error")
    else:
        prompt.show_edited(edited.rstrip("\n"))
        prompt.focus()


COMMAND = Command(_run, key="ctrl+g")
