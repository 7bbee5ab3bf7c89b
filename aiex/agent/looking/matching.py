"""Finds lines by our own means: the answers are those of ripgrep, only slower."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.agent.looking.texts import is_binary
from aiex.context.catalogue import MOST_TEXT_BYTES
from aiex.errors import AiexError

if TYPE_CHECKING:
    from aiex.agent.kit import Files
    from aiex.agent.looking.patterns import Pattern

MOST_PLACES: Final = 2_000
"""That are remembered of one file; more are counted."""
MOST_STEPS: Final = 20_000_000
"""That may be taken here, about a second; what may take more goes to a process that can be ended."""


class Hits(NamedTuple):
    """The lines of one file that match."""

    path: str
    line_count: int
    places: tuple[tuple[int, int], ...]
    """Line, from 1, and where in it the match begins, from 0 in bytes: the first of them."""


class Task(NamedTuple):
    """What to look for, and where; it can be sent to another process."""

    files: Files
    pattern: Pattern
    paths: Sequence[str]


def load_text(files: Files, path: str) -> str | None:
    """A file as it is searched; None where it cannot be read, is too large or no text."""
    try:
        data = files.read(path, limit_bytes=MOST_TEXT_BYTES)
    except AiexError:
        return None
    if is_binary(data):
        return None
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def read_lines(files: Files, path: str, count: int = -1) -> list[bytes]:
    """The lines of a file, to be shown, perhaps with a carriage return; none where it cannot be read any more.

    Args:
        count: How many are needed from the beginning on, -1 for all; what is behind them may come as one more.
    """
    try:
        data = files.read(path, limit_bytes=MOST_TEXT_BYTES)
    except AiexError:
        return []
    text = data.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n")
    return text.split(b"\n", count)


def compile_pattern(pattern: Pattern) -> re.Pattern[str]:
    """The expression as Python has it."""
    return re.compile(pattern.python, re.MULTILINE)


def is_quick(pattern: Pattern, text: str) -> bool:
    """Whether trying the pattern on a text ends soon, however the text is made: a bound, not a guess."""
    if pattern.is_nested:
        return False
    if not pattern.unbounded and pattern.choices == 1:
        return True
    longest = max(map(len, text.split("\n"))) if pattern.unbounded else 1
    return int(len(text) * pattern.choices * longest**pattern.unbounded) <= MOST_STEPS


def find_in(path: str, text: str, expression: re.Pattern[str]) -> Hits | None:
    """The lines of a text that match; None where none does."""
    count, line, counted_to, at = 0, 1, 0, 0
    places: list[tuple[int, int]] = []
    while found := expression.search(text, at):
        start = found.start()
        if start == len(text) and (not text or text[-1] == "\n"):  # behind the last line
            break
        begin = text.rfind("\n", 0, start) + 1
        line += text.count("\n", counted_to, begin)
        counted_to = begin
        count += 1
        if len(places) < MOST_PLACES:
            places.append((line, len(text[begin:start].encode("utf-8", "surrogateescape"))))
        at = text.find("\n", start) + 1
        if not at:
            break
    return Hits(path, count, tuple(places)) if count else None


def find_all(task: Task) -> list[Hits]:
    """The files that match, in their order, however long that takes."""
    return list(_find_each(task))


def _find_each(task: Task) -> Iterator[Hits]:
    expression = compile_pattern(task.pattern)
    for path in task.paths:
        text = load_text(task.files, path)
        hits = find_in(path, text, expression) if text is not None else None
        if hits is not None:
            yield hits
