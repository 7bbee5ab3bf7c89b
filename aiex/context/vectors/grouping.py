"""Pieces that say much the same, as groups, so that one of them can stand for the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from aiex.context.vectors.unit import Vector, dot, to_sketch
from aiex.errors import UsageError

ALIKE = 0.9
"""Cosine from which two pieces of code say much the same."""
COPIED = 0.97
"""Cosine from which one says hardly anything that the other does not, as of copies with other names. Chosen with care
and without measuring: what is taken for a copy is packed last."""
MOST_GROUPED = 2_000
"""Without any two alike they are compared in about a second."""
_SLACK = 0.15
"""Sketches may differ in so much more of their bits than the angle makes them expect."""
_SKETCHED_FROM = 64
"""Numbers from which signs say something about the angle."""


class Group(NamedTuple):
    """Pieces that are alike."""

    leader: str
    """The first of them, to which all others are alike."""
    others: tuple[str, ...]
    """In the order they were given."""


def group_similar(vectors: Mapping[str, Vector[float]], *, alike: float = ALIKE) -> list[Group]:
    """Put each piece to the leader it is most alike, or make it one; deterministic for the same order.

    Args:
        vectors: Of length 1, by the name of the piece; what comes first leads, so give the best first.
        alike: The cosine that makes two pieces alike, above 0 and at most 1.

    Returns:
        Groups in the order of their leaders; every piece is in one.

    Raises:
        UsageError: for more than `MOST_GROUPED` pieces, or a bound out of range.

    Cost: a comparison of sketches for each piece and leader, and one of numbers where these are near. Pairs whose
    signs differ although they are alike are missed, which vectors of embeddings do not have.
    """
    if not 0 < alike <= 1:
        raise UsageError(f"pieces are alike from a cosine above 0 and at most 1, not {alike}")
    if len(vectors) > MOST_GROUPED:
        raise UsageError(f"{len(vectors):,} pieces cannot be grouped in time: {MOST_GROUPED:,} are the most")
    leaders: list[_Leader] = []
    for name, vector in vectors.items():
        sketch = to_sketch(vector)
        best = _most_alike(vector, sketch, leaders, alike)
        if best is None:
            leaders.append(_Leader(name, vector, sketch, []))
        else:
            best.others.append(name)
    return [Group(leader.name, tuple(leader.others)) for leader in leaders]


class _Leader(NamedTuple):
    name: str
    vector: Vector[float]
    sketch: int
    others: list[str]


def _most_alike(vector: Vector[float], sketch: int, leaders: list[_Leader], alike: float) -> _Leader | None:
    dimensions = len(vector)
    share = math.acos(alike) / math.pi + _SLACK if dimensions >= _SKETCHED_FROM else 1.0
    most = share * dimensions
    best, nearest = None, alike - 1e-6  # of single precision: a vector is alike to itself
    for leader in leaders:
        if (leader.sketch ^ sketch).bit_count() > most or len(leader.vector) != dimensions:
            continue
        cosine = dot(vector, leader.vector)
        if cosine > nearest:
            best, nearest = leader, cosine
    return best
