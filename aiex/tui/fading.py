"""Draws what was taken back of a talk so that it is seen to be past: muted and struck through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from aiex.tui.draw import Drawer

if TYPE_CHECKING:
    from aiex.tui.blocks import Block
    from aiex.tui.wrap import Row


class FadingDrawer(Drawer):
    """A `Drawer` that knows what no longer stands."""

    def try_draw(self, block: Block, width: int) -> tuple[list[Row], bool]:
        """The rows of a block, as `Drawer` draws them."""
        rows, is_final = super().try_draw(block, width)
        if not block.is_gone:
            return rows, is_final
        gone = self.style("gone")
        return [
            row._replace(segments=[Segment(one.text, gone if one.text.strip() else one.style) for one in row.segments])
            for row in rows
        ], is_final
