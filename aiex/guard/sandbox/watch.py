"""Word from the operating system that something changed below a root, when `watchfiles` is installed."""

from __future__ import annotations

import os
from threading import Event
from typing import TYPE_CHECKING, Any

from aiex.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET_MS = 50
"""Changes are told once nothing came for so long,"""
LONGEST_MS = 1_600
"""or after so long when they do not end."""
SILENCE_MS = 1_000
"""So often it is seen that there was no word,"""
LOOK_EVERY = 60
"""and so often somebody should look nevertheless: network drives and full queues tell nothing."""


class SystemWatch:
    """Waits for changes below a root. Nothing is opened or read; names come as the system tells them."""

    def __init__(self, root: str) -> None:
        """Raises `ImportError` when `watchfiles` is not installed."""
        from importlib import import_module

        self.root = os.path.realpath(root)
        self._stopped = Event()
        self._module: Any = import_module("watchfiles")
        self._silences = 0
        self._batches: Iterator[set[tuple[Any, str]]] | None = None

    def wait(self) -> frozenset[str] | None:
        """Block until something changed, or for a minute; the first time for a second only.

        What changes after the first return is told; what changed before, while watching began, need not be.

        Returns:
            Paths relative to the root with `/` between components, of files and folders, ignored ones too; none when
            nothing was told; None once stopped.

        Raises:
            StoreError: when the system does not let us watch, as when its watches are used up.
        """
        while not self._stopped.is_set():
            try:
                batch = next(self._started(), None)
            except (OSError, RuntimeError) as error:
                raise StoreError(f"cannot watch {self.root}: {error}") from error
            if batch is None:
                break
            if batch:
                return frozenset(os.path.relpath(path, self.root).replace(os.sep, "/") for _, path in batch)
            self._silences += 1
            if self._silences % LOOK_EVERY == 1:
                return frozenset()
        return None

    def stop(self) -> None:
        """Let `wait` return within `QUIET_MS`, from any thread."""
        self._stopped.set()

    def _started(self) -> Iterator[set[tuple[Any, str]]]:
        if self._batches is None:
            self._batches = self._module.watch(
                self.root,
                watch_filter=None,
                debounce=LONGEST_MS,
                step=QUIET_MS,
                stop_event=self._stopped,
                rust_timeout=SILENCE_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
        return self._batches
