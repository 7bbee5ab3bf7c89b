"""Which of many texts are nearest to a question, by the cosine of their vectors, in bounded time.

Few vectors are compared number by number. Of more, the sketches are compared first, and the best of them by their
numbers, so that the rest is never read. With numpy (the extra `vector`) all are compared by their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aiex.context.vectors.unit import Vector, dot, to_sketch, to_unit

if TYPE_CHECKING:
    from aiex.context.stores.vectors import VectorStore

EXACT_NUMBERS = 300_000
"""So many numbers are compared in 25 ms, at 80 ns each on Python 3.11: 390 vectors of 768 numbers."""
MOST_SKETCHES = 50_000
"""So many sketches of 768 bits are compared in 20 ms on the same machine."""
MOST_NUMBERS = 50_000_000
"""Held in memory for numpy: 200 MB."""
_CANDIDATES = 16
"""For each answer so many sketches are looked at closely, and no fewer than for 20 answers."""

Way = Literal["numbers", "sketches", "numpy", ""]


class Nearest(NamedTuple):
    """What is near a question."""

    found: list[tuple[str, float]]
    """Digests and cosines above 0, the nearest first."""
    way: Way
    """How they were compared; empty when there was nothing to compare, or too much."""
    said: str = ""
    """Why nothing was compared, for a person."""


class VectorIndex:
    """The vectors of one model for given contents. What it read is kept: make a new one when contents change."""

    def __init__(self, store: VectorStore, model: str, digests: Iterable[str], *, use_numpy: bool = True) -> None:
        self.store = store
        self.model = model
        self.digests = sorted(set(digests))
        self._use_numpy = use_numpy

    def nearest(self, question: Sequence[float], count: int) -> Nearest:
        """The contents whose vectors are nearest to this one, at most `count`; others than of its length are left out.

        Cost: below 50 ms for 50,000 vectors of 768 numbers, once their sketches are read (5 µs each).

        Raises:
            ValueError: if the question is no vector of finite numbers.
            StoreError: if the store fails.
        """
        asked = to_unit(question)
        known = self._known.get(len(asked), {})
        total = len(known) * len(asked)
        if not known or count < 1:
            return Nearest([], "")
        if total <= EXACT_NUMBERS:
            return Nearest(self._compare(asked, list(known), count), "numbers")
        if self._numpy is not None and total <= MOST_NUMBERS:
            return Nearest(self._compare_at_once(asked, count), "numpy")
        if len(known) > MOST_SKETCHES:
            said = f"{len(known):,} vectors are more than the {MOST_SKETCHES:,} that can be compared in time"
            return Nearest([], "", said if self._numpy else f"{said} without numpy: pip install aiex[vector]")
        most = max(1, EXACT_NUMBERS // len(asked))
        close = find_closest(to_sketch(asked), known, min(most, _CANDIDATES * max(20, count)))
        return Nearest(self._compare(asked, close, count), "sketches")

    def _compare(self, asked: Vector[float], digests: Sequence[str], count: int) -> list[tuple[str, float]]:
        vectors = self.store.vectors(self.model, digests)
        return _best(((digest, dot(asked, vector)) for digest, vector in vectors.items()), count)

    def _compare_at_once(self, asked: Vector[float], count: int) -> list[tuple[str, float]]:
        digests, matrix = self._matrix(len(asked))
        cosines = matrix @ self._numpy.frombuffer(asked, dtype=self._numpy.float32)
        order = self._numpy.argsort(-cosines, kind="stable")[:count].tolist()
        return _best(((digests[row], float(cosines[row])) for row in order), count)

    def _matrix(self, dimensions: int) -> tuple[list[str], Any]:
        if dimensions not in self._matrices:
            vectors = self.store.vectors(self.model, list(self._known[dimensions]))
            digests = sorted(vectors)
            rows = b"".join(vectors[digest].tobytes() for digest in digests)
            matrix = self._numpy.frombuffer(rows, dtype=self._numpy.float32).reshape(len(digests), dimensions)
            self._matrices[dimensions] = digests, matrix
        return self._matrices[dimensions]

    @cached_property
    def _matrices(self) -> dict[int, tuple[list[str], Any]]:
        return {}

    @cached_property
    def _known(self) -> dict[int, dict[str, int]]:
        """Sketches by digest, for each length of vectors."""
        found: dict[int, dict[str, int]] = {}
        for digest, (dimensions, sketch) in sorted(self.store.sketches(self.model, self.digests).items()):
            found.setdefault(dimensions, {})[digest] = sketch
        return found

    @cached_property
    def _numpy(self) -> Any:
        """The library, or None."""
        from importlib import import_module

        try:
            return import_module("numpy") if self._use_numpy else None
        except ImportError:
            return None


def find_closest(asked: int, sketches: Mapping[str, int], count: int) -> list[str]:
    """Digests of those sketches that differ least from one, in no order; of equals the first ones."""
    differing = [(asked ^ sketch).bit_count() for sketch in sketches.values()]
    left, bound = count, -1
    for bits, many in sorted(Counter(differing).items()):
        bound = bits
        if many >= left:
            break
        left -= many
    else:
        return list(sketches)
    closest: list[str] = []
    for digest, bits in zip(sketches, differing, strict=True):
        if bits < bound:
            closest.append(digest)
        elif bits == bound and left:
            left -= 1
            closest.append(digest)
    return closest


def _best(scored: Iterable[tuple[str, float]], count: int) -> list[tuple[str, float]]:
    near = (item for item in scored if item[1] > 0)
    return sorted(near, key=lambda item: (-item[1], item[0]))[:count]
