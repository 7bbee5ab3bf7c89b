"""The parts of a large text in which lines can stand at all, found by the longest of them."""

from collections.abc import Sequence
from typing import Final

from aiex.agent.edits.places import skip_lines

_MOST_WINDOWS: Final = 20
"""When the longest line stands more often, the whole text is looked through at once."""
BLANKS: Final = " \t"


def likely_windows(text: str, lines: Sequence[str], *, skips_blanks: bool = False) -> list[tuple[int, int]]:
    """Beginning and end of parts of whole lines that hold every place of the lines, whatever their indentation.

    Args:
        skips_blanks: Whether any number of blank lines may stand between them, or be missing.
    """
    index = max(range(len(lines)), key=lambda at: len(lines[at].strip(BLANKS)))
    key = lines[index].strip(BLANKS)
    found: list[tuple[int, int]] = []
    at = text.find(key) if key else 0
    while at >= 0:
        if not key or len(found) == _MOST_WINDOWS:
            return [(0, len(text))]
        line = text.rfind("\n", 0, at) + 1
        end = skip_lines(text, at, 1)
        if text[line:end].strip(BLANKS + "\n") == key:
            below = _below(text, line, len(lines) - index, skips_blanks)
            found.append((_above(text, line, index, skips_blanks), below))
        at = text.find(key, end)
    return found


def _above(text: str, start: int, count: int, skips_blanks: bool) -> int:
    while count > 0 and start > 0:
        before = text.rfind("\n", 0, start - 1) + 1
        if not (skips_blanks and not text[before:start].strip()):
            count -= 1
        start = before
    return start


def _below(text: str, start: int, count: int, skips_blanks: bool) -> int:
    while count > 0 and start < len(text):
        after = skip_lines(text, start, 1)
        if not (skips_blanks and not text[start:after].strip()):
            count -= 1
        start = after
    return start
