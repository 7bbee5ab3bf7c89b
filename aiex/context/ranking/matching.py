"""How well documents and files match weighted terms: BM25 over posting lists, with a bound on the work.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import accumulate, chain, compress, repeat
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
MOST_FILES = 600
"""Files that are ranked."""
LEADING_POSTINGS = 3_000
"""Occurrences, those of rare and heavy terms first, that find all documents and files that will stand high."""
NAMING_SAMPLE = 100
"""Of about so many documents of a term it is looked at whether their names have it."""

PLAIN_SHARE = 0.5
"""What is left of the weight of a term that is in no name."""
NAMING = 4.0
"""A term counts fully when it is in the names of a quarter of the definitions that have it."""


class Sizes:
    """What scoring needs of a corpus, the same for every request, in as little memory as may be: a processor that waits
    for it takes longer than one that reckons."""

    def __init__(self, corpus: Corpus) -> None:
        self.lengths = corpus.lengths
        before = list(accumulate(self.lengths, initial=0))
        words = before[-1] or 1
        self.flat = K1 * (1 - B)
        """The part of the formula that is the same for all lengths."""
        self.slope = K1 * B * len(self.lengths) / words
        """What each word of a document adds to it."""
        file_slope = K1 * B * len(corpus.paths) / words
        spans = zip(corpus.first_of, corpus.last_of, strict=True)
        self.files = [self.flat + file_slope * (before[last] - before[first]) for first, last in spans]
        """Both for each file."""
        self.owners = corpus.file_of
        self._owners_from: dict[int, Sequence[int]] = {}
        self.labels = Labels(corpus)

    def owners_from(self, first: int) -> Sequence[int]:
        """File of each document from a number on."""
        found = self._owners_from.get(first)
        if found is None:
            found = self._owners_from[first] = self.owners[first:]
        return found


class Match(NamedTuple):
    """How well the documents and files of a corpus match."""

    scores: Mapping[int, float]
    """Of the documents that may matter."""
    best: list[int]
    """Documents with the highest scores, best first."""
    files: dict[int, float]
    """Scores of whole files."""


def match(corpus: Corpus, weights: Mapping[str, float], sizes: Sizes) -> Match:
    """Score what has one of the terms: everything that has one of the first, which are rare and heavy, and by the rest
    only what stands high by then.

    Cost: about 0.5 µs an occurrence, bounded by `MOST_POSTINGS`.
    """
    terms = [
        _Term(sizes, weights[term], term, frequency, parts)
        for term, (frequency, parts) in _choose(corpus, weights).items()
    ]
    leading = _count_leading(terms)
    scores: dict[int, float] = {}
    files: dict[int, float] = {}
    for term in terms[:leading]:
        term.add_to_all(scores, files)
    if leading < len(terms):
        scores = {number: scores[number] for number in _highest(scores, 2 * MOST_DOCUMENTS)}
        files = {file: files[file] for file in _highest(files, MOST_FILES)}
        for term in terms[leading:]:
            term.add_to_known(scores, files)
    best = _highest(scores, MOST_DOCUMENTS)
    owners = sizes.owners
    best.sort(key=lambda number: (-scores[number], owners[number], number))  # documents are numbered as they came
    return Match(scores, best, files)


class _Term:
    """What a term adds to the scores of documents and files."""

    def __init__(self, sizes: Sizes, weight: float, term: str, frequency: int, parts: Sequence[Postings]) -> None:
        self.sizes = sizes
        self.frequency = frequency
        self.parts = parts
        weight *= _tell_naming(sizes, term, frequency, parts) * (K1 + 1)
        self.worth = weight * _rareness(frequency, len(sizes.owners))
        self._weight = weight

    def add_to_all(self, scores: dict[int, float], files: dict[int, float]) -> None:
        """Score all that have the term."""
        for part in self.parts:
            first = part.first
            self._add(
                scores, [(first + place, times) for place, times in zip(part.documents, part.counts, strict=True)]
            )
        self._add_files(files, None)

    def add_to_known(self, scores: dict[int, float], files: dict[int, float]) -> None:
        """Score those that have a score already."""
        for part in self.parts:
            numbers = [part.first + place for place in part.documents] if part.first else part.documents
            both = scores.keys() & numbers
            if both:
                told = dict(zip(numbers, part.counts, strict=True))
                self._add(scores, [(number, told[number]) for number in both])
        self._add_files(files, files.keys())

    def _add(self, scores: dict[int, float], places: list[tuple[int, int]]) -> None:
        worth, lengths, flat, slope = self.worth, self.sizes.lengths, self.sizes.flat, self.sizes.slope
        known = scores.get
        for number, times in places:
            scores[number] = known(number, 0.0) + worth * times / (times + flat + slope * lengths[number])

    def _add_files(self, files: dict[int, float], known: "Set[int] | None") -> None:
        lengths = self.sizes.files
        having: set[int] = set()
        occurrences: Counter[int] = Counter()
        for part in self.parts:
            owners = list(map(self.sizes.owners_from(part.first).__getitem__, part.documents))
            having.update(owners)
            times: Iterable[int] = part.counts
            if known is not None:  # a Counter takes longer than all else here
                wanted = list(map(known.__contains__, owners))
                owners, times = list(compress(owners, wanted)), compress(times, wanted)
            occurrences.update(chain.from_iterable(map(repeat, owners, times)))
        worth = self._weight * _rareness(len(having), len(lengths))
        for file, count in occurrences.items():
            files[file] = files.get(file, 0.0) + worth * count / (count + lengths[file])


def _count_leading(terms: Sequence[_Term]) -> int:
    """How many terms are enough to find all that will stand high."""
    left = LEADING_POSTINGS
    for count, term in enumerate(terms, 1):
        left -= term.frequency
        if left <= 0:
            return count
    return len(terms)


def _highest(scores: Mapping[int, float], limit: int) -> list[int]:
    """The numbers with the highest scores; equal ones by number."""
    if len(scores) > limit:
        bound = sorted(scores.values(), reverse=True)[limit - 1]
        scores = {number: score for number, score in scores.items() if score >= bound}
    chosen = sorted(scores)
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


def _tell_naming(sizes: Sizes, term: str, frequency: int, parts: Sequence[Postings]) -> float:
    """What a term counts by how often those who wrote the code use it in names: words of plain talk name nothing.

    Of many documents that have the term, those of every n-th file are looked at.
    """
    step = frequency // NAMING_SAMPLE + 1
    labels = sizes.labels
    seen = named = 0
    for part in parts:
        first, owners = part.first, sizes.owners_from(part.first)
        for place in part.documents:
            if not owners[place] % step:
                seen += 1
                named += term in labels[first + place]
    return PLAIN_SHARE + (1 - PLAIN_SHARE) * min(1.0, named / max(seen, 1) * NAMING)


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
