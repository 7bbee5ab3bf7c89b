"""From what a person points at to a place in a file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.target import Target, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.refactoring.sources import Source

_COLUMN = re.compile(r"(?P<path>.+):(?P<line>\d{1,9}):(?P<column>\d{1,6})\Z", re.DOTALL)


class Spot(NamedTuple):
    """A file, and what of it: a symbol, lines, or a place in a line; with none of these the whole file."""

    path: str
    """Relative to the root."""
    symbol: str = ""
    start_line: int = 0
    end_line: int = 0
    column: int = 0
    """In characters from 1, as editors count; 0 where none was given."""

    def __str__(self) -> str:
        column = f":{self.column}" if self.column else ""
        return printable_path(f"{Target(self.path, self.start_line, self.end_line, self.symbol)}{column}")


def find_spot(text: str, workspace: Workspace, base: str, exists: Callable[[str], bool]) -> Spot:
    """Read a target; `FILE:LINE:COLUMN` counts here, because a name is meant and not a line.

    Raises:
        UsageError: for a target that nobody can read.
        Denied: for a path that leads out.
    """

    def place(path: str) -> str:
        return workspace.relative(os.path.join(base, path) if base else path)

    found = _COLUMN.fullmatch(text)
    if found and not exists(place(text)) and exists(place(found["path"])):
        line, column = int(found["line"]), int(found["column"])
        if not line or not column:
            raise UsageError(f"'{printable_path(text)}' asks for line or column 0", hint="both count from 1")
        return Spot(place(found["path"]), "", line, line, column)
    target = parse_target(text, exists=lambda path: bool(path) and exists(place(path)))
    path = place(target.path)
    if not exists(path):
        raise UsageError(f"there is no file {printable_path(target.path)}", hint="aiex help refactor shows the forms")
    return Spot(path, target.symbol, target.start_line, target.end_line)


def offset_of(source: Source, spot: Spot) -> int:
    """The byte of a line, or of a column in it. Raises UsageError where there is no such line."""
    lines = source.utf8.split(b"\n")
    if spot.start_line > len(lines):
        raise UsageError(f"{printable_path(spot.path)} has {len(lines)} lines, so there is no line {spot.start_line}")
    start = sum(len(line) + 1 for line in lines[: spot.start_line - 1])
    if not spot.column:
        return start
    line = lines[spot.start_line - 1].decode("utf-8")
    return start + len(line[: spot.column - 1].encode())
