"""Where the blocks of a story lie, row by row: those that were seen as they are drawn, the others by an estimate.

Only what is looked at is drawn, and of that only the rows of the last few thousand are kept.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.tui.draw import estimate
from aiex.tui.heights import Heights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.strip import Strip

    from aiex.tui.blocks import Block
    from aiex.tui.draw import Drawer
    from aiex.tui.story import Story
    from aiex.tui.wrap import Row

ROWS_KEPT: Final = 2_000
"""Rows of drawn blocks; less than 1 kB each."""
STRIPS_KEPT: Final = 400
"""Of those so many are kept ready for the screen, at about 6 kB each."""


class Laid:
    """A block as it was drawn."""

    __slots__ = ("block", "colored", "rows", "strips", "version")

    def __init__(self, block: Block, rows: list[Row], colored: int | None) -> None:
        self.block = block
        self.version = block.version
        self.rows = rows
        self.colored = colored
        """Its colours were not there yet after so many rounds of colouring; None where they were."""
        self.strips: dict[int, Strip] = {}
        """Rows made ready for the screen."""


class Update(NamedTuple):
    """What a change of the story did to the rows."""

    first: int
    """From this row on something may look different."""
    above: int
    """By so many rows grew what lies above the row that was asked about."""


class Layout:
    """The rows of a story at a width.

    Args:
        story: Whose blocks are laid.
        drawer: Draws them.
    """

    def __init__(self, story: Story, drawer: Drawer) -> None:
        self.story = story
        self.drawer = drawer
        self.width = 0
        self.heights = Heights()
        self._is_exact = bytearray()
        self._laid: OrderedDict[int, Laid] = OrderedDict()
        self._rows = 0
        self._strips: deque[tuple[Laid, int]] = deque()

    @property
    def total(self) -> int:
        """Rows of everything, as far as known."""
        return self.heights.total

    def renew(self, *, story: Story | None = None, drawer: Drawer | None = None, width: int | None = None) -> None:
        """Lay everything anew: other blocks, another look or another width. Cost: an estimate of each block."""
        self._laid.clear()
        self._rows = 0
        self.drawer = drawer or self.drawer
        if drawer is not None and story is None and width is None:
            return
        self.story = story or self.story
        before, self.width = self.width, self.width if width is None else width
        self.story.take_changes()
        known = self.heights if story is None and before else Heights()
        self.heights = Heights(
            self._guess(at, block, known, before) for at, block in enumerate(self.story.blocks.at_hand())
        )
        self._is_exact = bytearray(len(self.heights))

    def update(self, row: int) -> Update | None:
        """Take in what changed in the story; None where nothing did."""
        since, touched = self.story.take_changes()
        if since is None and not touched:
            return None
        first, above = self.total, 0
        for block in touched:
            at = self.story.index(block)
            top = self.heights.top(at)
            differs, grown = self._renew(at)
            first = min(first, top + differs)
            above += grown if top < row else 0
        if since is not None:
            first = min(first, self.heights.top(since))
            self._append_from(since)
        return Update(first, above)

    def prepend(self, blocks: Sequence[Block]) -> int:
        """Put a past before everything; the rows that it takes."""
        self.story.prepend(blocks)
        before = self.total
        self.heights.prepend([estimate(block, self.width) for block in blocks])
        self._is_exact[:0] = bytes(len(blocks))
        return self.total - before

    def settle(self, top: int, height: int, seen: int | None = None) -> int:
        """Draw what lies in a window; where that begins afterwards, so that what was seen in it stays in place.

        Args:
            seen: The row that was the first before the window went up: what lies above it grows upwards.
        """
        at = self.heights.at(top)
        while at < len(self.heights):
            begin = self.heights.top(at)
            if begin >= top + height:
                break
            if not self._is_exact[at]:
                grown = self._measure(at)
                if grown and begin < (top if seen is None else seen):
                    top = max(begin if seen is None else 0, top + grown)
                    seen = None if seen is None else seen + grown
                    at = self.heights.at(top)
                    continue
            at += 1
        return top

    def settle_end(self, height: int) -> int:
        """Draw the last blocks that fill a window; where it begins."""
        at, filled = len(self.heights), 0
        while at and filled < height:
            at -= 1
            self._measure(at)
            filled += self.heights[at]
        return max(0, self.total - height)

    def laid(self, at: int) -> Laid:
        """A block as it is drawn; drawn now where it was not kept."""
        block = self.story.blocks[at]
        laid = self._laid.get(block.number)
        if laid is not None and self._is_current(laid, block):
            self._laid.move_to_end(block.number)
            return laid
        rounds = self.drawer.highlighter.count
        rows, is_final = self.drawer.try_draw(block, self.width)
        made = Laid(block, rows, None if is_final else rounds)
        if laid is not None:
            self._rows -= len(laid.rows)
            _carry_over(laid, made)
        self._laid[block.number] = made
        self._laid.move_to_end(block.number)
        self._rows += len(rows)
        while self._rows > ROWS_KEPT and len(self._laid) > 1:
            _, oldest = self._laid.popitem(last=False)
            self._rows -= len(oldest.rows)
        return made

    def keep(self, laid: Laid, row: int, strip: Strip) -> None:
        """Keep a row that was made ready, in place of the one that was made first of all that are kept."""
        laid.strips[row] = strip
        self._strips.append((laid, row))
        if len(self._strips) > STRIPS_KEPT:
            oldest, number = self._strips.popleft()
            oldest.strips.pop(number, None)

    def recolor(self) -> None:
        """Some code has its colours now: what was drawn without them is drawn again when it is looked at."""
        for number, laid in self._laid.items():
            if laid.colored is not None and not laid.block.is_live:
                at = number - self.story.blocks.first
                if 0 <= at < len(self._is_exact):
                    self._is_exact[at] = 0

    def find(self, row: int) -> tuple[int, int] | None:
        """The place of the block at a row, and which of its rows that is; None where there is none."""
        if not 0 <= row < self.total:
            return None
        at = self.heights.at(row)
        return at, row - self.heights.top(at)

    def _guess(self, at: int, block: Block | None, known: Heights, before: int) -> int:
        """The height of a block, of one that is compressed from the height that it had at the width before."""
        if block is None and at < len(known):
            return _scale(known[at], before, max(self.width, 1))
        return estimate(block or self.story.blocks[at], self.width)

    def _is_current(self, laid: Laid, block: Block) -> bool:
        if laid.block is not block or laid.version != block.version:
            return False
        return laid.colored is None or block.is_live or laid.colored == self.drawer.highlighter.count

    def _measure(self, at: int) -> int:
        """Make the height of a block exact; by how much it grew."""
        if self._is_exact[at]:
            return 0
        self._is_exact[at] = 1
        return self.heights.set(at, len(self.laid(at).rows))

    def _renew(self, at: int) -> tuple[int, int]:
        """Take in that a block changed: the first of its rows that differs, and by how many it grew."""
        block = self.story.blocks[at]
        before = self._laid.get(block.number)
        if before is None:
            self._is_exact[at] = 0
            return 0, self.heights.set(at, estimate(block, self.width))
        rows = before.rows
        after = self.laid(at).rows
        self._is_exact[at] = 1
        return _first_difference(rows, after), self.heights.set(at, len(after))

    def _append_from(self, since: int) -> None:
        self.heights.truncate(since)
        del self._is_exact[since:]
        blocks = self.story.blocks
        for at in range(since, len(blocks)):
            self.heights.append(estimate(blocks[at], self.width))
            self._is_exact.append(0)


def _scale(height: int, before: int, after: int) -> int:
    """About how many rows a block has at another width, from those that it had."""
    return height if height <= 2 else max(2, height * before // after)


def _first_difference(before: list[Row], after: list[Row]) -> int:
    for at, (one, other) in enumerate(zip(before, after, strict=False)):
        if one is not other and one != other:
            return at
    return min(len(before), len(after))


def _carry_over(before: Laid, after: Laid) -> None:
    """Keep what was made ready of the rows that are the same."""
    if before.block is after.block:
        same = _first_difference(before.rows, after.rows)
        for at in [at for at in before.strips if at >= same]:
            del before.strips[at]
        after.strips = before.strips  # the same object: what is kept ready stays counted
