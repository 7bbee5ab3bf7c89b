"""Files that the request writes out: paths, lines of stack traces, qualified names of modules."""

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 30
_MODULE = 0.5
"""What a qualified name counts compared to a part of a path."""


def find(evidence: Evidence) -> list[Found]:
    """Files by how many parts of their paths are written, and how often."""
    scores: dict[int, float] = {}
    why: dict[int, str] = {}
    for written in evidence.request.paths:
        for file, same in evidence.paths.meant_by(written):
            scores[file] = scores.get(file, 0.0) + same
            why.setdefault(file, f"says {written.rpartition('/')[2]}")
    for written in evidence.request.dotted:
        for module in (written, written.rpartition("/")[0]):
            if "/" not in module:
                continue
            for file, same in evidence.paths.meant_by(module):
                if same > 1:
                    scores[file] = scores.get(file, 0.0) + _MODULE
                    why.setdefault(file, f"says {module.replace('/', '.')}")
    return [Found(file, score, why[file]) for file, score in best_first(scores, _MOST)]


SIGNAL = Signal(find, 3.0)
