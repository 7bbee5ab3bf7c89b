"""Reads and writes the terminal: rests while nobody types, and notices when it is gone."""

from __future__ import annotations

import os
import re
import select
import sys
import threading
import time
from codecs import getincrementaldecoder
from typing import IO, TYPE_CHECKING, Any, Final, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from aiex.tui.herald import GIVE_BACK_TITLE, KEEP_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

    from aiex.tui.app import AiexApp

TICK_S: Final = 0.1
"""How often one looks whether a key that begins like others, such as Escape, was the whole key."""
READ_BYTES: Final = 65536
BETWEEN_S: Final = 0.05
"""Two pieces of what is pasted come so near to each other."""
_INNER_LINE_END: Final = re.compile(r"[\r\n][^\x00-\x1f\x7f]")


class ScreenDriver(LinuxDriver):
    """Textual's own, except for a terminal that goes away, and for a thread that woke ten times a second."""

    def __init__(self, app: App[Any], **how: Any) -> None:
        super().__init__(app, **how)
        self._aiex = cast("AiexApp", app)
        self._is_up = False
        if (stdout := sys.__stdout__) is not None and stdout.isatty():  # standard error may be a file
            self._file = stdout
        self._file = cast("Any", _Careful(cast("IO[str]", self._file), self._aiex.lose_terminal))
        self._poked, self._poke = os.pipe()
        self.exit_event = _Waking(self._poke)

    def start_application_mode(self) -> None:
        """Begin, or go on after Ctrl-Z; what is put back is how it was before the program."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write(KEEP_TITLE)
        self._is_up = True
        if self._aiex.before.attributes is not None:
            self.attrs_before = self._aiex.before.attributes

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        if self._is_up:
            self.write(GIVE_BACK_TITLE)
        self._is_up = False
        super().stop_application_mode()

    @property
    def is_lent(self) -> bool:
        """Whether another program has the terminal."""
        return not self._is_up and not self._auto_restart

    def _sigcont_application(self, *_: object) -> None:
        """Go on; a process that was not suspended is told so too, by `kill -CONT` and with a hang-up."""
        if self._is_up:
            self._aiex.draw_anew()
        else:
            super()._sigcont_application()

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._aiex.lose_terminal()
        except BaseException as error:  # noqa: BLE001  (the outermost door of this thread)
            self._aiex.fail(error)

    def run_input_thread(self) -> None:
        """Pass on what is typed until the screen ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        pasting = Pasting()
        self._aiex.hears.wait()
        try:
            while not self.exit_event.is_set():
                timeout_s = TICK_S if parser._timeout_time is not None else None
                ready = select.select([self.fileno, self._poked], [], [], timeout_s)[0]
                if self.fileno in ready:
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:
                        self._aiex.lose_terminal()
                        break
                    text = decode(data)
                    if pasting.takes(text):
                        self.process_message(events.Paste(text))
                        continue
                    for event in parser.feed(text):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
            os.read(self._poked, 1)
        finally:
            for _ in parser.feed(""):
                pass


class Pasting:
    """Tells what is pasted from what is typed, for terminals that do not mark it: each line of it would be sent.

    Nobody types a line end and more in one moment; what follows within `BETWEEN_S` belongs to it. What holds a control
    sequence is read as it says.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until_s = float("-inf")

    def takes(self, text: str) -> bool:
        """Whether what was read at once is pasted."""
        now = self._clock()
        is_pasted = "\x1b" not in text and (_INNER_LINE_END.search(text) is not None or now < self._until_s)
        self._until_s = now + BETWEEN_S if is_pasted and len(text) > 1 else float("-inf")
        return is_pasted


class _Waking(threading.Event):
    """Wakes whoever waits for a pipe."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def set(self) -> None:
        super().set()
        os.write(self._pipe, b"x")


class _Careful:
    """A terminal that is written to; when it is gone, that is told once, and nothing is written any more."""

    def __init__(self, file: IO[str], lose: Callable[[], None]) -> None:
        self._file: IO[str] | None = file
        self._lose = lose
        self._descriptor = file.fileno()

    def write(self, text: str) -> None:
        """Write text, where there is still somebody to read it."""
        self._try(lambda file: file.write(text))

    def flush(self) -> None:
        """Bring it to the terminal."""
        self._try(lambda file: file.flush())

    def isatty(self) -> bool:
        """It is a terminal."""
        return True

    def fileno(self) -> int:
        """Its descriptor."""
        return self._descriptor

    def _try(self, use: Callable[[IO[str]], object]) -> None:
        if self._file is None:
            return
        try:
            use(self._file)
        except (OSError, ValueError):
            self._file = None
            self._lose()
