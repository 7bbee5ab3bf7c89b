"""Parts of texts that fit into an answer, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_CHARACTERS: Final = 30_000
"""Of one answer."""
LONGEST_LINE: Final = 2_000


def number_lines(lines: Sequence[str], first: int, most_characters: int = MOST_CHARACTERS) -> list[str]:
    """Lines with their numbers, as many as fit, at least one; what is cut of a line is said in it.

    Args:
        first: The number of the first of them.
    """
    shown: list[str] = []
    left = most_characters
    for number, line in enumerate(lines, first):
        is_cut = len(line) > LONGEST_LINE
        text = f"{line[:LONGEST_LINE]}… ({len(line):,} characters, cut here)" if is_cut else line
        row = f"{number:5}\t{text}"
        left -= len(row) + 1
        if left < 0 and shown:
            break
        shown.append(row)
    return shown


def cut_around(line: str, at: int, most: int) -> str:
    """At most so many characters of a line, those around a place in it; left-out text is marked by an ellipsis."""
    if len(line) <= most:
        return line
    start = max(0, min(at - most // 3, len(line) - most))
    end = start + most
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"
