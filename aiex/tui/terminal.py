"""The terminal under the screen: how it was before, and how it is put back by whoever ends the process."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, Final

try:
    import termios
except ImportError:  # Windows, whose driver does this itself
    termios = None  # type: ignore[assignment]

_MODES: Final = "1000l 1003l 1015l 1006l 2004l 7h 2048l 1049l 25h 1004l"
PUT_BACK: Final = "\x1b]0;\x07\x1b[23;0t\x1b[<u" + "".join(f"\x1b[?{mode}" for mode in _MODES.split())
"""Ends what a screen begins: its title, keys of kitty, mouse, bracketed paste, no wrap, reports of size, the other
page, no cursor, reports of focus. Source: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html and
https://sw.kovidgoyal.net/kitty/keyboard-protocol/."""


class Before:
    """How the terminal was when the screen began to open."""

    def __init__(self) -> None:
        self.attributes: list[Any] | None = None
        """As of termios; None where there are none."""
        if termios is None or sys.__stdin__ is None:
            return
        with suppress(termios.error, OSError, ValueError):
            self.attributes = termios.tcgetattr(sys.__stdin__.fileno())

    def quieten(self) -> None:
        """Show nothing of what is typed before the first picture, and keep it for the prompt: Enter stays Enter."""
        if self.attributes is None or sys.__stdin__ is None:
            return
        changed = list(self.attributes)
        changed[0] &= ~termios.ICRNL
        changed[3] &= ~(termios.ECHO | termios.ICANON)
        with suppress(termios.error, OSError, ValueError):
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, changed)

    def put_back(self) -> None:
        """Make the terminal what it was; where it is gone, nothing."""
        if self.attributes is None or sys.__stdin__ is None:
            return
        # From the background, changing the terminal would stop this thread for ever.
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, self.attributes)
        except (termios.error, OSError, ValueError):
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def end_screen(self) -> None:
        """Put the terminal back for a screen that cannot do it itself; never waits for it."""
        with suppress(OSError, ValueError, AttributeError):
            descriptor = sys.__stdout__.fileno()  # type: ignore[union-attr]
            if os.isatty(descriptor):
                is_blocking = os.get_blocking(descriptor)
                os.set_blocking(descriptor, False)
                try:
                    os.write(descriptor, PUT_BACK.encode("ascii"))
                finally:
                    os.set_blocking(descriptor, is_blocking)
        self.put_back()
