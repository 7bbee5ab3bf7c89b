"""Files with the parts whose meaning, as vectors, is nearest to the request."""

from aiex.context.ranking.signal import Evidence, Found, Signal


def find(evidence: Evidence) -> list[Found]:
    """The files of the nearest documents."""
    owners, names = evidence.corpus.file_of, evidence.corpus.names
    found: dict[int, Found] = {}
    for number, score in evidence.hints.nearest:
        file = owners[number]
        found.setdefault(file, Found(file, score, f"means what {names[number] or 'a part'} does"))
    return list(found.values())


SIGNAL = Signal(find, 1.0)
