"""Files with several functions that match."""

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 200
_COUNTED = 6
_SHARE = 0.5
"""What each further function of a file counts, compared to the one before."""


def find(evidence: Evidence) -> list[Found]:
    """Files by the sum over their best documents, each of which counts half of the one before."""
    match, owners = evidence.match, evidence.corpus.file_of
    scores: dict[int, float] = {}
    counts: dict[int, int] = {}
    for number in match.best:
        file = owners[number]
        count = counts.get(file, 0)
        if count < _COUNTED:
            scores[file] = scores.get(file, 0.0) + match.scores[number] * _SHARE**count
            counts[file] = count + 1
    return [
        Found(file, score, "several parts match" if counts[file] > 1 else "")
        for file, score in best_first(scores, _MOST)
    ]


SIGNAL = Signal(find, 1.0)
