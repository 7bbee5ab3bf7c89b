"""Things in portions that are bounded by their number and by their size."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_portions(things: Iterable[T], to_bytes: Callable[[T], int], *, most: int, most_bytes: int) -> Iterator[list[T]]:
    """Portions in order, none empty; what alone is larger than the bound is a portion of its own.

    Args:
        to_bytes: The size of one.
        most: How many one portion holds.
        most_bytes: How large they are together.
    """
    portion: list[T] = []
    size = 0
    for one in things:
        own = to_bytes(one)
        if portion and (len(portion) == most or size + own > most_bytes):
            yield portion
            portion, size = [], 0
        portion.append(one)
        size += own
    if portion:
        yield portion
