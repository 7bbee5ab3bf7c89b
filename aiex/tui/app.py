"""The program on the screen: opens at once, starts the work behind it, and comes to an end whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from textual.app import App, ScreenError
from textual.css.query import QueryError
from textual.dom import DOMError

from aiex.runs.outcomes import BUG_EXIT, HANG_UP_EXIT
from aiex.tui.backstage import Backstage
from aiex.tui.bus import PICTURES_A_SECOND, Bus
from aiex.tui.captured import be_honest
from aiex.tui.herald import Herald
from aiex.tui.screens.chat import Chat
from aiex.tui.terminal import Before
from aiex.tui.theme import THEMES, make_theme
from aiex.tui.told import ApprovalWanted, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual import events
    from textual.await_complete import AwaitComplete
    from textual.driver import Driver
    from textual.screen import Screen

    from aiex.events import Event
    from aiex.runs.opening import Opening
    from aiex.tui.host import Host
    from aiex.tui.screens.dialog import Dialog
    from aiex.tui.theme import ThemeName
    from aiex.tui.told import AnswerWanted, Told
    from aiex.wiring import Services


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

    def __init__(self, host: Host, services: Services, opening: Opening, before: Before | None = None) -> None:
        self.host = host
        self.before = before or Before()
        self.hears = threading.Event()
        """Set when there is a prompt for what is typed; what is typed before waits in the terminal."""
        self.crash: BaseException | None = None
        """What broke the screen."""
        self.exit_code = 0
        """Of a leave that was asked for from outside; 0 for none."""
        self.bus: Bus[Event | Told] = Bus()
        self._opening = opening
        self.backstage = Backstage(host, services, opening, self.bus)
        self.herald = Herald(self._write_beside, services.environ)
        self._theme_name = choose_theme(services.settings.get("screen.theme"), services.environ)
        self._is_drawing = False
        self._open_questions: dict[int, Dialog[Any]] = {}
        self._line: deque[ApprovalWanted | AnswerWanted] = deque()
        """Questions behind the one that is shown."""
        self._withdrawn: set[Screen[Any]] = set()
        super().__init__()
        for name in THEMES:
            self.register_theme(make_theme(name))
        self.theme = f"aiex-{self._theme_name}"
        self.chat = Chat(self.backstage, self._theme_name)

    def on_mount(self) -> None:
        """Show the prompt, then begin with the work."""
        be_honest()
        self.push_screen(self.chat)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.hears.set()
        asyncio.get_running_loop().set_exception_handler(lambda _, told: self.fail(told.get("exception")))
        if self.exit_code:
            self.exit(self.exit_code)
            return
        self.backstage.start()
        context = copy_context()  # Textual finds its program by the context
        self.bus.listen(lambda: self._soon(lambda: context.run(self._wake)))
        if self._opening.chooses:
            self.chat.command("sessions")

    def _write_beside(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def on_app_focus(self, event: events.AppFocus) -> None:
        """The terminal is looked at."""
        self.herald.note_focus(event)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """The terminal is not looked at any more."""
        self.herald.note_focus(event)

    # --- the end ------------------------------------------------------------------------------------------------------

    def leave(self, code: int) -> None:
        """End the screen; from any thread, also before it began."""
        self.exit_code = self.exit_code or code
        self.hears.set()
        self._soon(lambda: self._context_run(lambda: self.exit(code)))

    def lose_terminal(self) -> None:
        """The terminal is gone; from any thread."""
        self.leave(HANG_UP_EXIT)

    def fail(self, error: BaseException | None) -> None:
        """End the screen for a bug, which is reported when the terminal is as it was; from any thread."""
        if error is not None:
            self._note_crash(error)
            self.leave(BUG_EXIT)

    def heeds(self, number: int) -> bool:
        """Ctrl-C in an editor that has the terminal reaches this process too, and means the editor; any thread."""
        return not (number == signal.SIGINT and self._running and getattr(self._driver, "is_lent", False))

    def draw_anew(self) -> None:
        """Something else may have written to the terminal; from any thread."""
        self._soon(lambda: self._context_run(lambda: self.refresh(layout=True)))

    def finish_work(self, timeout_s: float) -> bool:
        """Stop the work and keep what was done; from any thread but that of the work."""
        return self.backstage.close(timeout_s)

    def get_driver_class(self) -> type[Driver]:
        """What reads and writes the terminal."""
        if sys.platform == "win32" or os.environ.get("TEXTUAL_DRIVER"):
            return super().get_driver_class()
        from aiex.tui.driver import ScreenDriver

        return ScreenDriver

    def pop_screen(self) -> AwaitComplete:
        """Take the view in front away; never the talk, and a question that was withdrawn beneath it as well."""
        from textual.await_complete import AwaitComplete

        if self.screen is self.chat:  # two keys at once, and the first closed the view
            return cast("AwaitComplete", AwaitComplete.nothing())  # type: ignore[no-untyped-call]
        popped = super().pop_screen()
        if (front := self.screen) in self._withdrawn:
            self._withdrawn.discard(front)
            front.dismiss(None)
        return popped

    def panic(self, *renderables: Any) -> None:
        """Something broke; nothing of it is written to the terminal."""
        self._handle_exception(RuntimeError("; ".join(str(one) for one in renderables)))

    def _handle_exception(self, error: Exception) -> None:
        """A bug in the screen: it ends without a word, and who opened it tells."""
        self._note_crash(error)
        self.hears.set()
        self._return_code = BUG_EXIT if self.crash else self.exit_code
        if self._exception is None and self.crash:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def _note_crash(self, error: BaseException) -> None:
        cause = getattr(error, "error", None) or error  # of a worker, what broke it
        if self._exit and isinstance(cause, (DOMError, QueryError, ScreenError)):
            return  # a part was looked for that was taken down, or never came up, because the screen ends
        self.crash = self.crash or cause

    def _soon(self, call: Callable[[], object]) -> None:
        """Call something in the thread of the screen; once it has ended, nothing."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(call)

    def _context_run(self, call: Callable[[], object]) -> None:
        with self._context():
            call()

    # --- what is shown ------------------------------------------------------------------------------------------------

    def use_theme(self, name: ThemeName) -> None:
        """Show everything in other colours."""
        self._theme_name = name
        self.theme = f"aiex-{name}"
        self.chat.use_theme(name)

    def take_question(self, question: ApprovalWanted | AnswerWanted | Withdrawn) -> None:
        """Put a question to the person, or take it away."""
        if isinstance(question, Withdrawn):
            self._withdraw(question.number)
            return
        if self._open_questions:
            self._line.append(question)
            self._note_waiting()
            return
        number = question.number

        def reply(value: object) -> None:
            self._open_questions.pop(number, None)
            self.backstage.reply(number, value)
            if self._line:
                self.call_later(self.take_question, self._line.popleft())

        screen: Dialog[Any]
        if isinstance(question, ApprovalWanted):
            from aiex.tui.screens.approval import Approval

            screen = Approval(question.request)
        else:
            from aiex.tui.screens.question import Question

            screen = Question(question)
        self._open_questions[number] = screen
        screen.note_waiting(len(self._line))
        self.push_screen(screen, reply)

    def _withdraw(self, number: int) -> None:
        self._line = deque(question for question in self._line if question.number != number)
        screen = self._open_questions.pop(number, None)
        if screen is None:
            self._note_waiting()
            return
        self.chat.tell(f"not asked any more: {' '.join(screen.subject.split())[:200]}")
        if screen is self.screen:
            self.screen.dismiss(None)
        elif screen in self.screen_stack:
            self._withdrawn.add(screen)

    def _note_waiting(self) -> None:
        for screen in self._open_questions.values():
            screen.note_waiting(len(self._line))

    def _wake(self) -> None:
        if not self._is_drawing:
            self._is_drawing = True
            self.set_timer(1 / PICTURES_A_SECOND, self._draw)

    def _draw(self) -> None:
        self._is_drawing = False
        if items := self.bus.take():
            self.chat.take(items)
        if self.backstage.fallen is not None:
            self.leave(BUG_EXIT)
