"""Finds the code of a workspace that a request needs: an index that is up to date, a ranking over it, and what git
remembers.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from aiex.context.search.corpus import Corpus
from aiex.context.search.index import ATTEMPTS, Index, Progress
from aiex.context.shelf import Shelf
from aiex.context.stores.history import HistoryStore

if TYPE_CHECKING:
    from aiex.context.history.model import History
    from aiex.context.meaning import Meaning
    from aiex.context.ranking.corpus import Corpus as Numbered
    from aiex.context.ranking.rank import Ranker, Result
    from aiex.context.ranking.signal import Hints
    from aiex.context.repomap import MapFile
    from aiex.context.search.quick import QuickIndex

LINE_CHARACTERS_PER_TOKEN = 4.0
"""Bytes of source for a token of the common vocabularies: 3.65 to 4.5 over the languages measured."""
QUICK_FROM_BYTES = 4_000_000
"""Less is parsed in about a second."""
FIRST_FILES = 40
"""Of an answer from a first map that are read in full; nearly all that the full index puts first are among them."""
FILE_TOKENS = 10
"""What naming a file takes."""
SPAN_TOKENS = 3
"""What naming a span takes."""


COMPARED = 150
"""Of the results, for copies among them: about as many as a large budget holds."""
COPIED_LINES = 5
"""What is shorter is often alike and seldom a copy."""
Place = tuple[str, int, int]
"""Path, first and last line of a result."""


def place_of(result: "Result") -> Place:
    """Where a result stands."""
    return result.path, result.start_line, result.end_line


class Retrieval:
    """Answers requests about one workspace. Not safe for threads."""

    def __init__(
        self,
        index: Index,
        history_path: str | None = None,
        *,
        vectors_path: str | None = None,
        meaning: "Meaning | None" = None,
    ) -> None:
        """Args:
        history_path: SQLite file that keeps what git told; with None nothing is kept.
        vectors_path: SQLite file of the vectors, used or not.
        meaning: Compares documents with the request by their vectors; nothing does when None.
        """
        self.index = index
        self.history_shelf = Shelf(HistoryStore, history_path, index.warnings) if history_path is not None else None
        self.vectors_path = vectors_path
        self.meaning = meaning
        self.partial = False
        """Whether much of the index is missing, so that a first map answers for the rest."""
        self._ranked_changes: tuple[bool, int, int] | None = None

    def refresh(self, *, most_bytes: int | None = None) -> Generator[Progress, None, None]:
        """Bring the index up to date, and what is known of git when something changed.

        Args:
            most_bytes: When more source is to be read, only a first map of it is made, in a fraction of the time.
        """
        changed = False
        for progress in self.index.refresh(most_bytes=most_bytes):
            changed = True
            yield progress
        self.partial = self.index.left_bytes > 0
        if self.partial:
            changed = False
            for progress in self.quick.refresh():
                changed = True
                yield progress
        elif changed:
            self.quick.drop()
        if changed:
            self.read_history()

    def prepare(self) -> Generator[Progress, None, None]:
        """The same, with a first map where a person would wait for the index."""
        return self.refresh(most_bytes=QUICK_FROM_BYTES)

    def find(self, text: str, *, full: bool = False) -> "Generator[Progress, None, list[Result]]":
        """Spans of code, best first, once the index is up to date; on the way it tells what is read.

        A store may turn out damaged while it is searched: what it lost is then read again.

        Args:
            full: Wait for the full index, however long that takes.
        """
        results: list[Result] = []
        for _ in range(ATTEMPTS):
            yield from self.refresh() if full else self.prepare()
            losses = self.losses
            results = self.rank(text)
            if self.losses == losses:
                break
        return results

    @cached_property
    def quick(self) -> "QuickIndex":
        """The first map; it holds nothing where the index is up to date."""
        from aiex.context.search.quick import QuickIndex

        return QuickIndex(self.index)

    def count_mapped(self) -> int:
        """How many files a first map holds."""
        return sum(len(head.files) for head in self.quick.heads()) if self.quick.exists else 0

    @property
    def losses(self) -> int:
        """How often a store turned out damaged and was begun anew."""
        return self.index.losses + (self.quick.losses if self.partial else 0)

    def read_history(self) -> "History":
        """Ask git what it remembers now, and keep that: a later process need not ask."""
        from aiex.context.history.reading import read_history

        self.history = read_history(self.index.workspace, self.history_shelf)
        return self.history

    @cached_property
    def ranker(self) -> "Ranker":
        """The ranking over the index as it is now."""
        from aiex.context.ranking.rank import Ranker

        if not self.partial:
            return Ranker(Corpus(self.index))
        from aiex.context.search.quick import Both

        return Ranker(Corpus(self.index, Both(self.index, self.quick)))

    @cached_property
    def history(self) -> "History":
        """What git remembers; empty, with the reason, where there is nothing. Git is asked only about new commits."""
        return self.read_history()

    def rank(self, text: str, *, hints: "Hints | None" = None, without: Collection[str] = ()) -> "list[Result]":
        """Spans of code, best first.

        Over a first map, the files that come first are read into the index, and all is ranked again.

        Args:
            without: Names of signals to leave out.
        """
        from aiex.context.ranking.signal import Hints

        hints = replace(hints or Hints(), history=self.history)
        results = self._rank(text, hints, without)
        if self.partial:
            first = dict.fromkeys(result.path for result in results)
            self.index.take_in(list(first)[:FIRST_FILES])
            results = self._rank(text, hints, without)
        return results

    def _rank(self, text: str, hints: "Hints", without: Collection[str]) -> "list[Result]":
        from aiex.context.ranking.request import read_request

        with self._settled():
            if self.meaning is not None and not self.partial:
                hints = replace(hints, nearest=self.meaning.nearest(self.index, self.ranker.corpus, text))
            return self.ranker.rank(read_request(text), hints=hints, without=without)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Inside, everything is read from one state of the index."""
        with self.index.snapshot(), self.quick.snapshot() if self.partial else nullcontext():
            changes = (self.partial, self.index.changes, self.quick.changes if self.partial else 0)
            if self._ranked_changes != changes:
                self.__dict__.pop("ranker", None)
                self._ranked_changes = changes
            yield

    def name_files(
        self, results: "Sequence[Result] | None" = None, copies: "Mapping[Place, Result] | None" = None
    ) -> "list[MapFile]":
        """Files with the definitions that the index knows, for a map; as it is now, so bring it up to date first.

        Args:
            results: The files of a ranking, what comes first above the rest; all files when None.
            copies: What `find_copies` found among them; the map says of what they are.
        """
        from aiex.context.repomap import name_all, name_ranked

        with self._settled():
            if results is not None:
                places = {(path, line): f"{of.path}:{of.start_line}" for (path, line, _), of in (copies or {}).items()}
                return name_ranked(self.ranker.corpus, results, places)
            lives = self.index.segments()
            imports = (text for live in lives for at, text in enumerate(live.head.imports) if at not in live.dead)
            return name_all(self.ranker.corpus, imports)

    def find_copies(self, results: "Sequence[Result]") -> "dict[Place, Result]":
        """Of the first results those that hardly differ from a better one, by their places, each with that one.

        What they mean is compared, so without vectors none is found; short ones and parts of one definition are none.

        Cost: about 10 µs a file and 0.2 ms a result.
        """
        if self.meaning is None or self.partial:
            return {}
        from aiex.context.vectors.grouping import COPIED, group_similar

        with self._settled():
            corpus = self.ranker.corpus
            documents = {number: result for result in results[:COMPARED] if (number := _find(corpus, result)) >= 0}
            vectors = self.meaning.vectors_of(self.index, corpus, documents)
        groups = group_similar({str(number): vector for number, vector in vectors.items()}, alike=COPIED)
        pairs = ((documents[int(other)], documents[int(group.leader)]) for group in groups for other in group.others)
        return {place_of(other): of for other, of in pairs if (other.path, other.symbol) != (of.path, of.symbol)}

    def fit(self, results: "Sequence[Result]", budget_tokens: int) -> "list[Result]":
        """The first results that take about so many tokens together; the one that passes the bound is the last.

        Lines that occur twice count once. Cost: reads each of the files.
        """
        left = float(budget_tokens)
        lines: dict[str, list[int]] = {}
        taken: dict[str, set[int]] = {}
        kept: list[Result] = []
        for result in results:
            if left <= 0:
                break
            if result.path not in lines:
                lines[result.path] = self._line_sizes(result.path)
                taken[result.path] = set()
                left -= FILE_TOKENS
            sizes, known = lines[result.path], taken[result.path]
            fresh = set(range(result.start_line, min(result.end_line, len(sizes)) + 1)) - known
            known |= fresh
            left -= SPAN_TOKENS + sum(sizes[line - 1] for line in fresh) / LINE_CHARACTERS_PER_TOKEN
            kept.append(result)
        return kept

    def _line_sizes(self, path: str) -> list[int]:
        from aiex.errors import AiexError

        try:
            content = self.index.workspace.read(path, limit_bytes=self.index.limit_bytes)
        except AiexError:
            return []  # it vanished since it was indexed
        return [len(line) + 1 for line in content.split(b"\n")]

    def close(self) -> None:
        """Close the stores."""
        self.index.close()
        if "quick" in self.__dict__:
            self.quick.close()
        if self.meaning is not None:
            self.meaning.close()
        if self.history_shelf is not None:
            self.history_shelf.close()


def _find(corpus: "Numbered", result: "Result") -> int:
    """The number of the document that a result is; -1 for a short one, and for one that left the index."""
    if result.end_line - result.start_line + 1 < COPIED_LINES or result.path not in corpus.numbers:
        return -1
    file = corpus.numbers[result.path]
    documents = range(corpus.first_of[file], corpus.last_of[file])
    return next((number for number in documents if corpus.starts[number] == result.start_line), -1)
