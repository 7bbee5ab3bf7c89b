"""Files that the first files import, or that import them."""

from math import sqrt

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_LOOKED_AT = 10
_MOST = 60
_FADE = 5
_SPREAD = 3


def find(evidence: Evidence) -> list[Found]:
    """Neighbours of the first files; one neighbour of many counts little."""
    corpus = evidence.corpus
    scores: dict[int, float] = {}
    why: dict[int, str] = {}
    leading = [file for file in evidence.leading if not evidence.is_low(file)][:_LOOKED_AT]
    for rank, file in enumerate(leading):
        base = corpus.paths[file].rpartition("/")[2]
        for neighbours, what in ((corpus.imports(file), "imported by"), (corpus.importers(file), "imports")):
            for neighbour in neighbours:
                if not evidence.is_low(neighbour):
                    worth = 1 / (_FADE + rank) / sqrt(_SPREAD + len(neighbours))
                    scores[neighbour] = scores.get(neighbour, 0.0) + worth
                    why.setdefault(neighbour, f"{what} {base}")
    return [Found(file, score, why[file]) for file, score in best_first(scores, _MOST)]


SIGNAL = Signal(find, 0.5, late=True)
