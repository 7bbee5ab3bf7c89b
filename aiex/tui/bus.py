"""The one way from the work to the screen: whatever happens is put here by any thread, and taken by the screen.

What comes faster than pictures can be drawn is taken together, at most `PICTURES_A_SECOND` times a second, and where
nothing comes nothing runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, TypeVar

T = TypeVar("T")
PICTURES_A_SECOND: Final = 30


class Bus(Generic[T]):
    """A queue that wakes its reader once for everything that lies in it."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._lock = Lock()
        self._wake: Callable[[], object] | None = None
        self._is_woken = False

    def listen(self, wake: Callable[[], object]) -> None:
        """Call `wake`, from any thread, when something comes that nobody was woken for yet."""
        with self._lock:
            self._wake = wake
            self._is_woken = bool(self._items)
            if not self._is_woken:
                return
        wake()

    def post(self, item: T) -> None:
        """Put something in; from any thread, and never waiting for the reader."""
        with self._lock:
            self._items.append(item)
            if self._is_woken or self._wake is None:
                return
            self._is_woken, wake = True, self._wake
        wake()

    def take(self) -> list[T]:
        """Everything that came since the last time, in its order."""
        with self._lock:
            self._is_woken = False
            items = list(self._items)
            self._items.clear()
        return items
