"""Whether a screen can be drawn on this terminal, or the talk goes line by line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DUMB: Final = frozenset({"", "dumb", "unknown", "emacs"})
CAPABLE: Final = ("xterm", "screen", "tmux", "vt", "linux", "rxvt", "alacritty", "kitty", "foot", "wezterm", "ghostty")


def needs_lines(reader: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether nothing can be drawn on the terminal, or somebody listens to it.

    Args:
        reader: The setting screen.reader.
        environ: Its TERM names the terminal; one that is not known is taken to be able.
    """
    name = environ.get("TERM", "")
    if reader == "on" or name in DUMB:
        return sys.platform != "win32" or reader == "on"
    return not name.startswith(CAPABLE) and not _moves_cursor(name)


def _moves_cursor(name: str) -> bool:
    try:
        import curses

        curses.setupterm(name, sys.stdout.fileno())
        return curses.tigetstr("cup") is not None
    except (ImportError, OSError, ValueError):
        return True
    except Exception:  # noqa: BLE001  (curses.error, which has no other base: the terminal is not known)
        return True
