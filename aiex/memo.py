"""What was made of values that never change, so that a growing conversation is not worked through anew each time."""

from collections.abc import Callable
from operator import is_
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")
MOST_KEPT: Final = 8_192
"""Some thousand messages with their parts; what is made of one is small, or shared with it."""


class Memo(Generic[V]):
    """Values by the objects that they were made of: the very same ones, not equal ones, so nothing is ever compared.

    An object is held as long as its value, so no other can take its place. When it is full all is forgotten.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[int, tuple[object, tuple[Any, ...], V]] = {}

    def get(self, key: object, beside: tuple[Any, ...], make: Callable[[], V]) -> V:
        """What was made of an object, with these others beside it; made now if it was not, or with others."""
        found = self._kept.get(id(key))
        if found is not None and found[0] is key:
            known = found[1]
            if known is beside or (len(known) == len(beside) and all(map(is_, known, beside))):
                return found[2]
        if len(self._kept) >= self._most:
            self._kept = {}
        made = make()
        self._kept[id(key)] = (key, beside, made)
        return made
