"""A store on disk that never stands in the way: one that is damaged is begun anew, one that fails costs speed only.

Everything in such a store can be had again. Where none can be written it lives in memory, and begins with what the file
holds. Each trouble is said once.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from aiex import sqlite
from aiex.errors import StoreError
from aiex.events import Warned

if TYPE_CHECKING:
    import sqlite3

MEMORY = ":memory:"
_BROKEN_SCHEMA = {1, 18, 20, 25}
"""ERROR, TOOBIG, MISMATCH, RANGE (sqlite.org/rescode.html): from our own fixed queries they mean other tables or rows
than we made."""
_READ_ONLY = 8


class Closable(Protocol):
    """What a shelf holds."""

    path: str
    connection: "sqlite3.Connection"

    def close(self) -> None:
        """Let go of the file."""


Store = TypeVar("Store", bound=Closable)
T = TypeVar("T")


class Shelf(Generic[Store]):
    """Opens a store when it is first asked. Safe for threads as far as the store is."""

    def __init__(
        self,
        make: Callable[[str], Store],
        path: str,
        warnings: list[Warned],
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        """A shelf for the store that `make` opens at `path`; `forget` is called when it was begun anew."""
        self.make = make
        self.path = path
        self.warnings = warnings
        self.forget = forget
        self._store: Store | None = None
        self._seen = (0, 0)
        self._lock = RLock()

    @property
    def is_open(self) -> bool:
        """Whether anybody asked yet."""
        return self._store is not None

    @property
    def store(self) -> Store:
        """The store, opened now if it was not; in memory when there is no place for it."""
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._store = self._open()
        return self._store

    def ask(self, ask: Callable[[Store], T], otherwise: T) -> T:
        """What the store answers, or the other value when it fails."""
        try:
            return ask(self.store)
        except StoreError as error:
            if not is_damage(error, self.path):
                self.say(error)
                return otherwise
            self.begin_anew(error)
        try:
            return ask(self.store)
        except StoreError as error:
            self.say(error)
            return otherwise

    def tell(self, act: Callable[[Store], None]) -> bool:
        """Have the store do something; whether that worked."""

        def ask(store: Store) -> bool:
            act(store)
            return True

        return self.ask(ask, otherwise=False)

    def begin_anew(self, error: StoreError) -> None:
        """Set the file aside, unless another process did so already, and open what stands in its place."""
        with self._lock:
            if self._store is not None:
                with suppress(StoreError):
                    self._store.close()
            self._store = self._replace(error)
        self.forget()

    def say(self, error: StoreError) -> None:
        """Say once that the store does not work."""
        self._warn(Warned(f"the cache does not work: {error.message}", error.hint))

    def close(self) -> None:
        """Close the store if it is open."""
        if self._store is not None:
            with suppress(StoreError):
                self._store.close()

    def _open(self) -> Store:
        self._seen = sqlite.identify(self.path)
        try:
            store = self.make(self.path)
        except StoreError as error:
            if is_damage(error, self.path):
                return self._replace(error)
            return self._copied(error) or self._in_memory(error)
        self._seen = sqlite.identify(self.path)
        return store

    def _copied(self, error: StoreError) -> Store | None:
        """A copy in memory of a file that can be read, only not written; None when it cannot be made."""
        if isinstance(error, sqlite.LockedStore):
            return None
        store = self.make(MEMORY)
        if not sqlite.copy_unwritable(self.path, store.connection):
            store.close()
            return None
        folder, cause = os.path.dirname(self.path), error.__cause__
        reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
        said = f"cannot write to {folder or '.'}: {reason}; what it holds is used, and nothing new is kept"
        self._warn(Warned(said, error.hint))  # the same for all stores that lie there
        return store

    def _replace(self, error: StoreError) -> Store:
        try:
            if sqlite.identify(self.path) in ((0, 0), self._seen):
                aside = sqlite.set_aside(self.path)
                sqlite.forget_asides(self.path)
                said = f"set aside as {aside} and begun anew"
            else:
                said = "begun anew already, by another process or the upkeep"
            store = self.make(self.path)
        except StoreError as again:
            return self._in_memory(again)
        self._seen = sqlite.identify(self.path)
        self._warn(Warned(f"{error.message}; {said}"))
        return store

    def _in_memory(self, error: StoreError) -> Store:
        self._warn(Warned(f"{error.message}; going on without a cache", error.hint))
        return self.make(MEMORY)

    def _warn(self, warning: Warned) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def is_damage(error: StoreError, path: str) -> bool:
    """Whether the file itself is at fault, or not ours to read, so that a new one helps."""
    if isinstance(error, sqlite.DamagedStore | sqlite.NewerStore):
        return True
    code = getattr(error.__cause__, "sqlite_errorcode", None) or 0
    if code == _READ_ONLY:  # a file that we may write, but SQLite may not, says of itself that it needs a newer SQLite
        return os.access(path, os.W_OK) and os.access(os.path.dirname(path) or ".", os.W_OK)
    return type(error) is StoreError and code & 0xFF in _BROKEN_SCHEMA
