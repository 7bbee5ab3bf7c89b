"""Puts other styles over parts of a row: what is selected, found, or under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.style import Style


def mark(segments: Iterable[Segment], start: int, end: int, style: Style) -> list[Segment]:
    """The same text, with a style added to the characters from `start` to before `end`."""
    made: list[Segment] = []
    at = 0
    for text, own, _ in segments:
        stop = at + len(text)
        if stop <= start or at >= end:
            made.append(Segment(text, own))
        else:
            left, right = max(start - at, 0), min(end - at, len(text))
            parts = ((text[:left], own), (text[left:right], own + style if own else style), (text[right:], own))
            made += [Segment(part, part_style) for part, part_style in parts if part]
        at = stop
    return made
