"""The words in the paths of a corpus, and the paths that end in some way."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from math import log

from aiex.context.ranking.lowfiles import is_low
from aiex.context.search.words import spell_once, split_words

_USUAL_TERMS = 6
_LENGTH_SHARE = 0.3


class PathWords:
    """Lookups over paths; made at the first question. Cost: about 2 µs a path, once."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self._low: dict[int, bool] = {}
        self._sizes: dict[int, int] = {}

    @cached_property
    def _folders(self) -> dict[str, list[int]]:
        """Files directly in each folder."""
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths):
            found.setdefault(path.rpartition("/")[0], []).append(number)
        return found

    @cached_property
    def _in_folders(self) -> dict[str, list[str]]:
        """Folders whose path has a term."""
        found: dict[str, list[str]] = {}
        for folder in self._folders:
            for term in _terms_of(folder):
                found.setdefault(term, []).append(folder)
        return found

    @cached_property
    def _in_names(self) -> dict[str, list[int]]:
        """Files whose own name has a term."""
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths):
            for term in _terms_of(_spoken_name(path)):
                found.setdefault(term, []).append(number)
        return found

    def _having(self, term: str) -> Collection[int]:
        """Files whose path has a term."""
        named = self._in_names.get(term, [])
        folders = self._in_folders.get(term)
        if not folders:
            return named
        return set(named).union(*map(self._folders.__getitem__, folders))

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
        for term, weight in weights.items():
            numbers = self._having(term)
            worth = weight * log(1 + (total - len(numbers) + 0.5) / (len(numbers) + 0.5))
            for number in numbers:
                found[number] = found.get(number, 0.0) + worth
        return {
            number: score / (1 + _LENGTH_SHARE * self._size(number) / _USUAL_TERMS) for number, score in found.items()
        }

    def _size(self, number: int) -> int:
        """How many terms the path of a file has."""
        size = self._sizes.get(number)
        if size is None:
            folder = self.paths[number].rpartition("/")[0]
            size = self._sizes[number] = len(_terms_of(folder).union(_terms_of(_spoken_name(self.paths[number]))))
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


def _spoken_name(path: str) -> str:
    """The name of a file without its ending."""
    base = path.rpartition("/")[2]
    return base.rpartition(".")[0] or base


@lru_cache(100_000)
def _terms_of(text: str) -> frozenset[str]:
    return frozenset(chain.from_iterable(map(spell_once, split_words(text.encode("utf-8", "surrogateescape")))))
