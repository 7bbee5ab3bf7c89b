"""Files whose path has words of the request."""

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 60


def find(evidence: Evidence) -> list[Found]:
    """Files by the words of their folders and their name."""
    scores = evidence.paths.score(evidence.request.terms)
    return [Found(file, score, "words in its path") for file, score in best_first(scores, _MOST)]


SIGNAL = Signal(find, 1.0)
