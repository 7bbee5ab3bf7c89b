"""A counter of tokens that remembers what it counted."""

from collections.abc import Callable

CountTokens = Callable[[str], int]
"""Tokens of a text, exactly or leaning upwards."""
KEPT_CHARS = 20_000_000
"""Of texts whose counts are remembered; beyond that the memory begins anew."""

KEPT_THINGS = 20_000


class Counts:
    """A counter that counts the same text once; keep one per model, for as long as there is something to count."""

    def __init__(self, count: CountTokens) -> None:
        self._count = count
        self._known: dict[str, int] = {}
        self._chars = 0
        self.weights: dict[int, tuple[object, int]] = {}
        """Tokens of things made of texts, by identity; the thing is kept, so that no other can have it."""

    def __call__(self, text: str) -> int:
        known = self._known.get(text)
        if known is None:
            known = self._count(text)
            if self._chars > KEPT_CHARS:
                self._known.clear()
                self._chars = 0
            self._known[text] = known
            self._chars += len(text)
        return known

    def keep(self, thing: object, tokens: int) -> None:
        """Remember the tokens of a thing."""
        if len(self.weights) >= KEPT_THINGS:
            self.weights.clear()
        self.weights[id(thing)] = (thing, tokens)


def remembering(count: CountTokens) -> Counts:
    """The counter itself when it already remembers, else one that does."""
    return count if isinstance(count, Counts) else Counts(count)
