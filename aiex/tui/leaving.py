"""Signals end the screen in order; where that does not come to its end, the process is ended without it."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.tui.terminal import Before

HEEDED: Final = ("SIGHUP", "SIGINT", "SIGTERM")
HURRY_S: Final = 3.0
"""A signal so long after the first ends the process at once; before that keys are only pressed often."""
WORK_S: Final = 10.0
"""The work behind the screen has so long to stop and to keep what was done."""
SCREEN_S: Final = 3.0
"""The screen has so much longer: it may wait for a terminal that nobody reads."""


class Leaver(Protocol):
    """What can be asked to come to its end, from any thread."""

    def leave(self, code: int) -> None:
        """Begin to end; the process gives this code then."""

    def heeds(self, number: int) -> bool:
        """Whether a signal is meant for it, and not for a program that has the terminal meanwhile."""

    def finish_work(self, timeout_s: float) -> bool:
        """Stop the work, keep what was done, and wait for that; whether it came to its end."""


class Leaving:
    """Looks after the way out, in a thread of its own.

    Args:
        before: How the terminal is to be left.
    """

    def __init__(self, before: Before) -> None:
        self._before = before
        self._leaver: Leaver | None = None
        self._inlet, self._outlet = os.pipe()
        self.signal = 0
        """The first that came; 0 for none."""

    def look_after(self, leaver: Leaver) -> None:
        """From here on it is asked to end when a signal comes."""
        self._leaver = leaver
        if self.signal:
            leaver.leave(128 + self.signal)

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Inside, signals end the screen. One that was ignored, as under nohup, stays so."""
        process = os.getpid()
        numbers = [getattr(signal, name) for name in HEEDED if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}

        def heed(number: int, _frame: object) -> None:
            if os.getpid() != process:  # a forked worker inherits this, and has nothing to wind up
                os._exit(128 + number)
            os.write(self._outlet, bytes([number]))

        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, heed)
        threading.Thread(target=self._watch, name="aiex-leaving", daemon=True).start()
        try:
            yield
        finally:
            os.write(self._outlet, b"\0")
            for number, handler in before.items():
                with suppress(TypeError):  # it was set by something that is not Python
                    signal.signal(number, handler)

    def _watch(self) -> None:
        number = os.read(self._inlet, 1)[0]
        while number and self._leaver is not None and not self._leaver.heeds(number):
            number = os.read(self._inlet, 1)[0]
        if not number:
            return
        self.signal, began_s = number, time.monotonic()
        leaver = self._leaver
        if leaver is None:  # nothing was begun yet
            self._end()
            return
        leaver.leave(128 + number)
        threading.Thread(target=self._finish, args=(leaver,), name="aiex-finishing", daemon=True).start()
        while number := os.read(self._inlet, 1)[0]:
            if time.monotonic() - began_s > HURRY_S:
                self._end()

    def _finish(self, leaver: Leaver) -> None:
        leaver.finish_work(WORK_S)
        time.sleep(SCREEN_S)  # whoever left meanwhile took this thread along
        self._end()

    def _end(self) -> None:
        """End the process as it is; nothing that was kept is lost by that."""
        self._before.end_screen()
        os._exit(128 + self.signal)
