"""Files of commits that speak of the same, and files that changed together with the first ones."""

from aiex.context.ranking.signal import Evidence, Found, Signal

_LOOKED_AT = 5
_MOST = 40
_SHARE = 0.5
"""What changing together counts, compared to a commit that speaks of the matter."""


def find(evidence: Evidence) -> list[Found]:
    """What earlier commits say, both lists by rank; a file that changed lately comes before an equal one."""
    history = evidence.hints.history
    if history is None:
        return []
    paths = evidence.corpus.paths
    first = [paths[file] for file in evidence.leading if not evidence.is_low(file)][:_LOOKED_AT]
    scores: dict[str, float] = {}
    why: dict[str, str] = {}
    for share, reason, scored in (
        (1.0, "changed by a commit about this", history.commits_like(evidence.request.terms, limit=_MOST)),
        (_SHARE, "changes together with the first files", history.changed_with(first, limit=_MOST)),
    ):
        for rank, (path, _) in enumerate(scored):
            scores[path] = scores.get(path, 0.0) + share / (10 + rank)
            why.setdefault(path, reason)
    ranked = sorted(scores, key=lambda path: (-scores[path], -history.recency(path), path))
    return [found for path in ranked for found in evidence.from_paths([(path, scores[path])], why[path])][:_MOST]


SIGNAL = Signal(find, 0.5, late=True)
