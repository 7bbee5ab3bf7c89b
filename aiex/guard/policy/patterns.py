"""Patterns over sequences: the words of a command, the components of a path, the labels of a host from the right.

An element is a text, a `Glob` for one element with wildcards, or `MANY` for any number of elements.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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

    @cache
    def fits(at: int, to: int) -> bool:
        if to == len(outer):
            return at == len(inner)
        if outer[to] is MANY:
            return fits(at, to + 1) or (at < len(inner) and fits(at + 1, to))
        if at == len(inner) or inner[at] is MANY:
            return False
        return _is_element_within(inner[at], outer[to]) and fits(at + 1, to + 1)

    return fits(0, 0)


def _is_element_within(inner: Element, outer: Element) -> bool:
    if isinstance(inner, str):
        return covers_word(outer, inner)
    return isinstance(outer, Glob) and outer.includes(inner)


def aligns(pattern: Pattern, words: Sequence[str], may_cover: Callable[[int, Element], bool]) -> bool:
    """Whether a pattern stands for the words, where each word is covered as `may_cover(number, element)` wants it.

    Cost: the product of both lengths.
    """

    @cache
    def fits(at: int, to: int) -> bool:
        if to == len(pattern):
            return at == len(words)
        element = pattern[to]
        if element is MANY:
            return fits(at, to + 1) or (at < len(words) and may_cover(at, element) and fits(at + 1, to))
        if at == len(words) or not covers_word(element, words[at]) or not may_cover(at, element):
            return False
        return fits(at + 1, to + 1)

    return fits(0, 0)


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
