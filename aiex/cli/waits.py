"""Tells a person at the command line that another process holds a database: otherwise nothing would seem to happen."""

import sys
from typing import Final

from aiex.cli.driver import wanted_stop
from aiex.cli.streams import say
from aiex.runs.outcomes import Terminated
from aiex.sqlite import HEED, LATE_S, LockedStore

AT_END_S: Final = 2.0
"""So long an outcome waits to be written when the person has pressed Ctrl-C."""


class Waits:
    """Says so once for each wait, and lets Ctrl-C end it; after that nothing waits long."""

    def __init__(self) -> None:
        self._told_s = float("inf")

    def heed(self, waited_s: float) -> None:
        """It has been waited for so long. Raises what a signal asked for, then LockedStore."""
        if (cause := wanted_stop()) is not None:
            raise cause
        if waited_s > AT_END_S and _is_winding_up():
            raise LockedStore(
                "what happened last was not written: another process holds the file of sessions",
                hint="end what holds it",
            )
        if waited_s < self._told_s and waited_s > LATE_S:
            say("waiting for the file of sessions, which another process holds; Ctrl-C ends that")
        self._told_s = waited_s if waited_s > LATE_S else float("inf")


def _is_winding_up() -> bool:
    """Whether what waits is done because a signal ended what was done before."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, KeyboardInterrupt | Terminated):
            return True
        error = error.__context__
    return False


def tell_waits() -> None:
    """From here on, in this thread and what it calls."""
    HEED.set(Waits().heed)
