"""The words in the paths of a corpus, and the paths that end in some way."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import log

from aiex.context.ranking.corpus import Corpus
from aiex.context.ranking.lowfiles import is_low
from aiex.context.search.words import speak_path, split_parts

MOST_FILES = 4_000
"""Looked at for one request, those with rare words in their paths first."""
USUAL_WORDS = 5
LENGTH_SHARE = 0.3


class PathWords:
    """Lookups over paths; made at the first question."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.paths = corpus.paths
        self._low: dict[int, bool] = {}
        self._sizes: dict[int, int] = {}

    @cached_property
    def _bases(self) -> dict[str, list[int]]:
        """Files by name, with and without its ending."""
        bases: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths):
            base = path.rpartition("/")[2]
            bases.setdefault(base, []).append(number)
            stem = base.partition(".")[0] if base.startswith(".") else base.rpartition(".")[0]
            if stem:
                bases.setdefault(stem, []).append(number)
        return bases

    def score(self, weights: Mapping[str, float]) -> dict[int, float]:
        """Files whose paths have some of the terms, with a score; rare terms and short paths count more."""
        total = len(self.paths)
        found: dict[int, float] = {}
        for term, numbers in self.corpus.in_paths(weights.keys(), MOST_FILES).items():
            worth = weights[term] * log(1 + (total - len(numbers) + 0.5) / (len(numbers) + 0.5))
            for number in numbers:
                found[number] = found.get(number, 0.0) + worth
        return {
            number: score / (1 + LENGTH_SHARE * self._size(number) / USUAL_WORDS) for number, score in found.items()
        }

    def _size(self, number: int) -> int:
        """How many words the path of a file has."""
        size = self._sizes.get(number)
        if size is None:
            size = self._sizes[number] = len(split_parts(speak_path(self.paths[number])))
        return size

    def is_low(self, number: int) -> bool:
        """Whether a file is a test or the like."""
        known = self._low.get(number)
        if known is None:
            known = self._low[number] = is_low(self.paths[number])
        return known

    def named(self, base: str) -> Sequence[int]:
        """Files with exactly this name, its ending given or not."""
        return self._bases.get(base, ())

    def meant_by(self, written: str) -> list[tuple[int, int]]:
        """Files that a path may mean as it was written somewhere, each with how many of its parts agree.

        `/home/me/src/shop/basket.py` means `shop/basket.py`, and so does `basket.py`.
        """
        parts = [part for part in written.split("/") if part not in (".", "..", "~", "")]
        if not parts:
            return []
        found: list[tuple[int, int]] = []
        for number in self._bases.get(parts[-1], ()):
            own = self.paths[number].split("/")
            if own[-1] != parts[-1]:
                own[-1] = own[-1].rpartition(".")[0]
            same = 0
            while same < min(len(own), len(parts)) and own[-1 - same] == parts[-1 - same]:
                same += 1
            if same == len(own) or same == len(parts):
                found.append((number, same))
        return found
