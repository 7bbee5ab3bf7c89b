"""Looks for words in a talk, a slice at a time, so that a long talk never holds up the screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.tui.story import Story

SLICE_CHARS: Final = 100_000
"""Searched at once: a few milliseconds."""


class Finding:
    """The matches of one query in a story; letters count without case unless the query has a large one."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.query = ""
        self.matches: list[tuple[int, int]] = []
        """The number of a block, and which match in it; in their order."""
        self.at: int | None = None
        """The match that is shown."""
        self.is_done = True
        self._pattern: re.Pattern[str] | None = None
        self._walk: Iterator[None] = iter(())

    def look_for(self, query: str) -> None:
        """Begin to look for something else, or for nothing."""
        self.query = query
        self.matches, self.at = [], None
        case = re.NOFLAG if query != query.lower() else re.IGNORECASE
        self._pattern = re.compile(re.escape(query), case) if query else None
        self._walk = self._search() if query else iter(())
        self.is_done = not query

    def go_on(self) -> None:
        """Look through the next slice."""
        if next(self._walk, self) is self:
            self.is_done = True

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where matches lie in a line."""
        if self._pattern is not None:
            for found in self._pattern.finditer(text):
                yield found.span()

    def step(self, step: int) -> tuple[int, int] | None:
        """The next match, or with -1 the one before; the first time the last of all."""
        if not self.matches:
            return None
        if self.at is None:
            self.at = len(self.matches) - 1 if step < 0 else 0
        else:
            self.at = (self.at + step) % len(self.matches)
        return self.matches[self.at]

    def _search(self) -> Iterator[None]:
        chars = 0
        for block in self._story.blocks:
            words = block.words()
            self.matches += [(block.number, nth) for nth, _ in enumerate(self.spans(words))]
            chars += len(words) + 100
            if chars > SLICE_CHARS:
                chars = 0
                yield
