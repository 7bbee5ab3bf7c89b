"""One reason why a file may matter: a list of files, best first, that knows nothing of the other lists."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from aiex.context.ranking.corpus import Corpus, History
from aiex.context.ranking.matching import Match, Sizes, match
from aiex.context.ranking.pathwords import PathWords
from aiex.context.ranking.request import Request
from aiex.record import record


class Found(NamedTuple):
    """A file that a signal points to."""

    file: int
    score: float
    """Comparable within one list only."""
    why: str
    """For a person, such as `defines Basket.add`; empty when it says nothing beyond the signal's name."""


@record
class Hints:
    """What the caller knows beside the text. Paths that the corpus lacks are passed over."""

    open_files: tuple[str, ...] = ()
    """What the person has in front of them."""
    targets: tuple[str, ...] = ()
    """What the person named as the matter."""
    edited: tuple[str, ...] = ()
    """What was changed last, the newest first."""
    history: History | None = None
    nearest: tuple[tuple[int, float], ...] = ()
    """Documents whose vectors are close to the request's, best first."""


class Evidence:
    """What the signals look at for one request."""

    def __init__(self, request: Request, corpus: Corpus, paths: PathWords, hints: Hints, sizes: Sizes) -> None:
        self.request = request
        self.corpus = corpus
        self.paths = paths
        self.hints = hints
        self._sizes = sizes
        self.leading: list[int] = []
        """Files as the first signals rank them, best first; empty for those signals."""

    @cached_property
    def match(self) -> Match:
        """How well documents and files match the terms of the request."""
        return match(self.corpus, self.request.terms, self._sizes)

    @cached_property
    def named(self) -> Mapping[str, Sequence[int]]:
        """Documents that define each of the names in the request."""
        corpus = self.corpus
        corpus.fetch_definitions([name.text for name in self.request.names])
        return {name.text: found for name in self.request.names if (found := corpus.definitions(name.text))}

    def is_low(self, file: int) -> bool:
        """Whether a file is a test or the like."""
        return self.paths.is_low(file)

    def from_paths(self, scored: Sequence[tuple[str, float]], why: str) -> list[Found]:
        """Those of some paths that the corpus knows."""
        numbers = self.corpus.numbers
        return [Found(numbers[path], score, why) for path, score in scored if path in numbers]


@record
class Signal:
    """A list and what it counts when the lists are put together."""

    find: Callable[[Evidence], list[Found]]
    """The files, best first, each once."""
    weight: float
    late: bool = False
    """Starts from the files that the others rank first."""
