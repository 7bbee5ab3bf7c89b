"""How well documents and files match weighted terms: BM25 over posting lists, with a bound on the work.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from math import log
from typing import NamedTuple

from aiex.context.ranking.corpus import Corpus, Postings

K1 = 1.2
B = 0.75
MOST_POSTINGS = 50_000
"""Occurrences looked at for one request, those of rare and heavy terms first: about 0.5 µs each with all they lead to.
More than 20,000 make no difference on repositories of 500 files."""
MOST_DOCUMENTS = 1_500
"""Documents that are ranked."""

PLAIN_SHARE = 0.5
"""What is left of the weight of a term that is in no name."""
NAMING = 4.0
"""A term counts fully when it is in the names of a quarter of the definitions that have it."""
SAMPLE = 256
"""Documents looked at for that, about."""


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


def match(corpus: Corpus, weights: Mapping[str, float], before: Sequence[int]) -> Match:
    """Score everything that has one of the terms. Cost: 0.5 µs an occurrence, bounded by `MOST_POSTINGS`.

    Args:
        before: Words in the documents before each one, and at the end in all.
    """
    found = _choose(corpus, weights)
    weights = {term: weights[term] * _tell_naming(corpus, term, parts) for term, (_, parts) in found.items()}
    count = corpus.document_count
    scores = [0.0] * count
    files: dict[int, float] = {}
    lengths, owners = corpus.lengths, corpus.file_of
    flat, slope = K1 * (1 - B), K1 * B * count / (before[-1] or 1)
    file_count = len(corpus.paths)
    file_slope = K1 * B * file_count / (before[-1] or 1)
    occurrences: list[tuple[float, dict[int, int]]] = []
    for term, (frequency, parts) in found.items():
        worth = weights[term] * (K1 + 1) * _rareness(frequency, count)
        in_files: dict[int, int] = {}
        for part in parts:
            first = part.first
            for place, times in zip(part.documents, part.counts, strict=True):
                number = first + place
                scores[number] += worth * times / (times + flat + slope * lengths[number])
                owner = owners[number]
                in_files[owner] = in_files.get(owner, 0) + times
        occurrences.append((weights[term] * (K1 + 1) * _rareness(len(in_files), file_count), in_files))
    sizes = {file: file_slope * _size(corpus, before, file) + flat for _, in_files in occurrences for file in in_files}
    for worth, in_files in occurrences:
        for file, times in in_files.items():
            files[file] = files.get(file, 0.0) + worth * times / (times + sizes[file])
    seen = {part.first + number for _, parts in found.values() for part in parts for number in part.documents}
    best = nlargest(MOST_DOCUMENTS, sorted(seen), key=scores.__getitem__)
    best.sort(key=lambda number: (-scores[number], owners[number], number))  # documents are numbered as they came
    return Match(scores, best, files, list(found))


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


def _size(corpus: Corpus, before: Sequence[int], file: int) -> int:
    return before[corpus.last_of[file]] - before[corpus.first_of[file]]


def best_first(scores: Mapping[int, float], limit: int) -> list[tuple[int, float]]:
    """The highest scores above 0; equal ones by number."""
    chosen = nlargest(limit, sorted(scores), key=scores.__getitem__)
    return [(number, scores[number]) for number in chosen if scores[number] > 0]
