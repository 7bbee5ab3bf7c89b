"""How the prompt looks: suggesting, guiding, folded, as a shell and with keys of vi."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual import events

from tests.fakes.screen import Shown
from tests.screens.conftest import OpenScreen

LOOKS = (((80, 24), "dark"), ((120, 40), "light"))


@pytest.mark.parametrize(("size", "theme"), [*LOOKS, ((40, 10), "plain")])
async def test_pictures(
    open_screen: OpenScreen, matches: Callable[[Shown], bool], size: tuple[int, int], theme: str
) -> None:
    async with open_screen("--set", f"screen.theme={theme}", size=size) as screen:
        prompt = screen.chat.prompt
        await screen.until(lambda: "explain this project" in screen.picture)
        assert matches(screen), "a suggestion"

        await screen.type("/fi")
        await screen.until(lambda: "▸ fix" in screen.picture)
        assert matches(screen), "choices of commands"

        prompt.clear()
        await screen.type("why is @pri")
        await screen.until(lambda: "▸ shop/prices.py" in screen.picture)
        assert matches(screen), "choices of files"

        await screen.press("enter", "ctrl+j")
        prompt.post_message(events.Paste("a line\n" * 120))
        await screen.until(lambda: "[pasted 120 lines]" in screen.picture)
        assert matches(screen), "several lines with a token"

        prompt.clear()
        prompt.use_vim(True)
        await screen.type("!git status")
        await screen.press("escape")
        await screen.until(lambda: "NORMAL" in screen.picture)
        assert matches(screen), "a shell, with keys of vi"
