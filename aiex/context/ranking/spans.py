"""Ranks the documents of the files that were found: which functions, or parts of them, come first."""

from collections.abc import Mapping
from typing import NamedTuple

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence

MOST_SPANS = 400
FILE_POWER = 0.8
"""How much the score of the file counts against that of the span."""
WHOLE_SHARE = 0.1
"""How much the best part of a function that is cut counts for its other parts."""
LENGTH_POWER = 0.2
SHORT_LINES = 8
"""Spans of this length and less cost about the same."""
REST_SHARE = 0.4
"""What is left for lines in no definition."""
HEAD_SHARE = 0.6
"""What is left for a class without its functions, of more than `SHORT_LINES` lines."""
LOW_SHARE = 0.5
CONTAINERS = frozenset(
    {"class", "module", "interface", "struct", "enum", "trait", "implementation", "protocol", "namespace"}
)
TRACE_WORTH = 0.3
"""What a line of a stack trace adds to the function it is in; the best match of words is worth 1."""
VECTOR_WORTH = 0.5
UNMATCHED_FILES = 20
"""So many of the first files show something, also when no word of theirs is asked for."""
UNMATCHED_PARTS = 3
UNMATCHED_WORTH = 0.1


class Span(NamedTuple):
    """A document and its score."""

    document: int
    score: float


def rank_spans(evidence: Evidence, files: Mapping[int, float]) -> list[Span]:
    """The best documents, best first."""
    corpus = evidence.corpus
    worth = _weigh_documents(evidence, files)
    if not worth or not files:
        return []
    owners, starts, ends = corpus.file_of, corpus.starts, corpus.ends
    top = max(files.values())
    shares = {
        file: (score / top) ** FILE_POWER * (LOW_SHARE if evidence.is_low(file) else 1.0)
        for file, score in files.items()
    }
    scores: dict[int, float] = {}
    for number, value in worth.items():
        lines = ends[number] - starts[number] + 1
        cost = max(SHORT_LINES, lines) ** LENGTH_POWER
        scores[number] = value * shares.get(owners[number], 0.0) * _weigh_kind(evidence, number, lines) / cost
    return [Span(number, score) for number, score in best_first(scores, MOST_SPANS)]


def _weigh_kind(evidence: Evidence, number: int, lines: int) -> float:
    if not evidence.corpus.names[number]:
        return REST_SHARE
    return HEAD_SHARE if lines > SHORT_LINES and evidence.corpus.kinds[number] in CONTAINERS else 1.0


def _weigh_documents(evidence: Evidence, files: Mapping[int, float]) -> dict[int, float]:
    """What each document is worth by itself; the best match of words is worth 1."""
    corpus, match = evidence.corpus, evidence.match
    owners, names, scores = corpus.file_of, corpus.names, match.scores
    worth: dict[int, float] = {}
    whole: dict[tuple[int, str], float] = {}
    top = scores[match.best[0]] if match.best else 1.0
    for number in match.best:
        own, name = scores[number] / top, names[number]
        best = whole.setdefault((owners[number], name), own) if name else own
        worth[number] = own + WHOLE_SHARE * (best - own)
    for number, bonus in _pointed(evidence).items():
        worth[number] = worth.get(number, 0.0) + bonus
    shown = {owners[number] for number in worth}
    for file, _ in best_first(files, UNMATCHED_FILES):
        if file not in shown:
            parts = range(corpus.first_of[file], corpus.last_of[file])
            worth.update(dict.fromkeys(parts[:UNMATCHED_PARTS], UNMATCHED_WORTH))
    return worth


def _pointed(evidence: Evidence) -> dict[int, float]:
    """Documents that are meant whatever their words: lines of a trace, near vectors."""
    corpus = evidence.corpus
    found: dict[int, float] = {}
    for path, line in evidence.request.places:
        for file, _ in evidence.paths.meant_by(path):
            for number in range(corpus.first_of[file], corpus.last_of[file]):
                if corpus.starts[number] <= line <= corpus.ends[number]:
                    found[number] = TRACE_WORTH
    nearest = evidence.hints.nearest
    for number, score in nearest:
        found[number] = found.get(number, 0.0) + VECTOR_WORTH * score / nearest[0][1]
    return found
