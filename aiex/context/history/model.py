"""What a history answers: which files change together, which changed lately, and which commits speak of a matter.

All answers are numbers to rank by, the same for the same commits whatever the clock says: time is counted in commits.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from itertools import pairwise

from aiex.context.history.columns import Columns, to_columns, unpack_texts

RECENT_COMMITS = 200
"""After so many commits a change counts half."""
MOST_ANSWERS = 50
MOST_COMMITS = 100
"""Commits that are looked at for a request, those that fit best."""
_SHRINK = 1.0
"""Added to how much is known of a file, so that one commit in common is no certainty."""
_K1, _B = 1.2, 0.5
"""Of BM25 (Robertson and Zaragoza, 2009); subjects are of much the same length, so it counts half."""

Scored = tuple[str, float]
"""A path, which need not exist any more, and how strongly it is meant, above 0."""


class History:
    """The last commits of a repository. Paths are those of today; safe for threads once built."""

    def __init__(self, columns: Columns, *, head: str = "", reason: str = "") -> None:
        self.columns = columns
        self.head = head
        """The commit it leads to; empty when there is none."""
        self.reason = reason
        """Why nothing, or not all that was asked for, is known; empty when all is."""

    def __len__(self) -> int:
        """How many commits are known that changed files."""
        return len(self.columns.times)

    def changed_with(
        self, paths: Iterable[str], *, limit: int = MOST_ANSWERS, among: Container[str] | None = None
    ) -> list[Scored]:
        """Other files that changed in the same commits, the strongest first, weights in 0..1 for each path given.

        A commit of n files counts 1/sqrt(n-1), and what two files share is compared to what each of them has, so that
        a change log which goes with everything does not lead.

        Args:
            among: Only these, such as the files that exist.
        """
        found: dict[int, float] = {}
        given = [self._numbers[path] for path in dict.fromkeys(paths) if path in self._numbers]
        for seed in given:
            shared: dict[int, float] = {}
            for commit in self.columns.commits[seed]:
                weight = self._weights[commit]
                for other in self.columns.changed[commit]:
                    shared[other] = shared.get(other, 0.0) + weight
            own = shared.pop(seed, 0.0) + _SHRINK
            for other, weight in shared.items():
                found[other] = found.get(other, 0.0) + weight / math.sqrt(own * (self._weight_of(other) + _SHRINK))
        for seed in given:
            found.pop(seed, None)
        return self._best(found, limit, among)

    def recency(self, path: str) -> float:
        """How lately a file changed: 1 in the last commit, half after `RECENT_COMMITS`, 0 when it is not known."""
        number = self._numbers.get(path)
        if number is None:
            return 0.0
        return float(0.5 ** (self.columns.commits[number][0] / RECENT_COMMITS))

    def commits_like(
        self,
        terms: Mapping[str, float] | Iterable[str],
        *,
        limit: int = MOST_ANSWERS,
        among: Container[str] | None = None,
    ) -> list[Scored]:
        """Files of those commits whose subject has the terms, the best first.

        A commit's score (BM25) goes to its files, less to each the more there are, and less to a file that most
        commits change.

        Args:
            terms: Stems as `count_terms` gives them, with a weight for each or without.
            among: Only these, such as the files that exist.
        """
        scores = self._score_commits(terms)
        best = sorted(scores, key=lambda commit: (-scores[commit], commit))[:MOST_COMMITS]
        found: dict[int, float] = {}
        for commit in best:
            changed = self.columns.changed[commit]
            for path in changed:
                found[path] = found.get(path, 0.0) + scores[commit] / math.sqrt(len(changed))
        weighed = {path: score / math.sqrt(_SHRINK + len(self.columns.commits[path])) for path, score in found.items()}
        return self._best(weighed, limit, among)

    def _score_commits(self, terms: Mapping[str, float] | Iterable[str]) -> dict[int, float]:
        weighted = terms if isinstance(terms, Mapping) else dict.fromkeys(terms, 1.0)
        total, lengths = len(self), self.columns.lengths
        usual = sum(lengths) / total if total else 1.0
        scores: dict[int, float] = {}
        for term, weight in weighted.items():
            number = self._terms.get(term)
            if number is None:
                continue
            commits = self.columns.said[number]
            rareness = weight * math.log(1 + (total - len(commits) + 0.5) / (len(commits) + 0.5))
            for commit in commits:
                length = 1 - _B + _B * lengths[commit] / usual
                scores[commit] = scores.get(commit, 0.0) + rareness * (_K1 + 1) / (1 + _K1 * length)
        return scores

    def _best(self, found: Mapping[int, float], limit: int, among: Container[str] | None) -> list[Scored]:
        named = ((self._paths[number], score) for number, score in found.items() if score > 0)
        kept = (item for item in named if among is None or item[0] in among)
        return sorted(kept, key=lambda item: (-item[1], item[0]))[:limit]

    @cached_property
    def _paths(self) -> list[str]:
        return unpack_texts(self.columns.paths)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {path: number for number, path in enumerate(self._paths)}

    @cached_property
    def _terms(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(unpack_texts(self.columns.terms))}

    @cached_property
    def _weights(self) -> list[float]:
        """What each commit counts for two files that are in it."""
        return [1 / math.sqrt(max(1, end - start - 1)) for start, end in pairwise(self.columns.changed.starts)]

    def _weight_of(self, number: int) -> float:
        weights = self._weights
        return sum([weights[commit] for commit in self.columns.commits[number]])


def no_history(reason: str) -> History:
    """A history that knows nothing, and says why."""
    return History(to_columns(()), reason=reason)
