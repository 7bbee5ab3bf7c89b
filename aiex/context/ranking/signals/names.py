"""Files that define what the request names."""

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 60
_FEW = 3
"""A plain word means a definition when so many files at most have one of that name."""
_CERTAIN, _PLAIN = 1.5, 0.5
_SPREAD = 0.7
"""What many definitions take away from each: the count to this power."""


def find(evidence: Evidence) -> list[Found]:
    """Files by the names they define, rare ones first."""
    owners = evidence.corpus.file_of
    scores: dict[int, float] = {}
    why: dict[int, list[str]] = {}
    for name in evidence.request.names:
        files = {owners[number] for number in evidence.named.get(name.text, ())}
        if not name.certain and len(files) > _FEW:
            continue
        for file in files:
            scores[file] = scores.get(file, 0.0) + (_CERTAIN if name.certain else _PLAIN) / len(files) ** _SPREAD
            why.setdefault(file, []).append(name.text)
    return [Found(file, score, f"defines {', '.join(why[file][:3])}") for file, score in best_first(scores, _MOST)]


SIGNAL = Signal(find, 0.5)
