"""The screen under test: the real program with real services, driven key by key and read as text.

async with open_screen_in(folder, *flags_of(vendor)) as screen:
    await screen.say("mend the total")
    await screen.until(lambda: "Done" in screen.talk)
    assert "ask" in screen.picture
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.server import FakeServer

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from aiex.tui.app import AiexApp
    from aiex.tui.screens.chat import Chat

PATIENCE_S = 20.0
"""A busy machine is slow; what does not come at all fails after so long."""
SIZES = ((80, 24), (40, 10), (300, 100))


def flags_of(*servers: FakeServer, protocol: str = "openai-chat") -> list[str]:
    """Flags for a talk with the first of these servers; the others answer when it cannot.

    They are called `one`, `two` and so on, and each has the model `fake-1`.
    """
    names = ("one", "two", "three")[: len(servers)]
    words = ["-m", "one/fake-1", "--set", "retry.max_attempts=1"]
    for name, server in zip(names, servers, strict=True):
        words += ["--set", f"providers.{name}.base_url={server.base_url}"]
        words += ["--set", f"providers.{name}.protocol={protocol}"]
    if rest := ",".join(f"{name}/fake-1" for name in names[1:]):
        words += ["--fallback-model", rest]
    return words


class Shown:
    """The running program, and how a test sees it and types into it."""

    def __init__(self, app: AiexApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def chat(self) -> Chat:
        """The screen of the talk."""
        return self.app.chat

    # --- look ---------------------------------------------------------------------------------------------------------

    @property
    def talk(self) -> str:
        """All of the transcript as text, also what is scrolled away."""
        chat = self.chat
        drawer, width = chat._drawer(), max(self.app.size.width, 40)
        lines = [strip.text.rstrip() for block in chat.story.blocks for strip in drawer.draw(block, width)]
        return "\n".join(lines)

    @property
    def picture(self) -> str:
        """What is on the screen now, line by line."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def top(self) -> str:
        """The name of the view in front: `Chat`, `Approval`, `Question` and so on."""
        return type(self.app.screen).__name__

    @property
    def is_ready(self) -> bool:
        """Whether services and session are there."""
        return bool(self.chat.is_mounted and self.chat.query("#status") and self.chat.status.glance.model)

    async def until(self, is_so: Callable[[], object], what: str = "") -> None:
        """Wait until something is so; fails with what is seen instead."""
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            if self.app._exception is not None:
                raise self.app._exception
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain {what}; seen:\n{self.picture}\n--- the talk:\n{self.talk}")
            await asyncio.sleep(0.01)
        await self.pilot.pause(0)

    async def until_idle(self) -> None:
        """Wait until nothing runs and nothing waits in line."""
        await self.until(lambda: not self.chat.is_busy and not self.chat.status.glance.waiting, "for the end of a turn")

    async def until_asked(self, kind: str = "Approval") -> None:
        """Wait for a question in front: an `Approval` or a `Question`."""
        await self.until(lambda: self.top == kind and getattr(self.app.screen, "takes_keys", True), f"for {kind}")
        await self.pilot.pause()

    # --- type ---------------------------------------------------------------------------------------------------------

    async def press(self, *keys: str) -> None:
        """Press keys by their names: `enter`, `ctrl+c`, `f5`."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type text into whatever has the focus, sign by sign."""
        await self.pilot.press(*(_NAMES.get(sign, sign) for sign in text))

    async def say(self, text: str) -> None:
        """Put text into the prompt at once and send it."""
        self.chat.prompt.focus()
        self.chat.prompt.insert(text)
        await self.pilot.press("enter")

    async def finish(self, text: str) -> None:
        """Say something and wait for the end of all that comes of it."""
        before = len(self.chat.story.blocks)
        await self.say(text)
        await self.until(lambda: self.chat.is_busy or len(self.chat.story.blocks) > before, "for a beginning")
        await self.until_idle()

    async def resize(self, width: int, height: int) -> None:
        """Make the terminal larger or smaller."""
        await self.pilot.resize_terminal(width, height)


_NAMES = {
    " ": "space", "\n": "enter", "\t": "tab", "/": "slash", "!": "exclamation_mark", "@": "at", ".": "full_stop",
    ",": "comma", "-": "minus", "_": "underscore", ":": "colon", "?": "question_mark", "=": "equals_sign",
    "(": "left_parenthesis", ")": "right_parenthesis", '"': "quotation_mark", "'": "apostrophe", "#": "number_sign",
}  # fmt: skip


@asynccontextmanager
async def open_screen_in(folder: Path, *words: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Shown]:
    """The program as `aiex chat WORDS` opens it in a folder, ready for wishes; everything is closed at the end."""
    from aiex.cli.hosting import CommandLine
    from aiex.cli.main import parse
    from aiex.tui.app import AiexApp

    invocation = parse(["chat", "-C", str(folder), *words])
    host = CommandLine(invocation)
    assert invocation.work.opening is not None
    app = AiexApp(host, host.open({}), invocation.work.opening)
    try:
        async with app.run_test(size=size) as pilot:
            shown = Shown(app, pilot)
            await shown.until(lambda: shown.is_ready or shown.top != "Chat", "for the work behind the screen")
            yield shown
            app.leave(0)  # as it always ends: what still comes from the work is for nobody
    finally:
        is_whole = await asyncio.to_thread(app.backstage.close, PATIENCE_S)
    assert is_whole, "the work behind the screen did not end"
