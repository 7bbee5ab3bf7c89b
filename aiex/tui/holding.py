"""While another process holds the file of sessions, the work stands: what is said of that, and how it is ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from aiex.sqlite import LATE_S, LockedStore
from aiex.tui.told import Held

if TYPE_CHECKING:
    from collections.abc import Callable

AT_END_S: Final = 2.0
"""Where the person leaves."""
FRESH_S: Final = 0.5
"""Who waits tries more often than that."""


class Holding:
    """Told by the thread that waits, `sqlite.HEED`; looked at and ended from any other.

    Args:
        post: Is told once of each long wait.
    """

    def __init__(self, post: Callable[[Held], None]) -> None:
        self._post = post
        self._last_s = float("-inf")
        self._is_given_up = self._ends = False

    @property
    def words(self) -> str:
        """What is waited for; empty for nothing."""
        return "waiting for the file of sessions" if time.monotonic() - self._last_s < FRESH_S else ""

    def give_up(self) -> None:
        """Wait no longer, where something waits."""
        self._is_given_up = bool(self.words)

    def end(self) -> None:
        """Wait for nothing long any more."""
        self._ends = True

    def heed(self, waited_s: float) -> None:
        """It has been waited for so long. Raises LockedStore where nobody wants to wait longer."""
        if waited_s < LATE_S:
            return
        if not self.words:
            self._is_given_up = False
            self._last_s = time.monotonic()
            self._post(Held())
        self._last_s = time.monotonic()
        if self._is_given_up or (self._ends and waited_s > AT_END_S):
            self._is_given_up, self._last_s = False, float("-inf")
            raise LockedStore(
                "the session was not written: another process holds the file of sessions, and you stopped the wait",
                hint="end what holds it, or try again in a while",
            )
