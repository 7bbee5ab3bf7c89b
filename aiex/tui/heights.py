"""Heights of blocks that stand one under another: where each begins, and which lies at a row."""

from __future__ import annotations

from array import array
from collections.abc import Iterable


class Heights:
    """8 bytes a block. Cost of each question and change: O(log n). Source: binary indexed tree, Fenwick 1994."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._each = array("i")
        self._tree = array("i", [0])
        self.total = 0
        self.extend(heights)

    def __len__(self) -> int:
        return len(self._each)

    def __getitem__(self, at: int) -> int:
        return self._each[at]

    def append(self, height: int) -> None:
        """Put one at the end."""
        self._each.append(height)
        at = len(self._each)
        summed, step = height, 1
        while at % (2 * step) == 0:
            summed += self._tree[at - step]
            step *= 2
        self._tree.append(summed)
        self.total += height

    def extend(self, heights: Iterable[int]) -> None:
        """Put several at the end."""
        for height in heights:
            self.append(height)

    def prepend(self, heights: Iterable[int]) -> None:
        """Put several before the first. Cost: O(n)."""
        each = [*heights, *self._each]
        self.truncate(0)
        self.extend(each)

    def truncate(self, count: int) -> None:
        """Keep so many of the first."""
        self.total = self.top(count) if count < len(self._each) else self.total
        del self._each[count:], self._tree[count + 1 :]

    def set(self, at: int, height: int) -> int:
        """Give one another height; by how much it grew."""
        grown = height - self._each[at]
        if grown:
            self._each[at] = height
            self.total += grown
            node = at + 1
            while node < len(self._tree):
                self._tree[node] += grown
                node += node & -node
        return grown

    def top(self, at: int) -> int:
        """The row where one begins; of the number behind the last, where it would."""
        summed = 0
        while at:
            summed += self._tree[at]
            at -= at & -at
        return summed

    def at(self, row: int) -> int:
        """Which lies at a row from 0; the number of all where the row is behind the last."""
        node, left = 0, row
        step = 1 << max(len(self._each).bit_length() - 1, 0)
        while step:
            after = node + step
            if after < len(self._tree) and self._tree[after] <= left:
                node, left = after, left - self._tree[after]
            step //= 2
        return node
