"""Fits ranked spans of code into a number of tokens: each at the level of detail that is worth its tokens.

A heap holds for each candidate the step to a higher level that gains most per token. The best step is taken while it
fits; what a step costs is counted only when it comes to the top, because other steps may have paid for its lines by
then. At the end the whole text is counted: when it is too long, the last steps are taken back.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiex.context.packing.counting import Counts, CountTokens, remembering
from aiex.context.packing.ledger import Sheet
from aiex.context.packing.levels import LONGEST_LINE_CHARS, Level
from aiex.context.packing.packed import Dropped, Effect, Pack, Part, Ranked
from aiex.context.packing.pieces import PIECE_LINES, Piece, cut_long
from aiex.context.packing.render import to_lines, to_ranges
from aiex.context.packing.source import Source
from aiex.errors import UsageError

WORTH = {
    Level.DROP: 0.0,
    Level.OUTLINE: 0.01,
    Level.SIGNATURE: 0.03,
    Level.ELIDED: 0.06,
    Level.CODE: 0.7,
    Level.WHOLE: 1.0,
}
"""How much of a span's worth a level delivers. Long documentation is left out first where it takes more than the share
that is missing to 1. Source: benchmarks/packing.py."""
MUST_WORTH = 1_000.0
RANK_OFFSET = 2
RANK_POWER = 1.5
"""A line of the span at rank r, from 0, is worth (r + offset) ** -power: what is asked for lies in a span the more
likely the higher it ranks and, about in proportion, the longer it is. Source: benchmarks/packing.py."""
LINE_TOKENS = 10
"""Of an average line, until it is counted."""
LEAST_ROOM = 12
LEAST_SHARE = 100
"""With less tokens left, or less than this part of the budget, no further step is looked for."""
ROUNDS = 4
"""How often room that the count of the whole text leaves is filled again."""

ReadSource = Callable[[str], Source | None]
"""Gives a file by its path; None when it cannot be read."""


class Step(NamedTuple):
    """One candidate raised from one level to another."""

    candidate: int
    before: Level
    after: Level
    tokens: int


def pack(
    candidates: Sequence[Ranked],
    budget_tokens: int,
    count: CountTokens,
    read: ReadSource,
    *,
    reserve_tokens: int = 0,
    known: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    tail: str = "",
    numbered: bool = False,
) -> Pack:
    """Pack the best of ranked spans into a text of at most `budget_tokens`.

    Args:
        candidates: Best first; may overlap. A function that is long for the budget is packed in pieces.
        count: Tokens of a text, exactly or leaning upwards.
        read: Called once for each file that comes near the top.
        reserve_tokens: Of the budget, left free for something else.
        known: Lines that the conversation holds already, as `Pack.delivered` gives them; they are not repeated, so that
            an earlier pack can stay where it is and a vendor's cache of it holds.
        tail: Ends the text, such as a map of the repository; counted.
        numbered: Put a number before each line.

    Raises:
        UsageError: if not even the tail fits.

    Cost: O(n log n) steps, and one count for each line that is tried. Source: greedy steps of a knapsack with several
    choices for each item, Sinha and Zoltners 1979.
    """
    room = budget_tokens - reserve_tokens
    counts = remembering(count)
    if counts(tail) > room:
        raise UsageError(f"a budget of {room} tokens is too small for what ends the pack")
    opened: dict[str, Source | None] = {}

    def read_once(path: str) -> Source | None:
        if path not in opened:
            opened[path] = read(path)
        return opened[path]

    pieces = list(cut_long(candidates, read_once, max(room // 2 // LINE_TOKENS, PIECE_LINES)))
    table = Table(pieces, counts, read_once, numbered=numbered)
    table.known = {path: frozenset(to_lines(spans)) for path, spans in (known or {}).items()}
    return table.to_pack(table.fill(room, tail))


class Table:
    """The state of one packing: files opened, levels reached, steps taken."""

    def __init__(self, pieces: Sequence[Piece], counts: Counts, read: ReadSource, *, numbered: bool) -> None:
        self.candidates = [piece.one for piece in pieces]
        self.rank_of = [piece.rank for piece in pieces]
        self.counts = counts
        self.read = read
        self.numbered = numbered
        self.sheets: dict[str, Sheet | None] = {}
        self.levels = [Level.DROP] * len(pieces)
        self.steps: list[Step] = []
        self.spent = 0
        self.ranks: dict[str, int] = {}
        """The best rank of each file."""
        for piece in pieces:
            self.ranks.setdefault(piece.one.path, piece.rank)
        self.known: dict[str, frozenset[int]] = {}
        self.heap: list[tuple[float, int, int]] = []
        """Negative gain per token, candidate, and the version of its file that this was reckoned with."""

    def fill(self, room: int, tail: str) -> str:
        """Take steps until the text fills the room."""
        allowed = room - self.counts(tail)
        text = tail
        for _ in range(ROUNDS):
            taken = len(self.steps)
            self.climb(allowed)
            text = self.text(tail)
            tokens = self.counts(text)
            if tokens > room or len(self.steps) == taken or room - tokens < max(room // 50, LEAST_ROOM):
                break
            allowed = int(self.spent + (room - tokens) * self.spent / max(tokens, 1))
        while self.steps and self.counts(text) > room:
            self.take_back(self.counts(text) - room)
            text = self.text(tail)
        return text

    def climb(self, allowed: int) -> None:
        """Take the best steps as far as they fit."""
        self.heap = [(-self.guess(number), number, -1) for number in range(len(self.candidates))]
        heapq.heapify(self.heap)
        while self.heap and allowed - self.spent >= max(LEAST_ROOM, allowed // LEAST_SHARE):
            _, number, version = heapq.heappop(self.heap)
            sheet = self.sheet(number)
            if sheet is None:
                continue
            found = self.best_step(number, sheet, allowed - self.spent)
            if found is None:
                continue
            ratio, step = found
            if version != sheet.version and self.heap and ratio < -self.heap[0][0]:
                heapq.heappush(self.heap, (-ratio, number, sheet.version))
                continue
            self.take(step, sheet)
            if step.after < Level.WHOLE:
                heapq.heappush(self.heap, (-ratio, number, -1))

    def guess(self, number: int) -> float:
        """Gain per token before the file is opened, leaning upwards."""
        return 2 * self.worth(number) / (self.lines_of(number) * LINE_TOKENS)

    def worth(self, number: int) -> float:
        """What a candidate whole is worth."""
        one = self.candidates[number]
        density: float = (self.rank_of[number] + RANK_OFFSET) ** -RANK_POWER
        if getattr(one, "must", False):
            density *= MUST_WORTH
        return self.lines_of(number) * density

    def lines_of(self, number: int) -> int:
        """The length of a candidate."""
        one = self.candidates[number]
        return max(one.end_line - one.start_line + 1, 1)

    def best_step(self, number: int, sheet: Sheet, room: int) -> tuple[float, Step] | None:
        """The step that gains most per token, of those that fit; None when none does."""
        best: tuple[float, Step] | None = None
        before = self.levels[number]
        for level in Level:
            if level <= before:
                continue
            tokens = sheet.cost(self.candidates[number], level, room)
            if tokens is None:
                continue
            ratio = self.worth(number) * (WORTH[level] - WORTH[before]) / max(tokens, 1)
            if best is None or ratio >= best[0]:
                best = ratio, Step(number, before, level, tokens)
        return best

    def take(self, step: Step, sheet: Sheet) -> None:
        sheet.move(self.candidates[step.candidate], step.before, step.after)
        self.levels[step.candidate] = step.after
        self.spent += step.tokens
        self.steps.append(step)

    def take_back(self, tokens: int) -> None:
        """Undo the last steps that were reckoned at so many tokens, at least one."""
        freed = 0
        while self.steps and (not freed or freed < tokens):
            step = self.steps.pop()
            sheet = self.sheet(step.candidate)
            if sheet is not None:
                sheet.move(self.candidates[step.candidate], step.after, step.before)
            self.levels[step.candidate] = step.before
            self.spent -= step.tokens
            freed += max(step.tokens, 1)

    def sheet(self, number: int) -> Sheet | None:
        """The file of a candidate, opened when it is first asked for."""
        path = self.candidates[number].path
        if path not in self.sheets:
            source = self.read(path)
            known = self.known.get(path, frozenset())
            self.sheets[path] = Sheet(source, self.counts, known, numbered=self.numbered) if source else None
        return self.sheets[path]

    def order(self) -> list[str]:
        """The files of the text, by the best rank of their spans.

        What ranks high changes least from one request to the next: when ranks moved by up to two places and two results
        of 120 were others, 14 % of the text began alike in this order and 10 % in that of paths (n = 40, 8,000 tokens).
        """
        shown = [path for path, sheet in self.sheets.items() if sheet and (sheet.wanted or sheet.named)]
        return sorted(shown, key=self.ranks.__getitem__)

    def text(self, tail: str) -> str:
        """The pack as it stands."""
        blocks = [sheet.text() for path in self.order() if (sheet := self.sheets[path])]
        return "\n".join([*blocks, tail] if tail else blocks)

    def to_pack(self, text: str) -> Pack:
        """What was chosen, as data."""
        place = {path: number for number, path in enumerate(self.order())}
        tokens = [0] * len(self.candidates)
        for step in self.steps:
            tokens[step.candidate] += step.tokens
        parts, dropped = [], []
        for number, (one, level) in enumerate(zip(self.candidates, self.levels, strict=True)):
            span = (one.path, one.start_line, one.end_line)
            sheet = self.sheets.get(one.path)
            if level and sheet and (sheet.lines(one, level) or sheet.names(one, level)):
                parts.append(Part(*span, level.name.lower(), one.why, tokens[number]))
            else:
                is_known = level and one.path in self.known
                dropped.append(Dropped(*span, "known" if is_known else self.why_dropped(one)))
        parts.sort(key=lambda part: (place[part.path], part.start_line, part.end_line))
        after = self.counts(text)
        levels = {level.name.lower(): self.levels.count(level) for level in reversed(Level)}
        effect = Effect(
            max(self.whole_tokens(), after), after, {name: times for name, times in levels.items() if times}
        )
        delivered = {
            path: to_ranges(sheet.delivered()) for path in place if (sheet := self.sheets[path]) and sheet.wanted
        }
        return Pack(text, after, tuple(parts), tuple(dropped), effect, delivered)

    def why_dropped(self, one: Ranked) -> str:
        """Why nothing of a candidate is in the text."""
        if one.path not in self.sheets:
            return "no room"
        sheet = self.sheets[one.path]
        lines = sheet.source.lines[max(one.start_line - 1, 0) : one.end_line] if sheet else ()
        if not lines:
            return "not readable"
        return "no room" if any(len(line) <= LONGEST_LINE_CHARS for line in lines) else "long lines"

    def whole_tokens(self) -> int:
        """About what all candidates whole would take: the lines counted, times what a line takes in the mean."""
        wanted: dict[str, list[tuple[int, int]]] = {}
        for one in self.candidates:
            if self.sheets.get(one.path, self) is not None:
                wanted.setdefault(one.path, []).append((one.start_line, one.end_line))
        lines = {path: _lines_of(spans, self.sheets.get(path)) for path, spans in wanted.items()}
        known = [(sheet, number) for path, sheet in self.sheets.items() if sheet for number in sheet.wanted]
        seen = sum(sheet.line_tokens(number) for sheet, number in known)
        mean = seen / len(known) if known else LINE_TOKENS
        headers = sum(self.counts(f"## {path} (100 lines)\n```\n```\n") for path in lines)
        return round(sum(lines.values()) * mean) + headers


def _lines_of(spans: Sequence[tuple[int, int]], sheet: Sheet | None) -> int:
    """Different lines in spans, as far as the file goes."""
    lines, reached = 0, 0
    most = sheet.source.line_count if sheet else None
    for first, last in sorted(spans):
        end = last if most is None else min(last, most)
        lines += max(end - max(first, reached + 1) + 1, 0)
        reached = max(reached, end)
    return lines
