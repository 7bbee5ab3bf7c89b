"""Files with the functions that match best."""

from aiex.context.ranking.signal import Evidence, Found, Signal

_MOST = 200


def find(evidence: Evidence) -> list[Found]:
    """The files of the best documents."""
    match, owners = evidence.match, evidence.corpus.file_of
    best: dict[int, int] = {}
    for number in match.best:
        best.setdefault(owners[number], number)
    names = evidence.corpus.names
    chosen = list(best.items())[:_MOST]
    return [Found(file, match.scores[number], f"{names[number] or 'a part'} matches best") for file, number in chosen]


SIGNAL = Signal(find, 1.0)
