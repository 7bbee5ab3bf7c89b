"""Breaks styled text into rows of a width, in cells of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size, split_graphemes
from rich.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style

Styled = tuple[str, "Style"]
"""Words in one style."""


class Row(NamedTuple):
    """One line of what is shown."""

    segments: list[Segment]
    indent: int = 0
    """So many characters stand before what is said."""
    joint: str = "\n"
    """What stood between this and the row above: a line end, or a space or nothing where a long line was broken."""

    @property
    def text(self) -> str:
        """What is read in it."""
        return "".join(segment.text for segment in self.segments)


EMPTY = Row([])


def wrap(pieces: Sequence[Styled], width: int, first: Styled | None = None, rest: Styled | None = None) -> list[Row]:
    """Rows of one line of text, broken at spaces where there are some.

    Args:
        pieces: What stands in them is neutral for a terminal; line ends are taken for spaces.
        width: At least 1. No row is wider.
        first: Stands before the first row; every character is one cell wide.
        rest: Stands before the others.
    """
    text = "".join(piece[0] for piece in pieces)
    if "\n" in text:
        pieces = [(words.replace("\n", " "), style) for words, style in pieces]
        text = text.replace("\n", " ")
    if "\t" in text:
        pieces, text = _expand(pieces)
    before = [one for one in (first, rest) if one is not None]
    indent = max((len(one[0]) for one in before), default=0)
    if indent >= width:
        indent, first, rest = 0, None, None
    rows: list[Row] = []
    at = offset = last = 0
    for start, end in break_line(text, width - indent):
        mark = rest if rows and rest is not None else first
        segments = [Segment(mark[0], mark[1])] if mark is not None else []
        while at < len(pieces):
            words, style = pieces[at]
            stop = offset + len(words)
            if stop > start and offset < end:
                segments.append(Segment(words[max(start - offset, 0) : end - offset], style))
            if stop > end:
                break
            offset, at = stop, at + 1
        joint = "\n" if not rows else " " if start > last else ""
        rows.append(Row(_fit(segments, width), len(mark[0]) if mark is not None else 0, joint))
        last = end
    return rows


def break_line(text: str, width: int) -> list[tuple[int, int]]:
    """Where each row of a line begins and ends; the spaces at which it is broken are in none."""
    if len(text) <= width and text.isascii():
        return [(0, len(text.rstrip(" ")))]
    return _break_narrow(text, width) if text.isascii() else _break_wide(text, width)


def _break_narrow(text: str, width: int) -> list[tuple[int, int]]:
    rows = []
    at, size = 0, len(text.rstrip(" "))
    while size - at > width:
        space = text.rfind(" ", at, at + width + 1)
        if space <= at or text[at:space].isspace():
            rows.append((at, at + width))
            at += width
            continue
        end = space
        while text[end - 1] == " ":
            end -= 1
        rows.append((at, end))
        at = space + 1
        while at < size and text[at] == " ":
            at += 1
    return [*rows, (at, max(size, at))]


def _break_wide(text: str, width: int) -> list[tuple[int, int]]:
    text = text.rstrip(" ")
    graphemes, cells = split_graphemes(text)
    if cells <= width:
        return [(0, len(text))]
    rows = []
    at = used = index = 0
    space = -1  # of the graphemes in this row, the last that is a space behind a word
    has_word = False
    while index < len(graphemes):
        start, _, size = graphemes[index]
        if text[start] == " ":
            space = index if has_word else space
        else:
            has_word = True
        if used + size <= width or start == at:
            used += size
            index += 1
            continue
        if space >= 0:
            rows.append((at, len(text[: graphemes[space][0]].rstrip(" "))))
            index = space
            while index < len(graphemes) and text[graphemes[index][0]] == " ":
                index += 1
        else:
            rows.append((at, start))
        at = graphemes[index][0] if index < len(graphemes) else len(text)
        used, space, has_word = 0, -1, False
    return [*rows, (at, len(text))] if at < len(text) or not rows else rows


def _expand(pieces: Sequence[Styled]) -> tuple[list[Styled], str]:
    """The same with spaces for tabs, which stop at each eighth cell."""
    made: list[Styled] = []
    column = 0
    for words, style in pieces:
        *parts, last = words.split("\t")
        text = ""
        for part in parts:
            column += cell_len(part)
            gap = 8 - column % 8
            column += gap
            text += part + " " * gap
        column += cell_len(last)
        made.append((text + last, style))
    return made, "".join(words for words, _ in made)


def _fit(segments: list[Segment], width: int) -> list[Segment]:
    """The same, cut where a character is wider than the room for it."""
    if all(segment.text.isascii() for segment in segments):
        return segments
    left = width
    for at, segment in enumerate(segments):
        cells = cell_len(segment.text)
        if cells > left:
            return [*segments[:at], Segment(set_cell_size(segment.text, left), segment.style)]
        left -= cells
    return segments
