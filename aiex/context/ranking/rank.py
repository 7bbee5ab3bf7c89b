"""Ranks what a repository holds for a request: independent lists of files, put together by reciprocal rank, then spans.

Source: Cormack, Clarke and Büttcher, Reciprocal Rank Fusion outperforms Condorcet, 2009.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple

from aiex import plugins
from aiex.context.ranking.corpus import Corpus
from aiex.context.ranking.matching import Sizes, best_first
from aiex.context.ranking.pathwords import PathWords
from aiex.context.ranking.request import Request
from aiex.context.ranking.signal import Evidence, Found, Hints, Signal
from aiex.context.ranking.signals import ROOM
from aiex.context.ranking.spans import rank_spans

FADE = 6
"""Added to a rank: the larger, the less the first places of a list count above the next. On repositories of 250 and of
2,000 files, 4 to 10 find a point more than 20, and 40 a point less."""
LOW_SHARE = 0.3
"""What is left of the score of a test, a document, an example."""


class Result(NamedTuple):
    """A stretch of code and why it is there."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    """Qualified name; empty for what is in no definition."""
    score: float
    """Comparable within one answer only."""
    why: tuple[str, ...]


class Ranker:
    """Ranks for one corpus, which must not change; keeps what several requests need. Not safe for threads."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.paths = PathWords(corpus)
        self._sizes = Sizes(corpus)

    def rank(self, request: Request, *, hints: Hints | None = None, without: Collection[str] = ()) -> list[Result]:
        """Spans of code, best first, at most 400; the same for the same corpus and request.

        Args:
            without: Names of signals to leave out.
        """
        evidence = Evidence(request, self.corpus, self.paths, hints or Hints(), self._sizes)
        files, why = rank_files(evidence, without)
        corpus = self.corpus
        return [
            Result(
                corpus.paths[corpus.file_of[span.document]],
                corpus.starts[span.document],
                corpus.ends[span.document],
                corpus.names[span.document],
                round(span.score, 5),
                tuple(why.get(corpus.file_of[span.document], ())),
            )
            for span in rank_spans(evidence, files)
        ]


def rank_files(evidence: Evidence, without: Collection[str] = ()) -> tuple[dict[int, float], dict[int, list[str]]]:
    """Score of each file, and the reasons for it."""
    scores: dict[int, float] = {}
    why: dict[int, list[str]] = {}
    signals = [(name, signal) for name, signal in load_signals().items() if name not in without]
    for late in (False, True):
        if late:
            evidence.leading = [file for file, _ in best_first(scores, 200)]
        for _, signal in signals:
            if signal.late == late:
                _add(scores, why, signal.find(evidence), signal.weight)
    for file in scores:
        if evidence.is_low(file):
            scores[file] *= LOW_SHARE
    return scores, why


def _add(scores: dict[int, float], why: dict[int, list[str]], found: list[Found], weight: float) -> None:
    for rank, (file, _, reason) in enumerate(found, 1):
        scores[file] = scores.get(file, 0.0) + weight / (FADE + rank)
        if reason:
            why.setdefault(file, []).append(reason)


@cache
def load_signals() -> Mapping[str, Signal]:
    """All signals by name."""
    return {name: plugins.load(ROOM, name, "SIGNAL").SIGNAL for name in plugins.names(ROOM)}
