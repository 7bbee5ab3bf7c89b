"""What is chosen of each file while a pack is made, and what a change would cost."""

from collections import Counter
from collections.abc import Iterable

from aiex.context.packing.counting import Counts
from aiex.context.packing.levels import Level, lines_at, named_in
from aiex.context.packing.packed import Ranked
from aiex.context.packing.render import close_gaps, render_file, render_header
from aiex.context.packing.source import Source

MARK = "… lines 1000-1200 …\n"
NAME_TOKENS = 7
"""About what the name of a definition with its lines costs in a mark."""
CHARS_PER_TOKEN_MOST = 16
"""No code has more; a span with more characters than this times the room is not counted line by line."""


class Sheet:
    """One file of a pack: which lines are wanted by how many candidates, and which names."""

    def __init__(self, source: Source, counts: Counts, known: frozenset[int], *, numbered: bool) -> None:
        self.source = source
        self.known = known
        self.numbered = numbered
        self.wanted: Counter[int] = Counter()
        self.named: Counter[int] = Counter()
        self.version = 0
        self._counts = counts
        self._tokens: dict[int, int] = {}
        self._levels: dict[tuple[int, int, Level], frozenset[int]] = {}

    def lines(self, one: Ranked, level: Level) -> frozenset[int]:
        """The lines that a candidate delivers at a level."""
        key = (one.start_line, one.end_line, level)
        if key not in self._levels:
            focus = getattr(one, "focus", ())
            lines = lines_at(self.source, one.start_line, one.end_line, level, focus)
            self._levels[key] = lines if lines.isdisjoint(self.known) else self._unknown(one, lines)
        return self._levels[key]

    def _unknown(self, one: Ranked, lines: frozenset[int]) -> frozenset[int]:
        """Without what is known; what only says where the span stands is then not worth repeating either."""
        fresh = lines.difference(self.known)
        return fresh if any(one.start_line <= number <= one.end_line for number in fresh) else frozenset()

    def names(self, one: Ranked, level: Level) -> list[int]:
        """The symbols that a candidate names in marks at a level."""
        return named_in(self.source, one.start_line, one.end_line) if level is Level.OUTLINE else []

    def cost(self, one: Ranked, level: Level, room: int) -> int | None:
        """About how many tokens it takes to raise a candidate to a level; None when that is more than the room."""
        names = sum(1 for index in self.names(one, level) if not self.named[index])
        fresh = self.lines(one, level).difference(self.wanted)
        if sum(len(self.source.lines[number - 1]) for number in fresh) > room * CHARS_PER_TOKEN_MOST:
            return None
        tokens = sum(self.line_tokens(number) for number in fresh)
        tokens += self._marks(fresh) * self._counts(MARK) + names * NAME_TOKENS
        if not self.wanted and not self.named:
            tokens += self._counts(f"{render_header(self.source)}\n```\n```\n\n")
        return max(tokens, 0) if tokens <= room else None

    def line_tokens(self, number: int) -> int:
        """Of a line with what stands before and behind it."""
        tokens = self._tokens.get(number)
        if tokens is None:
            line = self.source.lines[number - 1]
            tokens = self._tokens[number] = self._counts(f"{number:>5} {line}\n" if self.numbered else f"{line}\n")
        return tokens

    def _marks(self, fresh: frozenset[int]) -> int:
        """How many marks more there are with these lines."""
        if not fresh:
            return 0
        marks = 0 if self.wanted else 1
        for number in fresh:
            if number - 1 not in fresh:
                marks += (number > 1 and number - 1 not in self.wanted) - 1
            if number + 1 not in fresh:
                marks += number < self.source.line_count and number + 1 not in self.wanted
        return marks

    def move(self, one: Ranked, before: Level, after: Level) -> None:
        """Take a candidate from one level to another."""
        _swap(self.wanted, self.lines(one, before), self.lines(one, after))
        _swap(self.named, self.names(one, before), self.names(one, after))
        self.version += 1

    def delivered(self) -> list[int]:
        """The lines that the text holds, in order."""
        return close_gaps(self.source, self.wanted)

    def text(self) -> str:
        """The file as it stands in the pack; empty when nothing of it does."""
        if not self.wanted and not self.named:
            return ""
        return render_file(self.source, self.delivered(), self.named, numbered=self.numbered)


def _swap(counter: Counter[int], old: Iterable[int], new: Iterable[int]) -> None:
    """Count the new and discount the old; what nobody wants any more leaves."""
    counter.update(new)
    for number in old:
        counter[number] -= 1
        if not counter[number]:
            del counter[number]
