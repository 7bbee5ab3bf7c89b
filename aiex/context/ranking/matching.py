"""How well documents and files match weighted terms: BM25 over posting lists, with a bound on the work.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from math import log
from typing import NamedTuple

from aiex.context.ranking.corpus import Corpus, Postings

K1 = 1.2
B = 0.75
MOST_POSTINGS = 20_000
"""Occurrences looked at for one request, those of rare and heavy terms first: about 0.3 µs each with all they lead to.
On a repository of 2,000 files 8,000 lose a point, and 150,000 gain none."""
MOST_DOCUMENTS = 800
"""Documents that are ranked."""
NEAR_SHARE = 0.2
"""Of the highest score: as a rule enough documents lie above this."""

PLAIN_SHARE = 0.5
"""What is left of the weight of a term that is in no name."""
NAMING = 4.0
"""A term counts fully when it is in the names of a quarter of the definitions that have it."""
SAMPLE = 256
"""Documents looked at for that, about."""


class Sizes:
    """What scoring needs of a corpus, the same for every request; lists, because they are read a million times."""

    def __init__(self, corpus: Corpus) -> None:
        self.owners = list(corpus.file_of)
        lengths = corpus.lengths
        before = list(accumulate(lengths, initial=0))
        count, file_count, words = len(lengths), len(corpus.paths), before[-1] or 1
        flat, slope, file_slope = K1 * (1 - B), K1 * B * count / words, K1 * B * file_count / words
        self.documents = [flat + slope * length for length in lengths]
        """The part of the formula that depends on the length of a document."""
        self.files = [
            flat + file_slope * (before[last] - before[first])
            for first, last in zip(corpus.first_of, corpus.last_of, strict=True)
        ]
        """The same for the files."""


class Match(NamedTuple):
    """How well the documents and files of a corpus match."""

    scores: Sequence[float]
    """Of each document."""
    best: list[int]
    """Documents with the highest scores, best first."""
    files: dict[int, float]
    """Scores of whole files."""
    used: list[str]
    """The terms that counted, rarest first."""


def match(corpus: Corpus, weights: Mapping[str, float], sizes: Sizes) -> Match:
    """Score everything that has one of the terms. Cost: 0.3 µs an occurrence, bounded by `MOST_POSTINGS`."""
    found = _choose(corpus, weights)
    count, file_count = corpus.document_count, len(corpus.paths)
    scores, in_files = [0.0] * count, [0.0] * file_count
    owners, document_sizes, file_sizes = sizes.owners, sizes.documents, sizes.files
    seen: set[int] = set()
    for term, (frequency, parts) in found.items():
        weight = weights[term] * _tell_naming(corpus, term, parts) * (K1 + 1)
        worth = weight * _rareness(frequency, count)
        occurrences: Counter[int] = Counter()
        for part in parts:
            numbers = [part.first + place for place in part.documents] if part.first else part.documents
            seen.update(numbers)
            occurrences.update(map(owners.__getitem__, numbers))
            for number, times in zip(numbers, part.counts, strict=True):
                scores[number] += worth * times / (times + document_sizes[number])
                if times > 1:
                    occurrences[owners[number]] += times - 1
        worth = weight * _rareness(len(occurrences), file_count)
        for file, times in occurrences.items():
            in_files[file] += worth * times / (times + file_sizes[file])
    best = _highest(seen, scores, MOST_DOCUMENTS)
    best.sort(key=lambda number: (-scores[number], owners[number], number))  # documents are numbered as they came
    files = {file: score for file, score in enumerate(in_files) if score}
    return Match(scores, best, files, list(found))


def _highest(numbers: Collection[int], scores: Sequence[float], limit: int) -> list[int]:
    """Those with the highest scores, without sorting the many that are far from them."""
    top = max((scores[number] for number in numbers), default=0.0)
    near = [number for number in numbers if scores[number] >= top * NEAR_SHARE]
    chosen = sorted(near if len(near) >= limit else numbers)
    chosen.sort(key=scores.__getitem__, reverse=True)
    return chosen[:limit]


def _choose(corpus: Corpus, weights: Mapping[str, float]) -> dict[str, tuple[int, Sequence[Postings]]]:
    """The rarest terms with their occurrences, as many as the bound allows."""
    corpus.fetch(weights)
    known = [
        (sum(len(part.counts) for part in parts), term, parts) for term in weights if (parts := corpus.postings(term))
    ]
    found: dict[str, tuple[int, Sequence[Postings]]] = {}
    left = MOST_POSTINGS
    for frequency, term, parts in sorted(known, key=lambda item: (item[0] / weights[item[1]] ** 2, item[1])):
        left -= frequency
        if left < 0 and found:
            break
        found[term] = (frequency, parts)
    return found


def _tell_naming(corpus: Corpus, term: str, parts: Sequence[Postings]) -> float:
    """What a term counts by how often those who wrote the code use it in names: words of plain talk name nothing."""
    names, seen, named = corpus.names, 0, 0
    step = -(-sum(len(part.counts) for part in parts) // SAMPLE)
    for part in parts:
        for number in part.documents[::step]:
            seen += 1
            named += term in names[part.first + number].rpartition(".")[2].lower()
    return PLAIN_SHARE + (1 - PLAIN_SHARE) * min(1.0, named / seen * NAMING)


def _rareness(frequency: int, total: int) -> float:
    return log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def best_first(scores: Mapping[int, float], limit: int) -> list[tuple[int, float]]:
    """The highest scores above 0; equal ones by number."""
    chosen = sorted(scores)
    chosen.sort(key=scores.__getitem__, reverse=True)
    return [(number, scores[number]) for number in chosen[:limit] if scores[number] > 0]
