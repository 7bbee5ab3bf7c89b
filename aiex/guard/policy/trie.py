"""Finds the rules whose patterns match a sequence, without looking at each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from aiex.guard.policy.patterns import MANY, Glob, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")
Globs: TypeAlias = "list[tuple[Glob, Trie[T]]]"


class Trie(Generic[T]):
    """Patterns that share their beginnings share the nodes of them; a node for `MANY` stays where it is."""

    __slots__ = ("by_beginning", "by_ending", "globs", "many", "stays", "texts", "values")

    def __init__(self) -> None:
        self.texts: dict[str, Trie[T]] = {}
        self.by_beginning: dict[int, dict[str, Globs[T]]] = {}
        """Globs such as `test_*`, by the length and the text of what they begin with."""
        self.by_ending: dict[int, dict[str, Globs[T]]] = {}
        """Globs such as `*.key`, by the length and the text of what they end with."""
        self.globs: Globs[T] = []
        """Those with a wildcard at both ends."""
        self.many: Trie[T] | None = None
        self.stays = False
        self.values: list[T] = []

    def add(self, pattern: Pattern, value: T) -> None:
        """Put a value where the pattern leads."""
        node = self
        for element in pattern:
            node = node._child(element)
        node.values.append(value)

    def find(self, words: Sequence[str]) -> list[T]:
        """The values of all patterns that match. Cost: about a microsecond for a word, however many rules there are."""
        return [value for node in self._after(words) for value in node.values]

    def find_below(self, words: Sequence[str]) -> Iterator[T]:
        """The values of all patterns that match the words with any others behind them."""
        seen: dict[Trie[T], None] = dict.fromkeys(self._after(words))
        waiting = list(seen)
        while waiting:
            node = waiting.pop()
            yield from node.values
            for child in node._children():
                if child not in seen:
                    seen[child] = None
                    waiting.append(child)

    def _child(self, element: str | Glob) -> Trie[T]:
        if element is MANY:
            if self.stays:
                return self
            if self.many is None:
                self.many = Trie()
                self.many.stays = True
            return self.many
        if isinstance(element, str):
            return self.texts.get(element) or self.texts.setdefault(element, Trie())
        known = self._place_of(element)
        for glob, node in known:
            if glob == element:
                return node
        made: Trie[T] = Trie()
        known.append((element, made))
        return made

    def _place_of(self, glob: Glob) -> Globs[T]:
        first, last = glob.pieces[0], glob.pieces[-1]
        if first:
            return self.by_beginning.setdefault(len(first), {}).setdefault(first, [])
        if last:
            return self.by_ending.setdefault(len(last), {}).setdefault(last, [])
        return self.globs

    def _children(self) -> Iterator[Trie[T]]:
        yield from self.texts.values()
        yield from (node for _, node in self.globs)
        for places in (*self.by_beginning.values(), *self.by_ending.values()):
            yield from (node for found in places.values() for _, node in found)
        if self.many:
            yield self.many

    def _after(self, words: Sequence[str]) -> Iterable[Trie[T]]:
        """The nodes where the words lead."""
        nodes: dict[Trie[T], None] = {self: None}
        if self.many:
            nodes[self.many] = None
        for word in words:
            following: dict[Trie[T], None] = {}
            for node in nodes:
                if node.stays:
                    following[node] = None
                if child := node.texts.get(word):
                    following[child] = None
                for size, places in node.by_beginning.items():
                    if found := places.get(word[:size]):
                        _step(found, word, following)
                for size, places in node.by_ending.items():
                    if found := places.get(word[-size:]):
                        _step(found, word, following)
                if node.globs:
                    _step(node.globs, word, following)
            for node in tuple(following):
                if node.many:
                    following[node.many] = None
            nodes = following
        return nodes


def _step(globs: Globs[T], word: str, following: dict[Trie[T], None]) -> None:
    for glob, node in globs:
        if glob.matches(word):
            following[node] = None
