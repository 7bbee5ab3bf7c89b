"""One text as the rules look at it: as it is, folded to lower ASCII, and as classes of characters."""

import re
from typing import NamedTuple

_TOKEN = b"abcdefghijklmnopqrstuvwxyz0123456789_-"
_CLASSES = bytes(0x61 if code in _TOKEN else 0x20 for code in range(256))
_LONG_RUN = 18
"""Shorter runs of letters, digits, `_` and `-` are no keys of a vendor: the shortest documented has twenty."""
_NEEDLE = b"a" * _LONG_RUN

Span = tuple[int, int]
"""Where a secret begins and ends."""


class Source(NamedTuple):
    """A text with two byte strings of the same length, which are searched many times faster than the text."""

    text: str
    folded: bytes
    """Lower case; whatever is not ASCII is `?`."""
    classes: bytes
    """`a` for a letter, a digit, `_` or `-`, else a space."""

    def runs(self) -> list[Span]:
        """Every long run of token characters, in order. Cost: about a nanosecond a character."""
        found, position, classes = [], 0, self.classes
        while (start := classes.find(_NEEDLE, position)) >= 0:
            position = classes.find(b" ", start)
            if position < 0:
                position = len(classes)
            found.append((start, position))
        return found

    def has_run(self) -> bool:
        """Whether there is any such run."""
        return _NEEDLE in self.classes

    def places(self, anchor: re.Pattern[bytes]) -> list[int]:
        """Where an anchor stands in the folded text.

        Anchors begin with one letter, a rare one, and go on in a group: the search then looks for the letter alone, at
        half a nanosecond a character. With a choice of letters or a longer literal it takes two to thirty times that.
        """
        return [match.start() for match in anchor.finditer(self.folded)]


def to_source(text: str) -> Source:
    """The text with its two shadows. Cost: 2 to 8 ns a character."""
    folded = text.encode("ascii", "replace").lower()
    return Source(text, folded, folded.translate(_CLASSES))
