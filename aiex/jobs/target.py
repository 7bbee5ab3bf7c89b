"""What a person points at: a path, a line, a range of lines, a symbol, or text on standard input.

Forms: `PATH`, `PATH:LINE`, `PATH:LINE:COLUMN` (as editors and compilers print; the column is ignored), `PATH:A-B`,
`PATH#LA-LB` (as code hosts print), `PATH::Symbol.name`, and `-` in place of PATH.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path

STDIN = "-"
LINE_DIGITS = 12
_LINES = r":(?P<first>\d+)(?:-(?P<last>\d+)|:(?P<column>\d+))?:?\Z|#L(?P<a>\d+)(?:C\d+)?(?:-L?(?P<b>\d+)(?:C\d+)?)?\Z"
_LAST_LINE = r":(?P<first>\d+):?\Z"


class Target(NamedTuple):
    """A path with at most one of: lines (0 when there are none) or a symbol (empty when there is none)."""

    path: str
    start_line: int = 0
    end_line: int = 0
    symbol: str = ""

    def __str__(self) -> str:
        if self.symbol:
            return f"{self.path}::{self.symbol}"
        if self.end_line > self.start_line:
            return f"{self.path}:{self.start_line}-{self.end_line}"
        return f"{self.path}:{self.start_line}" if self.start_line else self.path


def parse_target(text: str, exists: Callable[[str], bool] = lambda _path: False) -> Target:
    """Read a target.

    Args:
        text: As typed.
        exists: Tells whether a path is there. Names may contain `:12` and `::`, so of all readings the one with the
            longest existing path wins.

    Raises:
        UsageError: if there is no path, no symbol after `::`, line 0, or a range that runs backwards.
    """
    if not text:
        raise UsageError("no target given", hint="name a file, FILE:LINE, FILE:FIRST-LAST, FILE::Symbol or a directory")
    if "\0" in text:
        raise UsageError("a path cannot contain a NUL byte")
    if text == STDIN:
        return Target(STDIN)
    readings = list(_read(text))
    there = [reading for reading in readings if reading.path != STDIN and exists(reading.path)]
    chosen = max(there, key=lambda reading: len(reading.path)) if there else readings[0]
    return _check(chosen, text)


def _read(text: str) -> Iterator[Target]:
    """Every way to read the text; first the likeliest when nothing of it exists."""
    at = text.find("::", 1)
    while at > 0:
        yield Target(text[:at], symbol=text[at + 2 :])
        at = text.find("::", at + 1)
    lines = re.search(_LINES, text) if ":" in text or "#" in text else None
    if lines:
        first = _number(lines["first"] or lines["a"])
        last = _number(lines["last"] or lines["b"]) if lines["last"] or lines["b"] else first
        yield _lined(text[: lines.start()], first, last)
    line = re.search(_LAST_LINE, text) if lines else None
    if line:
        yield _lined(text[: line.start()], _number(line["first"]), _number(line["first"]))
    yield Target(text)


def _number(digits: str) -> int:
    """A line number; Python refuses to read thousands of digits, and no file has that many lines."""
    return int(digits[-LINE_DIGITS:]) if not digits[:-LINE_DIGITS].strip("0") else 10**LINE_DIGITS


def _lined(path: str, first: int, last: int) -> Target:
    return Target(path, first or -1, last or -1)


def _check(target: Target, text: str) -> Target:
    shown = printable_path(text)
    if not target.path:
        raise UsageError(f"no path in '{shown}'", hint="write FILE:LINE, FILE:FIRST-LAST or FILE::Symbol")
    if target.path != text and not (target.symbol or target.start_line):
        raise UsageError(
            f"no symbol after '::' in '{shown}'", hint=f"for the whole file: {printable_path(target.path)}"
        )
    if target.start_line < 0 or target.end_line < 0:
        raise UsageError(f"'{shown}' asks for line 0", hint="lines count from 1")
    if target.end_line < target.start_line:
        swapped = Target(target.path, target.end_line, target.start_line)
        raise UsageError(f"the range in '{shown}' runs backwards", hint=f"did you mean {printable_path(str(swapped))}?")
    return target
