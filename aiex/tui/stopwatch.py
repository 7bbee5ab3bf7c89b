"""How long work has been going on, without the time in which it waited for the person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Stopwatch:
    """Runs from `start` on, and stands while a question is open."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since_s = clock()
        self._stopped_s = 0.0
        self._questions: set[int] = set()

    @property
    def stands(self) -> bool:
        """Whether somebody waits for the person."""
        return bool(self._questions)

    @property
    def elapsed_s(self) -> float:
        """What it shows."""
        return (self._stopped_s if self._questions else self._clock()) - self._since_s

    def start(self) -> None:
        """Begin anew."""
        self._since_s = self._stopped_s = self._clock()

    def ask(self, number: int) -> None:
        """A question is open."""
        if not self._questions:
            self._stopped_s = self._clock()
        self._questions.add(number)

    def close(self, number: int) -> None:
        """A question is answered, or not asked any more."""
        if number in self._questions:
            self._questions.remove(number)
            if not self._questions:
                self._since_s += self._clock() - self._stopped_s
