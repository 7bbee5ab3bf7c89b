"""The program on the screen: opens at once, starts the work behind it, and leaves the terminal clean."""

from __future__ import annotations

import asyncio
import os
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from textual.app import App

from aiex.tui.backstage import Backstage
from aiex.tui.bus import PICTURES_A_SECOND, Bus
from aiex.tui.screens.chat import Chat
from aiex.tui.theme import THEMES, make_theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.screen import ModalScreen

    from aiex.events import Event
    from aiex.runs.opening import Opening
    from aiex.tui.backstage import AnswerWanted, ApprovalWanted, Told, Withdrawn
    from aiex.tui.host import Host
    from aiex.tui.theme import ThemeName
    from aiex.wiring import Services


def open_screen(host: Host, services: Services, opening: Opening) -> int:
    """Show the screen until the person leaves; the exit code of the process."""
    app = AiexApp(host, services, opening)
    try:
        code = app.run()
    finally:
        is_whole = app.backstage.close()
    if app.return_code:
        return app.return_code
    return (code or 0) if is_whole else 70


def choose_theme(wanted: str, environ: Mapping[str, str] = os.environ) -> ThemeName:
    """The theme of a setting; `auto` looks at what the terminal says of itself.

    Source of COLORFGBG: rxvt(7), `foreground;background`, where 7 and 15 are light. NO_COLOR: https://no-color.org.
    """
    if environ.get("NO_COLOR"):
        return "plain"
    chosen = next((theme for theme in THEMES if theme == wanted), None)
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return chosen or ("light" if background in ("7", "15") else "dark")


class AiexApp(App[int]):
    """The program."""

    CSS_PATH = "theme.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "aiex"

    def __init__(self, host: Host, services: Services, opening: Opening) -> None:
        self.host = host
        self.bus: Bus[Event | Told] = Bus()
        self.backstage = Backstage(host, services, opening, self.bus)
        self._theme_name = choose_theme(services.settings.get("screen.theme"), services.environ)
        self._is_drawing = False
        self._open_questions: dict[int, ModalScreen[Any]] = {}
        super().__init__()
        for name in THEMES:
            self.register_theme(make_theme(name))
        self.theme = f"aiex-{self._theme_name}"
        self.chat = Chat(self.backstage, self._theme_name)

    def on_mount(self) -> None:
        """Show the prompt, then begin with the work."""
        self.push_screen(self.chat)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.backstage.start()
        loop, context = asyncio.get_running_loop(), copy_context()  # Textual finds its program by the context
        self.bus.listen(lambda: loop.call_soon_threadsafe(self._wake, context=context))

    def use_theme(self, name: ThemeName) -> None:
        """Show everything in other colours."""
        self._theme_name = name
        self.theme = f"aiex-{name}"
        self.chat.use_theme(name)

    def take_question(self, question: ApprovalWanted | AnswerWanted | Withdrawn) -> None:
        """Put a question to the person, or take it away."""
        from aiex.tui.backstage import ApprovalWanted, Withdrawn

        if isinstance(question, Withdrawn):
            self._withdraw(question.number)
            return
        number = question.number

        def reply(value: object) -> None:
            self._open_questions.pop(number, None)
            self.backstage.reply(number, value)

        screen: ModalScreen[Any]
        if isinstance(question, ApprovalWanted):
            from aiex.tui.screens.approval import Approval

            screen = Approval(question)
        else:
            from aiex.tui.screens.question import Question

            screen = Question(question)
        self._open_questions[number] = screen
        self.push_screen(screen, reply)

    def _withdraw(self, number: int) -> None:
        screen = self._open_questions.pop(number, None)
        if screen is not None and screen.is_attached:
            screen.dismiss(None)

    def _wake(self) -> None:
        if not self._is_drawing:
            self._is_drawing = True
            self.set_timer(1 / PICTURES_A_SECOND, self._draw)

    def _draw(self) -> None:
        self._is_drawing = False
        if items := self.bus.take():
            self.chat.take(items)
