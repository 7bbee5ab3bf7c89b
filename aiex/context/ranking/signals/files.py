"""Files that match as a whole."""

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 200


def find(evidence: Evidence) -> list[Found]:
    """Files by the terms in all their documents."""
    return [Found(file, score, "") for file, score in best_first(evidence.match.files, _MOST)]


SIGNAL = Signal(find, 1.0)
