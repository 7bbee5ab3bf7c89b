"""Places in a text: finding whole lines exactly, counting lines, and folding a large text line by line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from aiex.errors import EditError

MOST_MATCHES: Final = 100_000
"""More are not counted."""
_FOLD_CHARS: Final = 1 << 20
_MOST_COMPARED: Final = 300_000
"""Lines that one step compares one by one, about half a second."""
_T = TypeVar("_T")


class Place(NamedTuple):
    """Where the old text of a change stands, and what the change is in the words of the file."""

    start: int
    """Offset in the text, at the beginning of a line if `stop` is -1."""
    height: int
    """Lines of the file that it covers."""
    old: str
    """Old and new text of the change; differ from the change's own where escapes or line numbers were taken off."""
    new: str
    stop: int = -1
    """Offset of the end of a substring; -1 for whole lines."""
    spans: tuple[tuple[int, int], ...] | None = None
    """For each line of `old` the lines of the place that it stands for; None when they go one by one."""
    adapt: Callable[[str, str | None, str | None], str] | None = None
    """Makes an added line one of the file: the line, the old line in its place, and that line as the file has it."""


Chain = tuple[Place, ...]
"""Places of one change in the order of the file, more than one where lines were left out between them."""


def find_lines(text: str, block: str) -> list[int]:
    """Offsets where a block of whole lines stands, ascending; the block comes without its last line end."""
    if not text:
        return []
    found = []
    after = text[len(block) : len(block) + 1]
    if text.startswith(block) and (after == "\n" or (after == "" and block[-1:] not in ("", "\n"))):
        found.append(0)
    needle = f"\n{block}\n"
    at = text.find(needle)
    while at >= 0 and len(found) < MOST_MATCHES:
        found.append(at + 1)
        at = text.find(needle, at + 1)
    if not text.endswith("\n") and len(text) > len(block) and text.endswith("\n" + block) and block[-1:] != "\n":
        found.append(len(text) - len(block))
    return found


def find_all(text: str, part: str) -> list[int]:
    """Offsets where a substring stands, overlapping ones too, ascending."""
    found: list[int] = []
    at = text.find(part)
    while at >= 0 and len(found) < MOST_MATCHES:
        found.append(at)
        at = text.find(part, at + 1)
    return found


def skip_lines(text: str, start: int, count: int) -> int:
    """The offset `count` lines after the beginning of a line, at most the end of the text."""
    for _ in range(count):
        start = text.find("\n", start) + 1
        if start == 0:
            return len(text)
    return start


def stop_of(text: str, place: Place) -> int:
    """The offset after a place."""
    return place.stop if place.stop >= 0 else skip_lines(text, place.start, place.height)


def lines_at(text: str, place: Place) -> list[str]:
    """The lines of the file in a place of whole lines, without their ends."""
    found = text[place.start : stop_of(text, place)].split("\n")
    return found[: place.height]


def line_numbers(text: str, offsets: list[int]) -> Iterator[int]:
    """The lines of ascending offsets, counted from 1. Cost: one pass over the text."""
    number, last = 1, 0
    for offset in offsets:
        number += text.count("\n", last, offset)
        last = offset
        yield number


def affordable(found: Sequence[_T], lines: int) -> Sequence[_T]:
    """What was found, if comparing so many lines for each takes bounded time.

    Raises:
        EditError: if there are too many.
    """
    if len(found) > 1 and len(found) * lines > _MOST_COMPARED:
        raise EditError(
            f"the text to change is not there exactly, and like other lines at {len(found)} places",
            hint="copy it from the file as it is, with lines around it that stand once",
        )
    return found


def fold_lines(text: str, fold: Callable[[str], str]) -> str:
    """The text with every line changed by a function that makes no line ends; a megabyte at a time."""
    made, start = [], 0
    while start <= len(text):
        end = text.find("\n", min(len(text), start + _FOLD_CHARS))
        end = len(text) if end < 0 else end
        made.append("\n".join(map(fold, text[start:end].split("\n"))))
        start = end + 1
    return "\n".join(made)


def unfold(text: str, folded: str, offsets: list[int]) -> Iterator[int]:
    """Beginnings of lines of the text for beginnings of the same lines of the folded one, ascending."""
    place, last = 0, 0
    for offset in offsets:
        place = skip_lines(text, place, folded.count("\n", last, offset))
        last = offset
        yield place
