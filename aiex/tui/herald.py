"""Tells a person who looks elsewhere how it stands: in the title of the terminal, by its bell, by a notification."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal

from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual import events

State = Literal["rests", "works", "asks"]
KEEP_TITLE: Final = "\x1b[22;0t"
GIVE_BACK_TITLE: Final = "\x1b]0;\x07\x1b[23;0t"
"""Empties the title, for terminals that keep none, then fetches the kept one. Source: XTWINOPS and OSC 0 of
https://invisible-island.net/xterm/ctlseqs/ctlseqs.html."""
BELL: Final = "\x07"
_SIGNS: Final[Mapping[State, str]] = {"rests": "", "works": "● ", "asks": "? "}
_LONGEST: Final = 80
_UNTITLED: Final = frozenset({"", "dumb", "linux", "cons25", "vt100", "vt220"})
"""Terminals without a title, some of which would show it as text."""
_OSC_9: Final = frozenset({"iTerm.app", "WezTerm", "ghostty"})
"""By TERM_PROGRAM. Source: the pages of these terminals on escape sequences, read 2026-09."""


class Herald:
    """Writes to the terminal beside the pictures.

    Args:
        write: Brings a control sequence to the terminal, between two pictures.
        environ: What says which terminal it is.
    """

    def __init__(self, write: Callable[[str], object], environ: Mapping[str, str] = os.environ) -> None:
        self._write = write
        self._environ = environ
        self._title = ""
        self.is_looked_at: bool | None = None
        """Whether the terminal has the focus; None as long as it does not tell."""

    def show(self, state: State, folder: str, what: str = "") -> None:
        """Put into the title how it stands."""
        if self._environ.get("TERM", "") in _UNTITLED:
            return
        words = f"{_SIGNS[state]}aiex {_clean(os.path.basename(folder))}" + (f": {_clean(what)}" if what else "")
        title = words[:_LONGEST]
        if title != self._title:
            self._title = title
            self._write(f"\x1b]0;{title}\x07")

    def note_focus(self, event: events.AppFocus | events.AppBlur) -> None:
        """The terminal told that it is looked at, or no longer."""
        from textual.events import AppFocus

        self.is_looked_at = isinstance(event, AppFocus)

    def call(self, text: str) -> bool:
        """Call a person who does not look; whether that was done."""
        if self.is_looked_at:
            return False
        self._write(notification(_clean(text)[:_LONGEST], self._environ) + BELL)
        return True


def notification(text: str, environ: Mapping[str, str]) -> str:
    """What makes this terminal tell the desktop; empty where that is not known, as inside tmux and screen."""
    if environ.get("TMUX") or environ.get("STY"):
        return ""
    term = environ.get("TERM", "")
    text = text.replace(";", ",")
    if environ.get("KITTY_WINDOW_ID") or term == "xterm-kitty":
        return f"\x1b]99;;{text}\x1b\\"
    if environ.get("TERM_PROGRAM", "") in _OSC_9 or term == "xterm-ghostty":
        return f"\x1b]9;{text}\x07"
    if term.startswith(("foot", "rxvt")) or environ.get("VTE_VERSION"):
        return f"\x1b]777;notify;aiex;{text}\x07"
    return ""


def _clean(text: str) -> str:
    return " ".join(printable_path(" ".join(text.split())).split())
