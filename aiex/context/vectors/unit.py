"""Vectors of length 1 in single precision, their cosine, and their signs as a sketch that is quick to compare."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from operator import mul

Vector = array
"""Of single precision, 4 bytes a number."""

Dot = Callable[[Sequence[float], Sequence[float]], float]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return float(sum(map(mul, left, right)))


dot: Dot = getattr(math, "sumprod", _dot)  # Python 3.12
"""The cosine of two vectors of length 1. Cost: 50 to 100 ns a number."""


def to_unit(numbers: Iterable[float]) -> Vector[float]:
    """The vector of length 1 in the same direction; zeros stay zeros, like nothing.

    Raises:
        ValueError: if there is no number, or one that is not finite.
    """
    given = array("d", numbers)
    largest = max(map(abs, given), default=math.nan)
    length = math.hypot(*(number / largest for number in given)) * largest if largest else 1.0
    if not math.isfinite(length):
        raise ValueError("a vector needs numbers, all of them finite")
    return array("f", [number / length for number in given])


def to_sketch(vector: Iterable[float]) -> int:
    """One bit for each number, set where it is above 0.

    The share of bits in which two sketches differ tells the angle between vectors, the better the more numbers they
    have. Source: random hyperplanes, Charikar 2002, with the axes for planes.
    """
    return int("".join(["1" if number > 0 else "0" for number in vector]) or "0", 2)
