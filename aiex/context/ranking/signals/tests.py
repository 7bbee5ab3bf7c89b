"""Sources of the tests that match: a test says in plain words what a source is for."""

import re

from aiex.context.ranking.matching import best_first
from aiex.context.ranking.signal import Evidence, Found, Signal

_LOOKED_AT = 15
_MOST = 40
_FADE = 5
_AFFIX = re.compile(
    r"^tests?[_-]|(?:[._-](?:tests?|specs?|spec)|(?<=[a-z0-9])(?:Tests?|TestCase|Spec|IT))$", re.IGNORECASE
)


def find(evidence: Evidence) -> list[Found]:
    """What the first tests import, or are named after."""
    scores: dict[int, float] = {}
    why: dict[int, str] = {}
    paths = evidence.corpus.paths
    tests = [file for file in evidence.leading if evidence.is_low(file)][:_LOOKED_AT]
    for rank, test in enumerate(tests):
        base = paths[test].rpartition("/")[2].rpartition(".")[0]
        sources = [*evidence.corpus.imports(test), *evidence.paths.named(_AFFIX.sub("", base))]
        for source in sources:
            if not evidence.is_low(source):
                scores[source] = scores.get(source, 0.0) + 1 / (_FADE + rank)
                why.setdefault(source, f"tested by {base}")
    return [Found(file, score, why[file]) for file, score in best_first(scores, _MOST)]


SIGNAL = Signal(find, 0.7, late=True)
