"""A uniform shift of indentation: found between an edit and its place, and applied to the lines that the edit adds."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from aiex.errors import EditError

BLANKS: Final = " \t"

Pairs = Sequence[tuple[str, str]]


def indent_of(line: str) -> str:
    """The spaces and tabs in front of a line."""
    return line[: len(line) - len(line.lstrip(BLANKS))]


def find_shift(old: Sequence[str], there: Sequence[str], edit: Sequence[str]) -> Callable[[str], str] | None:
    """How lines of the edit become lines of the file, None if no one shift makes all old lines those that are there.

    Args:
        old: Lines of the edit.
        there: As many lines of the file; without indentation they are the same.
        edit: All lines of the edit, to see how wide its steps are.
    """
    pairs = [
        (indent_of(ours), indent_of(theirs)) for ours, theirs in zip(old, there, strict=True) if ours.strip(BLANKS)
    ]
    if not pairs or all(ours == theirs for ours, theirs in pairs):
        return None
    return _deeper(pairs, edit) or _shallower(pairs) or _converted(pairs)


def _deeper(pairs: Pairs, edit: Sequence[str]) -> Callable[[str], str] | None:
    ours, theirs = pairs[0]
    more = theirs[: len(theirs) - len(ours)]
    if not more or any(theirs != more + ours for ours, theirs in pairs):
        return None
    return partial(_deepen, more, _step(edit))


def _deepen(more: str, step: int, line: str) -> str:
    """The line with the indentation of the file in front; where that is tabs, steps of spaces become tabs too."""
    indent = indent_of(line)
    if indent.strip(" ") == more.strip("\t") == "":
        indent = "\t" * (len(indent) // step) + " " * (len(indent) % step)
    elif indent and indent.strip("\t") == more.strip(" ") == "":
        raise _unshiftable(line)
    return more + indent + line.lstrip(BLANKS)


def _shallower(pairs: Pairs) -> Callable[[str], str] | None:
    ours, theirs = pairs[0]
    less = ours[: len(ours) - len(theirs)]
    if not less or any(ours != less + theirs for ours, theirs in pairs):
        return None
    return partial(_raise, less)


def _raise(less: str, line: str) -> str:
    if not line.startswith(less):
        raise _unshiftable(line)
    return line[len(less) :]


def _converted(pairs: Pairs) -> Callable[[str], str] | None:
    """Tabs in the edit for spaces in the file, or the other way about: width = unit * tabs + shift for all lines."""
    ours, theirs = "".join(pair[0] for pair in pairs), "".join(pair[1] for pair in pairs)
    if ours.strip("\t") == theirs.strip(" ") == "":
        fitted = _fit([(len(ours), len(theirs)) for ours, theirs in pairs])
        return partial(_to_spaces, *fitted) if fitted else None
    if ours.strip(" ") == theirs.strip("\t") == "":
        fitted = _fit([(len(theirs), len(ours)) for ours, theirs in pairs])
        return partial(_to_tabs, *fitted) if fitted else None
    return None


def _fit(points: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Unit and shift with width = unit * tabs + shift for all (tabs, width); None if there are no such numbers.

    With one number of tabs only, there is no shift and the unit has to be a usual one.
    """
    (tabs, width), *_ = points
    other = next((point for point in points if point[0] != tabs), (0, 0))
    if other[0] == tabs:
        return (width // tabs, 0) if tabs and width % tabs == 0 and 2 <= width // tabs <= 4 else None
    unit, rest = divmod(width - other[1], tabs - other[0])
    shift = width - unit * tabs
    fits = all(width == unit * tabs + shift for tabs, width in points)
    return (unit, shift) if unit > 0 and rest == 0 and fits else None


def _to_spaces(unit: int, shift: int, line: str) -> str:
    indent = indent_of(line)
    tabs = len(indent) - len(indent.lstrip("\t"))
    width = unit * tabs + shift
    if width < 0 or "\t" in indent[tabs:]:
        raise _unshiftable(line)
    return " " * width + line[tabs:]


def _to_tabs(unit: int, shift: int, line: str) -> str:
    indent = indent_of(line)
    tabs, rest = divmod(len(indent) - shift, unit)
    if tabs < 0 or "\t" in indent:
        raise _unshiftable(line)
    return "\t" * tabs + " " * rest + line.lstrip(BLANKS)


def _step(lines: Sequence[str]) -> int:
    """The narrowest indentation by spaces, 4 when there is none."""
    return min((len(indent) for line in lines if line.strip(BLANKS) and (indent := indent_of(line))), default=4)


def _unshiftable(line: str) -> EditError:
    return EditError(
        f"the search text matches with another indentation, but the new line {line.strip()[:60]!r} cannot follow it",
        hint="write both with the indentation of the file",
    )
