"""The rows of a diff: what stands above what, unified or side by side, with unchanged stretches folded; pure."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiex.guard.neutral import neutralise
from aiex.tui.worddiff import are_parallel, pair_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from aiex.tui.hunks import Part, Review

AROUND: Final = 3
"""Unchanged lines that are shown about a change."""
LEAST_FOLDED: Final = 3
"""Fewer lines are shown rather than folded."""
TAB: Final = 4
LINE_MARK: Final = " (no line end)"

Kind = Literal["file", "whole", "part", "fold", "same", "old", "new", "pair"]


class Row(NamedTuple):
    """One row; indices count from 0, and are -1 where the row has none."""

    kind: Kind
    """pair: an old line beside a new one; whole: says of a file why its lines are not shown."""
    file: int
    part: int = -1
    old: int = -1
    new: int = -1
    """Of a part in a person's words, a line of these."""
    size: int = 0
    """Lines that are folded, or changed by a part."""


class Texts:
    """The lines of one file as they are shown: nothing in them steers a terminal, tabs are blanks, no line end."""

    def __init__(self, review: Review) -> None:
        self._review = review
        lines = (*review.old[:-1], *review.new[:-1])
        self._hides_return = bool(lines) and all(line.endswith(b"\r\n") for line in lines)
        ends = [side[-1].endswith(b"\n") for side in (review.old, review.new) if side]
        self._marks_end = len(set(ends)) > 1

    def old(self, index: int) -> str:
        """A line of before."""
        return self._show(self._review.old[index])

    def new(self, part: int, index: int) -> str:
        """A line of after, or of what a person put in the place of a part."""
        return self._show(self.new_line(part, index))

    def new_line(self, part: int, index: int) -> bytes:
        """The same as it is kept; empty where a person's words were changed since rows were laid out."""
        own = self._review.parts[part].own if part >= 0 else None
        lines = self._review.new if own is None else own
        return lines[index] if index < len(lines) else b""

    def side(self, is_new: bool) -> Sequence[bytes]:
        """All lines of before, or of after as it is wanted."""
        return self._review.new if is_new else self._review.old

    def show(self, line: bytes) -> str:
        """Any line, as `old` and `new` give it."""
        return self._show(line)

    def _show(self, line: bytes) -> str:
        text = line.decode("utf-8", "surrogateescape")
        body = text.removesuffix("\n")
        if self._hides_return:
            body = body.removesuffix("\r")
        body = neutralise(body)
        if "\t" in body:
            body = body.expandtabs(TAB)
        return body if text.endswith("\n") or not self._marks_end else body + LINE_MARK


def lay_out(
    reviews: Sequence[Review],
    texts: Sequence[Texts],
    *,
    is_split: bool,
    opened: Collection[tuple[int, int]] = (),
) -> Iterator[Row]:
    """The rows of several files.

    Args:
        reviews: What changed.
        texts: Of each of them.
        is_split: Old and new lines stand beside each other.
        opened: Folds that are open, by file and first old line.
    """
    for at, review in enumerate(reviews):
        yield Row("file", at)
        pair = _beside(texts[at]) if is_split else _beneath
        yield from _lay_file(at, review, pair, opened)


def _lay_file(
    at: int, review: Review, lay: Callable[[int, int, Part], Iterator[Row]], opened: Collection[tuple[int, int]]
) -> Iterator[Row]:
    done = shift = 0
    for number, part in enumerate(review.parts):
        hunk = part.hunk
        size = max(hunk.old_end - hunk.old_start, hunk.new_end - hunk.new_start)
        yield from _same(at, done, hunk.old_start, shift, opened, above=number > 0, below=True)
        yield Row("part", at, number, size=size)
        if not size:
            yield Row("whole", at, number)
        yield from lay(at, number, part)
        done, shift = hunk.old_end, hunk.new_end - hunk.old_end
    if review.is_text and review.parts[-1].hunk.old_end < len(review.old):
        yield from _same(at, done, len(review.old), shift, opened, above=True, below=False)


def _same(
    file: int, start: int, end: int, shift: int, opened: Collection[tuple[int, int]], *, above: bool, below: bool
) -> Iterator[Row]:
    """An unchanged stretch; what is far from changes above and below is folded."""
    first = start + (AROUND if above else 0)
    last = end - (AROUND if below else 0)
    if last - first < LEAST_FOLDED or (file, first) in opened:
        first = last = end
    yield from (Row("same", file, old=line, new=line + shift) for line in range(start, min(first, end)))
    if last > first:
        yield Row("fold", file, old=first, new=first + shift, size=last - first)
        yield from (Row("same", file, old=line, new=line + shift) for line in range(last, end))


def _beneath(file: int, number: int, part: Part) -> Iterator[Row]:
    hunk = part.hunk
    yield from (Row("old", file, number, old=line) for line in range(hunk.old_start, hunk.old_end))
    yield from (Row("new", file, number, new=line) for line in _new_lines(part))


def _beside(texts: Texts) -> Callable[[int, int, Part], Iterator[Row]]:
    def lay(file: int, number: int, part: Part) -> Iterator[Row]:
        for old, new in pair_part(texts, number, part):
            yield Row("pair", file, number, old=-1 if old is None else old, new=-1 if new is None else new)

    return lay


def pair_part(texts: Texts, number: int, part: Part) -> list[tuple[int | None, int | None]]:
    """Which old line of a part became which new one."""
    start, lines = part.hunk.old_start, _new_lines(part)
    if are_parallel(part.hunk.old_end - start, len(lines)):
        return list(zip_longest(range(start, part.hunk.old_end), lines))
    old = [texts.old(index) for index in range(start, part.hunk.old_end)]
    new = [texts.new(number, index) for index in lines]
    first = lines.start
    return [
        (None if one is None else start + one, None if other is None else first + other)
        for one, other in pair_lines(old, new)
    ]


def _new_lines(part: Part) -> range:
    return range(part.hunk.new_start, part.hunk.new_end) if part.own is None else range(len(part.own))
