"""The steps by which the old text of a change may differ from the file: each alone, each named, none by likeness.

A step yields lists of chains of places; the first list that is not empty is the answer of the step.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from aiex.agent.edits import Change
from aiex.agent.edits.blanks import among_blanks
from aiex.agent.edits.lookalikes import keep_looks, to_plain
from aiex.agent.edits.places import (
    MOST_MATCHES,
    Chain,
    Place,
    affordable,
    find_all,
    find_lines,
    fold_lines,
    lines_at,
    unfold,
)
from aiex.agent.edits.shifting import BLANKS, find_shift
from aiex.agent.edits.spotting import split_at_elisions
from aiex.agent.edits.windows import likely_windows

Answers = Iterator[Sequence[Chain]]

_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#34;": '"', "&#39;": "'", "&apos;": "'", "&amp;": "&"}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}
_ANY: Final = r"\\(.)"
_QUOTE: Final = r"\\([\"'])"
_NUMBERED: Final = r"^[ \t]*L?(\d+)(?: ?[|:→│]|\t)"
"""A line number as tools print it before a line: `12|`, `12:`, `12→`, `  12<tab>`."""


def exactly(text: str, change: Change) -> Answers:
    """The old text as it is."""
    old, new = change.old, change.new
    if not change.is_lines:
        yield [(Place(at, 0, old, new, at + len(old)),) for at in find_all(text, old)]
        return
    count = old.count("\n")
    yield [(Place(at, count, old, new),) for at in find_lines(text, old[:-1])]


def without_trailing_space(text: str, change: Change) -> Answers:
    """Spaces and tabs at the ends of lines do not count."""
    if change.is_lines:
        yield _folded(text, change, _strip_end)
        return
    yield _ragged(text, change)
    if (lines := as_lines(change)) is not None:
        yield _folded(text, lines, _strip_end)


def by_looks(text: str, change: Change) -> Answers:
    """Quotes, dashes and spaces of any kind are the same; composed letters and their parts are."""
    if text.isascii() and change.old.isascii():
        return
    plain = to_plain(text)
    if not change.is_lines and len(plain) == len(text):
        part = to_plain(change.old)
        found = find_all(plain, part) if part else []
        yield [(Place(at, 0, change.old, change.new, at + len(part), adapt=keep_looks),) for at in found]
    lines = as_lines(change)
    if lines is not None:
        block = to_plain(lines.old)
        starts = unfold(text, plain, find_lines(plain, block[:-1]))
        yield [(Place(at, block.count("\n"), lines.old, lines.new, adapt=keep_looks),) for at in starts]


def by_shift(text: str, change: Change) -> Answers:
    """All lines are indented by one and the same shift, which the replacement follows."""
    lines = as_lines(change)
    if lines is None or not lines.old.strip():
        return
    old = lines.old.split("\n")[:-1]
    edit = [*old, *lines.new.split("\n")]
    found = []
    chains = _folded(text, lines, _strip_front)
    for chain in affordable(chains, len(old)):
        shift = find_shift(old, lines_at(text, chain[0]), edit)
        if shift is not None:
            found.append((chain[0]._replace(adapt=_shifting(shift)),))
    yield found


def without_blank_lines(text: str, change: Change) -> Answers:
    """Blank lines that only one side has do not count; those of the file stay."""
    lines = as_lines(change)
    if lines is None or not lines.old.strip():
        return
    yield [(place,) for place in among_blanks(text, lines)]


def unescaped(text: str, change: Change) -> Answers:
    """Escapes that the model wrote once too often are taken back, and line numbers that it copied are taken off."""
    for other in _decoded(change):
        yield from exactly(text, other)
        if (lines := as_lines(other)) is not None and not other.is_lines:
            yield from exactly(text, lines)


def around_elisions(text: str, change: Change) -> Answers:
    """A line of `...` stands for lines that stay, if it stands in the new text as well."""
    lines = as_lines(change)
    if lines is None:
        return
    old, new = split_at_elisions(lines.old), split_at_elisions(lines.new)
    if len(old) < 2 or len(old) != len(new):
        return
    pairs = list(zip(old, new, strict=True))
    if not any(ours for ours, _ in pairs) or any(not ours and theirs for ours, theirs in pairs):
        return
    yield _chains([_each(text, ours, theirs) for ours, theirs in pairs if ours])


STEPS: Final[tuple[tuple[str, Callable[[str, Change], Answers]], ...]] = (
    ("", exactly),
    ("trailing space", without_trailing_space),
    ("look-alikes", by_looks),
    ("indentation", by_shift),
    ("blank lines", without_blank_lines),
    ("escapes", unescaped),
    ("elision", around_elisions),
)
"""In the order in which they are tried; the name says what differed."""


def as_lines(change: Change) -> Change | None:
    """The change as one of whole lines, None if it cannot be meant so."""
    if change.is_lines:
        return change
    old, new = change.old, change.new
    if old.startswith("\n") and new.startswith("\n"):
        old, new = old[1:], new[1:]
    if old.endswith("\n") != new.endswith("\n"):
        if new or not old.endswith("\n"):
            return None
    elif not old.endswith("\n"):
        old, new = old + "\n", new + "\n"
    return change._replace(old=old, new=new, is_lines=True) if old.strip("\n") else None


def _strip_end(line: str) -> str:
    return line.rstrip(BLANKS)


def _strip_front(line: str) -> str:
    return line.lstrip(BLANKS)


def _folded(text: str, change: Change, fold: Callable[[str], str]) -> Sequence[Chain]:
    """Places of whole lines that are the same once each line is folded."""
    block = fold_lines(change.old, fold)
    found: dict[int, Chain] = {}
    for start, stop in likely_windows(text, change.old.split("\n")[:-1]):
        window = text[start:stop]
        folded = fold_lines(window, fold)
        for at in unfold(window, folded, find_lines(folded, block[:-1])):
            found[start + at] = (Place(start + at, block.count("\n"), change.old, change.new),)
    return [found[at] for at in sorted(found)]


def _ragged(text: str, change: Change) -> Sequence[Chain]:
    """Places of a substring of several lines whose inner line ends may have space before them."""
    lines = change.old.split("\n")
    if len(lines) < 2 or lines[0].strip() == "":
        return []
    pattern = r"[ \t]*\n".join([*(re.escape(line.rstrip(BLANKS)) for line in lines[:-1]), re.escape(lines[-1])])
    found = []
    for match in re.finditer(pattern, text):
        found.append((Place(match.start(), 0, change.old, change.new, match.end()),))
        if len(found) == MOST_MATCHES:
            break
    return found


def _shifting(shift: Callable[[str], str]) -> Callable[[str, str | None, str | None], str]:
    def adapt(line: str, _old: str | None, _there: str | None) -> str:
        return shift(line) if line.strip(BLANKS) else line

    return adapt


def _decoded(change: Change) -> Iterator[Change]:
    """The change with one kind of escape taken back, or without line numbers."""
    old, new = change.old, change.new
    for pattern in (_NUMBERED, _NUMBERED + " ?"):
        numbered = _without_numbers(change, pattern)
        if numbered is not None:
            yield numbered
    if any(entity in old for entity in _ENTITIES):
        yield change._replace(old=_without_entities(old), new=_without_entities(new))
    if "\\" in old:
        every, quotes = ([re.sub(kind, _meant, text) for text in (old, new)] for kind in (_ANY, _QUOTE))
        if every[0] != old and (every[0] != quotes[0] or every[1] == quotes[1]):
            yield _ended(change, every[0], every[1])
        if quotes[0] not in (old, every[0]):
            yield _ended(change, quotes[0], quotes[1])


def _ended(change: Change, old: str, new: str) -> Change:
    """Whole lines stay whole lines when their own ends were written as escapes."""
    if change.is_lines:
        old, new = (text[:-1] if text.endswith("\n\n") else text for text in (old, new))
    return change._replace(old=old, new=new)


def _meant(found: "re.Match[str]") -> str:
    return _ESCAPES.get(found[1], found[0])


def _without_entities(text: str) -> str:
    for entity, char in _ENTITIES.items():
        text = text.replace(entity, char)
    return text


def _without_numbers(change: Change, pattern: str) -> Change | None:
    """The change without copied line numbers; None unless every line that is not blank has one, counting up."""
    lines = change.old.split("\n")
    found = [re.match(pattern, line) for line in lines if line.strip()]
    numbers = [int(match[1]) for match in found if match]
    if not numbers or len(numbers) < len(found) or any(b <= a for a, b in pairwise(numbers)):
        return None
    old, new = ([re.sub(pattern, "", line) for line in text.split("\n")] for text in (change.old, change.new))
    return change._replace(old="\n".join(old), new="\n".join(new))


def _each(text: str, old: str, new: str) -> list[Place]:
    return [Place(at, old.count("\n"), old, new) for at in find_lines(text, old[:-1])]


def _chains(parts: list[list[Place]]) -> list[Chain]:
    """The ways to take one place of each part in order without overlap; one of several twice, to show that it is not
    the only one. Cost: linear in the number of places.
    """
    ways: list[tuple[int, Chain]] = [(1, (place,)) for place in parts[0]]
    for places in parts[1:]:
        longer: list[tuple[int, Chain]] = []
        at, total = 0, 0
        for place in places:
            while at < len(ways) and ways[at][1][-1].start + len(ways[at][1][-1].old) <= place.start:
                total += ways[at][0]
                at += 1
            if at:
                longer.append((total, (*ways[at - 1][1], place)))
        ways = longer
    return [chain for count, chain in ways for _ in range(min(count, 2))]
