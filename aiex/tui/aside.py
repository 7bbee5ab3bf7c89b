"""A thread beside the screen for its own small needs: names of files, words of commands, what was typed before.

The screen never waits for it, and it never waits for the work.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Aside:
    """Does one thing after another, and of those of one kind that wait only the newest. Begins with the first.

    Args:
        tell: Gets what went wrong without being meant to; the next thing is done all the same.
    """

    def __init__(self, tell: Callable[[Exception], object]) -> None:
        self._tell = tell
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._wakes = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def do(self, work: Callable[[], object], kind: str = "") -> None:
        """Do something soon; it replaces what waits of the same `kind`, unless that is empty."""
        with self._wakes:
            if self._is_closed:
                return
            if kind:
                self._waiting = deque(waiting for waiting in self._waiting if waiting[0] != kind)
            self._waiting.append((kind, work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aiex-aside", daemon=True)
                self._thread.start()
            self._wakes.notify()

    def close(self, timeout_s: float = 2.0) -> None:
        """Do what waits, and wait for its end; what is questioned by its kind is not answered any more."""
        with self._wakes:
            self._is_closed = True
            self._waiting = deque(waiting for waiting in self._waiting if not waiting[0])
            self._wakes.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._wakes:
                while not self._waiting:
                    if self._is_closed:
                        return
                    self._wakes.wait()
                _, work = self._waiting.popleft()
            try:
                work()
            except Exception as error:  # noqa: BLE001  (the outermost door of this thread)
                self._tell(error)
