"""Opening a store whose content can be had again: a damaged or newer file is set aside, never an error."""

from collections.abc import Callable
from typing import TypeVar

from aiex import sqlite
from aiex.errors import StoreError

Store = TypeVar("Store")


def open_or_begin(make: Callable[[str], Store], path: str) -> tuple[Store, str]:
    """The store that `make` opens at a path, and what had to be said about it (empty when all was well).

    Where none can be written the store lives in memory.
    """
    try:
        return make(path), ""
    except (sqlite.DamagedStore, sqlite.NewerStore) as error:
        return begin_anew(make, path, error)
    except StoreError as error:
        return make(":memory:"), f"{error.message}; going on without a cache"


def begin_anew(make: Callable[[str], Store], path: str, error: StoreError) -> tuple[Store, str]:
    """An empty store in place of one that failed with this error and is closed; and what to say about it."""
    try:
        aside = sqlite.set_aside(path)
        return make(path), f"{error.message}; set aside as {aside} and begun anew"
    except StoreError as again:
        return make(":memory:"), f"{again.message}; going on without a cache"
