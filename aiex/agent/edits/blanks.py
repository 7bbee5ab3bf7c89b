"""Places of lines among which the file, or the edit, has blank lines that the other does not have."""

from collections.abc import Sequence

from aiex.agent.edits import Change
from aiex.agent.edits.places import Place, affordable, find_lines, skip_lines
from aiex.agent.edits.shifting import BLANKS
from aiex.agent.edits.windows import likely_windows


def among_blanks(text: str, change: Change) -> list[Place]:
    """The places of a change of whole lines if blank lines do not count, ascending.

    Blank lines that both sides have stand for each other; those of the file alone are not covered by the spans.
    """
    lines = change.old.split("\n")[:-1]
    found: dict[int, Place] = {}
    for start, stop in likely_windows(text, lines, skips_blanks=True):
        for place in _within(text[start:stop], change, lines):
            found[start + place.start] = place._replace(start=start + place.start)
    return [found[start] for start in sorted(found)]


def _within(text: str, change: Change, old: Sequence[str]) -> list[Place]:
    filled = [line for line in old if line.strip(BLANKS)]
    kept, numbers = _filled_lines(text)
    row, last, number, begin = 0, 0, 0, 0
    found = []
    for start in affordable(find_lines(kept, "\n".join(filled)), len(old)):
        row += kept.count("\n", last, start)
        last = start
        begin = skip_lines(text, begin, numbers[row] - number)
        number = numbers[row]
        found.append(_around_blanks(text, change, begin, numbers[row : row + len(filled)]))
    return found


def _filled_lines(text: str) -> tuple[str, list[int]]:
    """The lines that are not blank, joined, and their numbers, counted from 0."""
    lines = text.split("\n")
    numbers = [number for number, line in enumerate(lines) if line.strip(BLANKS)]
    joined = "\n".join([lines[number] for number in numbers])
    return joined + "\n" * text.endswith("\n"), numbers


def _around_blanks(text: str, change: Change, begin: int, numbers: Sequence[int]) -> Place:
    """A place from the first to the last line that is not blank, and the blank lines about it that the edit has too."""
    old = change.old.split("\n")[:-1]
    filled = [index for index, line in enumerate(old) if line.strip(BLANKS)]
    lead, trail = filled[0], len(old) - 1 - filled[-1]
    above = _blanks_above(text, begin, lead)
    first = numbers[0] - above
    start = begin
    for _ in range(above):
        start = text.rfind("\n", 0, start - 1) + 1
    below = _blanks_below(text, skip_lines(text, begin, numbers[-1] + 1 - numbers[0]), trail)
    spans: list[tuple[int, int]] = []
    spans += _paired(lead - above, above, 0)
    for at, (index, number) in enumerate(zip(filled, numbers, strict=True)):
        spans.append((number - first, number - first + 1))
        if at + 1 < len(filled):
            ours, theirs = filled[at + 1] - index - 1, numbers[at + 1] - number - 1
            spans += _paired(max(0, ours - theirs), min(ours, theirs), number - first + 1)
    spans += _paired(trail - below, below, numbers[-1] - first + 1)
    return Place(start, numbers[-1] + 1 - first + below, change.old, change.new, spans=tuple(spans))


def _paired(missing: int, there: int, start: int) -> list[tuple[int, int]]:
    """Spans of blank lines of the edit: first those the file does not have, then those it has."""
    return [(start, start)] * missing + [(start + at, start + at + 1) for at in range(there)]


def _blanks_above(text: str, start: int, most: int) -> int:
    found = 0
    while found < most and start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        if text[before : start - 1].strip(BLANKS):
            break
        found, start = found + 1, before
    return found


def _blanks_below(text: str, start: int, most: int) -> int:
    found = 0
    while found < most and start < len(text):
        after = skip_lines(text, start, 1)
        if text[start:after].strip():
            break
        found, start = found + 1, after
    return found
