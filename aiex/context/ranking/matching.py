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
MOST_POSTINGS = 12_000
"""Occurrences looked at for one request, those of rare and heavy terms first: about 0.3 µs each with all they lead to.
On a repository of 2,000 files 8,000 lose a point, and 150,000 gain none beyond noise."""
MOST_DOCUMENTS = 800
"""Documents that are ranked."""
NEAR_SHARE = 0.2
"""Of the highest score: as a rule enough documents lie above this."""

PLAIN_SHARE = 0.5
"""What is left of the weight of a term that is in no name."""
NAMING = 4.0
"""A term counts fully when it is in the names of a quarter of the definitions that have it."""


class Sizes:
    """What scoring needs of a corpus, the same for every request, in as little memory as may be: a processor that waits
    for it takes longer than one that reckons."""

    def __init__(self, corpus: Corpus) -> None:
        lengths = corpus.lengths
        before = list(accumulate(lengths, initial=0))
        count, file_count, words = len(lengths), len(corpus.paths), before[-1] or 1
        flat, slope, file_slope = K1 * (1 - B), K1 * B * count / words, K1 * B * file_count / words
        spans = list(zip(corpus.first_of, corpus.last_of, strict=True))
        self.owners = [0] * count
        """File of each document; one number object for all documents of a file."""
        for file, (first, last) in enumerate(spans):
            self.owners[first:last] = [file] * (last - first)
        class_of = {length: _to_class(length) for length in set(lengths)}
        self.classes = bytes(map(class_of.__getitem__, lengths))
        """Class of the length of each document."""
        self.norms = [flat + slope * _from_class(number) for number in range(256)]
        """The part of the formula that depends on the length, for each class."""
        self.files = [flat + file_slope * (before[last] - before[first]) for first, last in spans]
        """The same for each file."""
        self.labels = Labels(corpus)


def _to_class(length: int) -> int:
    """Lengths up to 15 are their own class; above there are sixteen for each doubling, so none is off by over 3 %."""
    if length < 16:
        return length
    exponent = length.bit_length() - 5
    return min(16 * (exponent + 1) + (length >> exponent) - 16, 255)


def _from_class(number: int) -> float:
    """The middle of the lengths in a class."""
    if number < 16:
        return float(number)
    exponent = number // 16 - 1
    return ((number % 16 + 16) << exponent) + (1 << exponent) / 2 - 0.5


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
    owners, classes, norms, file_sizes = sizes.owners, sizes.classes, sizes.norms, sizes.files
    seen: set[int] = set()
    for term, (frequency, parts) in found.items():
        places = [
            (part.first + place, times)
            for part in parts
            for place, times in zip(part.documents, part.counts, strict=True)
        ]
        numbers = [number for number, _ in places]
        seen.update(numbers)
        weight = weights[term] * _tell_naming(sizes.labels, term, numbers) * (K1 + 1)
        worth = weight * _rareness(frequency, count)
        once = [worth / (1 + norm) for norm in norms]
        occurrences = Counter(map(owners.__getitem__, numbers))
        for number, times in places:
            if times == 1:
                scores[number] += once[classes[number]]
            else:
                scores[number] += worth * times / (times + norms[classes[number]])
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
    top = max(map(scores.__getitem__, numbers), default=0.0)
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


def _tell_naming(labels: "Labels", term: str, numbers: Collection[int]) -> float:
    """What a term counts by how often those who wrote the code use it in names: words of plain talk name nothing."""
    named = sum(term in label for label in map(labels.__getitem__, numbers))
    return PLAIN_SHARE + (1 - PLAIN_SHARE) * min(1.0, named / len(numbers) * NAMING)


class Labels(dict[int, str]):
    """The last part of the name of each document that was asked for, in small letters."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def __missing__(self, number: int) -> str:
        label = self[number] = self._corpus.names[number].rpartition(".")[2].lower()
        return label


def _rareness(frequency: int, total: int) -> float:
    return log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def best_first(scores: Mapping[int, float], limit: int) -> list[tuple[int, float]]:
    """The highest scores above 0; equal ones by number."""
    chosen = sorted(scores)
    chosen.sort(key=scores.__getitem__, reverse=True)
    return [(number, scores[number]) for number in chosen[:limit] if scores[number] > 0]
