"""Keeps the blocks of a long talk in little memory: those near the end as they are, the others compressed by pages.

Compressed pages are put into a file; where that cannot be, they stay in memory. A block that was on such a page comes
back as another object that says the same; its `number` stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.guard.spill import Spill, Spilled

if TYPE_CHECKING:
    from aiex.tui.blocks import Block

PAGE: Final = 128
"""Blocks on a page; about 80 kB of them become 12."""
LOOSE: Final = 8
"""So many pages stay as they are: the last ones, and as many of those that were looked at last."""


class Packed(NamedTuple):
    """A compressed page."""

    kept: bytes | Spilled
    versions: int
    """The sum of those of its blocks: one that has another says something else."""


class Shelf:
    """A list of blocks that grows at its end, now and then at its begin, and changes only near its end.

    The first page may be shorter than the others, because a past that is told later comes before it.
    """

    def __init__(self) -> None:
        self._pages: list[list[Block] | Packed] = []
        self._starts: list[int] = []
        """The number of the first block of each page."""
        self._looked: dict[int, Packed | None] = {}
        """Pages that were opened, by their start, and what they were made of; the last one last."""
        self._spill = Spill()
        self.first = 0
        """The number of the first block; below 0 where a past was put before."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Block]:
        for page in list(self._pages):
            yield from page if isinstance(page, list) else self._unpack(page)

    def at_hand(self) -> Iterator[Block | None]:
        """All blocks, with None for those on compressed pages. Cost: almost nothing."""
        for where, page in enumerate(self._pages):
            if isinstance(page, list):
                yield from page
            else:
                starts = [*self._starts[where : where + 2], self.first + self._count]
                yield from repeat(None, starts[1] - starts[0])

    def __getitem__(self, at: int) -> Block:
        if not -self._count <= at < self._count:
            raise IndexError(at)
        number = self.first + (at if at >= 0 else self._count + at)
        where = self._find(number)
        page = self._pages[where]
        if isinstance(page, Packed):
            page = self._open(where)
        return page[number - self._starts[where]]

    def append(self, block: Block) -> None:
        """Put a block at the end, and number it."""
        last = self._pages[-1] if self._pages else None
        if not isinstance(last, list) or len(last) >= PAGE:
            self._pages.append([])
            self._starts.append(self.first + self._count)
            self._tidy(len(self._pages) - LOOSE - 1)
        block.number = self.first + self._count
        page = self._pages[-1]
        if isinstance(page, list):
            page.append(block)
        self._count += 1

    def truncate(self, count: int) -> None:
        """Take those at the end away; no more than are on the last pages."""
        while self._count > count:
            page = self._pages[-1]
            if isinstance(page, Packed):
                page = self._open(len(self._pages) - 1)
            taken = min(len(page), self._count - count)
            del page[len(page) - taken :]
            self._count -= taken
            if not page:
                self._looked.pop(self._starts[-1], None)
                del self._pages[-1], self._starts[-1]

    def prepend(self, blocks: Sequence[Block]) -> None:
        """Put a past before everything."""
        begin = self.first - len(blocks)
        for number, block in enumerate(blocks, begin):
            block.number = number
        pages = [list(blocks[at : at + PAGE]) for at in range(0, len(blocks), PAGE)]
        self._starts[:0] = range(begin, self.first, PAGE)
        self._pages[:0] = pages
        self.first, self._count = begin, self._count + len(blocks)
        for where in range(min(len(pages), len(self._pages) - LOOSE)):
            self._tidy(where)

    def _find(self, number: int) -> int:
        from bisect import bisect_right

        return bisect_right(self._starts, number) - 1

    def _open(self, where: int) -> list[Block]:
        page = self._pages[where]
        start = self._starts[where]
        packed = self._looked.pop(start, None)
        if isinstance(page, Packed):
            packed, page = page, self._unpack(page)
            self._pages[where] = page
        self._looked[start] = packed
        if len(self._looked) > LOOSE:
            self._tidy(self._find(next(iter(self._looked))))
        return page

    def _tidy(self, where: int) -> None:
        """Compress a page, unless something on it goes on or it is one of the last."""
        if where < 0:
            return
        page, packed = self._pages[where], self._looked.pop(self._starts[where], None)
        if where >= len(self._pages) - LOOSE:
            return
        if isinstance(page, Packed) or any(block.is_live for block in page):
            return
        versions = sum(block.version for block in page)
        self._pages[where] = packed if packed and packed.versions == versions else self._pack(page, versions)

    def _pack(self, blocks: Iterable[Block], versions: int) -> Packed:
        import pickle
        import zlib

        data = zlib.compress(pickle.dumps(list(blocks), pickle.HIGHEST_PROTOCOL), 1)
        return Packed(self._spill.put(data) or data, versions)

    def _unpack(self, page: Packed) -> list[Block]:
        import pickle
        import zlib

        data = page.kept if isinstance(page.kept, bytes) else self._spill.take(page.kept)
        blocks: list[Block] = pickle.loads(zlib.decompress(data))  # noqa: S301  (written by `_pack`, in this process)
        return blocks
