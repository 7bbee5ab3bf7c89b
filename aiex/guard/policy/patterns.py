"""Patterns over sequences: the words of a command, the components of a path, the labels of a host from the right.

An element is a text, a `Glob` for one element with wildcards, or `MANY` for any number of elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Glob(NamedTuple):
    """One element with `*` in it."""

    pieces: tuple[str, ...]
    """The texts between the wildcards; two empty ones stand for any element, none at all for any number of them."""

    def matches(self, word: str) -> bool:
        """Whether the element is one of those that the wildcards stand for. Cost: linear."""
        first, last = self.pieces[0], self.pieces[-1]
        if len(word) < len(first) + len(last) or not word.startswith(first) or not word.endswith(last):
            return False
        at, end = len(first), len(word) - len(last)
        for piece in self.pieces[1:-1]:
            at = word.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    def includes(self, other: Glob) -> bool:
        """Whether it stands for all that `other` does; False also where that is not plain."""
        first, last = self.pieces[0], self.pieces[-1]
        theirs = list(other.pieces)
        if not theirs[0].startswith(first) or not theirs[-1].endswith(last):
            return False
        theirs[0] = theirs[0][len(first) :]
        theirs[-1] = theirs[-1][: len(theirs[-1]) - len(last)]
        for piece in self.pieces[1:-1]:
            while theirs and piece not in theirs[0]:
                theirs.pop(0)
            if not theirs:
                return False
            theirs[0] = theirs[0][theirs[0].index(piece) + len(piece) :]
        return True


Element = str | Glob
Pattern = tuple[Element, ...]
MANY: Final = Glob(())
ANY: Final = Glob(("", ""))


def to_element(marked: str, star: str) -> Element:
    """A text in which one character stands for wildcards as an element."""
    return Glob(tuple(marked.split(star))) if star in marked else marked


def covers_word(element: Element, word: str) -> bool:
    """Whether one element, which is not `MANY`, stands for a word."""
    return element.matches(word) if isinstance(element, Glob) else element == word


def is_within(inner: Pattern, outer: Pattern) -> bool:
    """Whether all that `inner` stands for belongs to `outer` too; False also where that is not plain.

    Cost: the product of both lengths.
    """

    def fits(at: int, to: int) -> bool:
        return inner[at] is not MANY and _is_element_within(inner[at], outer[to])

    return _leads_through(len(inner), outer, fits, lambda _at, _to: True)


def _is_element_within(inner: Element, outer: Element) -> bool:
    if isinstance(inner, str):
        return covers_word(outer, inner)
    return isinstance(outer, Glob) and outer.includes(inner)


def aligns(pattern: Pattern, words: Sequence[str], may_cover: Callable[[int, Element], bool]) -> bool:
    """Whether a pattern stands for the words, where each word is covered as `may_cover(number, element)` wants it.

    Cost: the product of both lengths.
    """

    def fits(at: int, to: int) -> bool:
        return covers_word(pattern[to], words[at]) and may_cover(at, pattern[to])

    return _leads_through(len(words), pattern, fits, lambda at, _to: may_cover(at, MANY))


def _leads_through(
    size: int, outer: Pattern, fits: Callable[[int, int], bool], passes: Callable[[int, int], bool]
) -> bool:
    """Whether so many elements can be laid along a pattern.

    Args:
        size: How many elements.
        outer: The pattern.
        fits: Whether an element fits one of the pattern that is not `MANY`.
        passes: Whether an element may be one of many.
    """
    reached = [True] + [False] * size
    for to, element in enumerate(outer):
        if element is MANY:
            for at in range(size):
                reached[at + 1] = reached[at + 1] or (reached[at] and passes(at, to))
        else:
            reached = [False, *(reached[at] and fits(at, to) for at in range(size))]
    return reached[size]


def may_meet(one: Pattern, other: Pattern) -> bool:
    """Whether something may belong to both; True also where that is not plain. Cost: the product of both lengths."""
    seen = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        at, to = waiting.pop()
        if at == len(one) and to == len(other):
            return True
        for state in _steps(one, at, other, to):
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return False


def _steps(one: Pattern, at: int, other: Pattern, to: int) -> Iterator[tuple[int, int]]:
    first = one[at] if at < len(one) else None
    second = other[to] if to < len(other) else None
    if first is MANY or second is MANY:
        if first is not None:
            yield at + 1, to
        if second is not None:
            yield at, to + 1
    elif first is not None and second is not None and _may_be_alike(first, second):
        yield at + 1, to + 1


def _may_be_alike(one: Element, other: Element) -> bool:
    if isinstance(one, str):
        return covers_word(other, one)
    return isinstance(other, Glob) or one.matches(other)


def map_texts(pattern: Pattern, fold: Callable[[str], str], fold_piece: Callable[[str], str]) -> Pattern:
    """The same pattern with its texts changed: whole ones by `fold`, those between wildcards by `fold_piece`."""
    return tuple(
        element
        if element is MANY
        else Glob(tuple(map(fold_piece, element.pieces)))
        if isinstance(element, Glob)
        else fold(element)
        for element in pattern
    )
