"""Keys of vi for the prompt: the small part of them that a few lines of text need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.widgets import TextArea

Place = tuple[int, int]
_NAMES: Final = {"backspace": "h", "home": "0", "end": "$"}
MOST_TIMES: Final = 999
"""A motion is repeated at most so often."""


class Vim:
    """The state of these keys over one text area; begins where one types."""

    def __init__(self) -> None:
        self.is_inserting = True
        self._pending = ""
        """The first key of two, such as `d`."""
        self._count = ""
        self._register = ""
        self._is_lines = False
        """Whether whole lines were yanked."""

    @property
    def mark(self) -> str:
        """The mode, in a word."""
        return "INSERT" if self.is_inserting else f"NORMAL {self._count}{self._pending}".rstrip()

    def press(self, area: TextArea, key: str, character: str | None) -> bool:
        """Do what a key means; whether it was one of these keys, and not one for somebody else."""
        if self.is_inserting:
            if key != "escape":
                return False
            self.is_inserting = False
            row, column = area.cursor_location
            area.move_cursor((row, max(0, column - 1)))
            return True
        if key == "escape":
            had = bool(self._pending or self._count)
            self._pending = self._count = ""
            return had
        sign = _NAMES.get(key, character or "")
        if len(sign) != 1 or not sign.isprintable():
            return False
        self._press(area, sign)
        return True

    def _press(self, area: TextArea, sign: str) -> None:
        if sign.isascii() and sign.isdigit() and (sign != "0" or self._count):
            self._count = (self._count + sign)[:3]
            return
        times, self._count = min(int(self._count or 1), MOST_TIMES), self._count if sign in "dyc" else ""
        if self._pending:
            operator, self._pending, self._count = self._pending, "", ""
            self._operate(area, operator, sign, times)
        elif sign in "dyc":
            self._pending = sign
        elif (place := self._motion(area, sign, times)) is not None:
            area.move_cursor(_inside(area, place))
        else:
            self._act(area, sign, times)

    # --- motions ------------------------------------------------------------------------------------------------------

    def _motion(self, area: TextArea, sign: str, times: int) -> Place | None:
        row, column = area.cursor_location
        last = area.document.line_count - 1
        line = area.document.get_line(row)
        match sign:
            case "h":
                return row, max(0, column - times)
            case "l" | " ":
                return row, min(max(len(line) - 1, 0), column + times)
            case "j":
                return min(last, row + times), column
            case "k":
                return max(0, row - times), column
            case "0":
                return row, 0
            case "^":
                return row, len(line) - len(line.lstrip())
            case "$":
                return row, max(len(line) - 1, 0)
            case "G":
                return last, 0
            case "w" | "b" | "e":
                place = row, column
                for _ in range(times):
                    place = _by_word(area, place, sign)
                return place
            case _:
                return None

    # --- operators ----------------------------------------------------------------------------------------------------

    def _operate(self, area: TextArea, operator: str, sign: str, times: int) -> None:
        row, column = area.cursor_location
        if sign == operator:
            self._lines(area, operator, row, min(row + times - 1, area.document.line_count - 1))
            return
        target = self._motion(area, sign, times)
        if target is None:
            return
        if sign in "jkG":
            self._lines(area, operator, *sorted((row, target[0])))
            return
        start, end = sorted(((row, column), target))
        if sign in "e$" and area.document.get_line(end[0]):
            end = end[0], end[1] + 1
        if sign == "l":
            end = row, min(len(area.document.get_line(row)), column + times)
        if sign == "w" and (operator == "c" or target[0] > row or _is_at_end(area, target)):
            end = _end_of_words(area, (row, column), times, stays=operator == "c")
        self._register, self._is_lines = area.get_text_range(start, end), False
        if operator == "y":
            area.move_cursor(start)
            return
        area.delete(start, end, maintain_selection_offset=False)
        area.move_cursor(start if operator == "c" else _inside(area, start))
        self.is_inserting = operator == "c"

    def _lines(self, area: TextArea, operator: str, first: int, last: int) -> None:
        lines = [area.document.get_line(row) for row in range(first, last + 1)]
        self._register, self._is_lines = "\n".join(lines), True
        if operator == "y":
            area.move_cursor((first, area.cursor_location[1] if first == last else 0))
            return
        if operator == "c":
            area.delete((first, 0), (last, len(lines[-1])), maintain_selection_offset=False)
            self.is_inserting = True
            return
        end = area.document.line_count - 1
        if last < end:
            area.delete((first, 0), (last + 1, 0), maintain_selection_offset=False)
        elif first > 0:
            start = first - 1, len(area.document.get_line(first - 1))
            area.delete(start, (last, len(lines[-1])), maintain_selection_offset=False)
        else:
            area.clear()
        area.move_cursor((min(first, area.document.line_count - 1), 0))

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _act(self, area: TextArea, sign: str, times: int) -> None:
        row, column = area.cursor_location
        line = area.document.get_line(row)
        match sign:
            case "i":
                self.is_inserting = True
            case "a":
                self._insert_at(area, (row, min(len(line), column + 1)))
            case "I":
                self._insert_at(area, (row, len(line) - len(line.lstrip())))
            case "A":
                self._insert_at(area, (row, len(line)))
            case "o":
                area.insert("\n", (row, len(line)), maintain_selection_offset=False)
                self._insert_at(area, (row + 1, 0))
            case "O":
                area.insert("\n", (row, 0), maintain_selection_offset=False)
                self._insert_at(area, (row, 0))
            case "x" | "D" | "C" if line:
                end = min(len(line), column + times) if sign == "x" else len(line)
                self._register, self._is_lines = line[column:end], False
                area.delete((row, column), (row, end), maintain_selection_offset=False)
                self.is_inserting = sign == "C"
                area.move_cursor((row, column) if sign == "C" else _inside(area, (row, column)))
            case "C":
                self.is_inserting = True
            case "p" | "P":
                self._put(area, after=sign == "p")
            case "u":
                area.undo()
                area.move_cursor(_inside(area, area.cursor_location))
            case _:
                pass

    def _insert_at(self, area: TextArea, place: Place) -> None:
        area.move_cursor(place)
        self.is_inserting = True

    def _put(self, area: TextArea, *, after: bool) -> None:
        if not self._register:
            return
        row, column = area.cursor_location
        line = area.document.get_line(row)
        if self._is_lines:
            if after:
                area.insert(f"\n{self._register}", (row, len(line)), maintain_selection_offset=False)
            else:
                area.insert(f"{self._register}\n", (row, 0), maintain_selection_offset=False)
            area.move_cursor((row + after, 0))
            return
        at = row, min(len(line), column + after)
        put = area.insert(self._register, at, maintain_selection_offset=False)
        area.move_cursor(_inside(area, (put.end_location[0], max(0, put.end_location[1] - 1))))


def _inside(area: TextArea, place: Place) -> Place:
    """The place, on a letter and not behind the last one of its line."""
    row = min(place[0], area.document.line_count - 1)
    return row, max(0, min(place[1], len(area.document.get_line(row)) - 1))


def _kind(line: str, column: int) -> int:
    """0 for white space and the end of a line, 1 for letters of words, 2 for other signs."""
    if column >= len(line) or line[column].isspace():
        return 0
    return 1 if line[column].isalnum() or line[column] == "_" else 2


def _by_word(area: TextArea, place: Place, sign: str) -> Place:
    """The beginning of the next word, the end of this or the next, or the beginning of this or the one before."""
    row, column = place
    document = area.document
    line, last = document.get_line(row), document.line_count - 1
    if sign == "w":
        kind = _kind(line, column)
        while column < len(line) and kind and _kind(line, column) == kind:
            column += 1
        while True:
            while column < len(line) and not _kind(line, column):
                column += 1
            if column < len(line):
                return row, column
            if row == last:
                return row, max(len(line) - 1, 0)
            row, column = row + 1, 0
            line = document.get_line(row)
            if not line:
                return row, 0
    step = 1 if sign == "e" else -1
    column += step
    while True:
        while 0 <= column < len(line) and not _kind(line, column):
            column += step
        if 0 <= column < len(line):
            break
        if row == (last if step > 0 else 0):
            return (row, max(len(line) - 1, 0)) if step > 0 else (row, 0)
        row += step
        line = document.get_line(row)
        column = 0 if step > 0 else len(line) - 1
    kind = _kind(line, column)
    while 0 <= column + step < len(line) and _kind(line, column + step) == kind:
        column += step
    return row, column


def _is_at_end(area: TextArea, place: Place) -> bool:
    row, column = place
    return row == area.document.line_count - 1 and column >= len(area.document.get_line(row)) - 1


def _end_of_words(area: TextArea, place: Place, times: int, *, stays: bool) -> Place:
    """Where so many words end on this line; with `stays` the white space behind them stays."""
    row, column = place
    line = area.document.get_line(row)
    for number in range(times):
        kind = _kind(line, column)
        while column < len(line) and _kind(line, column) == kind:
            column += 1
        if stays and number == times - 1:
            break
        while kind and column < len(line) and not _kind(line, column):
            column += 1
    return row, column
