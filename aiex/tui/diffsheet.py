"""A diff on paper of some width: its rows as lines of styled text, drawn when they are looked at."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from aiex.guard.neutral import printable_path
from aiex.tui.diffrows import LINE_MARK, TAB, Row, Texts, lay_out, pair_part
from aiex.tui.worddiff import are_parallel, word_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiex.tui.colouring import Colouring, Spans
    from aiex.tui.hunks import Choice, Part, Review
    from aiex.tui.worddiff import Span

LEAST_SPLIT: Final = 100
"""Cells from which on two sides stand beside each other."""
_NARROW: Final = 60
"""Below so many cells one column of line numbers has to do."""
_KEPT: Final = 4_000
"""So many rows that were drawn are kept."""
_HEADS: Final = frozenset({"file", "whole", "part", "fold"})
_BOXES: Final[Mapping[Choice, str]] = {"open": "[ ]", "taken": "[x]", "refused": "[-]"}

Names = dict["Choice", str]
"""What each choice is called."""


class Laid(NamedTuple):
    """Where everything lies at a width."""

    width: int
    is_split: bool
    """Old and new stand beside each other."""
    room: int
    """Cells for the text of a line."""
    rows: list[Row]
    tops: list[int]
    """The first line of each row, and last the number of lines."""


class Sheet:
    """A diff at a width.

    Args:
        reviews: What changed.
        styles: Role → style.
        colouring: Knows the colours of code.
        names: What the choices are called.
    """

    def __init__(
        self, reviews: Sequence[Review], styles: Mapping[str, Style], colouring: Colouring, names: Names
    ) -> None:
        self.reviews = reviews
        self.styles = styles
        self.colouring = colouring
        self.names = names
        self.opened: set[tuple[int, int]] = set()
        self.wants_split = False
        self.current = 0
        """Which of `parts` the person looks at."""
        self.needle = ""
        """What is looked for, in small letters."""
        self.is_awake = False
        """Whether keys go here, so that the current part stands out."""
        self.texts = [Texts(one) for one in reviews]
        self.laid = Laid(0, False, 1, [], [0])
        self.parts: list[int] = []
        """The rows that begin a part."""
        self.files: list[int] = []
        """The rows that begin a file."""
        self._drawn: dict[int, list[Strip]] = {}
        self._plain: set[int] = set()
        """Rows that were drawn before their colours were known."""
        self._lacks_colours = False
        self._pairs: dict[tuple[int, int], dict[tuple[bool, int], int]] = {}
        self._console = Console(width=80, force_terminal=True, markup=False, highlight=False, emoji=False)
        digits = max((len(str(max(len(one.old), len(one.new)))) for one in reviews), default=1)
        self._digits = max(digits, 3)

    # --- rows ---------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[Row]:
        """From the top to the end."""
        return self.laid.rows

    @property
    def width(self) -> int:
        """In cells."""
        return self.laid.width

    @property
    def is_split(self) -> bool:
        """Whether old and new stand beside each other."""
        return self.laid.is_split

    @property
    def height(self) -> int:
        """All lines."""
        return self.laid.tops[-1]

    @property
    def size(self) -> int:
        """About how many lines there are to be laid out."""
        return sum(1 + 2 * len(one.parts) + sum(one.counts) for one in self.reviews)

    def measure(self, width: int) -> Laid:
        """Where everything lies at a width; may be called by any thread.

        Cost: 10 µs for each line that is not folded.
        """
        is_split = self.wants_split and width >= LEAST_SPLIT
        room = _find_room(width, self._digits, is_split=is_split)
        rows = list(lay_out(self.reviews, self.texts, is_split=is_split, opened=self.opened))
        tops = [0, *accumulate(self._height_of(row, room) for row in rows)]
        return Laid(width, is_split, room, rows, tops)

    def take(self, laid: Laid) -> None:
        """Go by what was measured."""
        self.laid = laid
        self.parts = [at for at, row in enumerate(laid.rows) if row.kind == "part"]
        self.files = [at for at, row in enumerate(laid.rows) if row.kind == "file"]
        self.current = min(self.current, max(len(self.parts) - 1, 0))
        self.forget()
        self._pairs.clear()

    def lay(self, width: int) -> None:
        """Lay everything out anew."""
        self.take(self.measure(width))

    def forget(self) -> None:
        """Draw anew what is looked at."""
        self._drawn.clear()
        self._plain.clear()

    def forget_plain(self) -> None:
        """Draw anew what has no colours yet, and want those of nothing else."""
        for at in self._plain:
            self._drawn.pop(at, None)
        self._plain.clear()
        self.colouring.drop()

    def row_at(self, line: int) -> int:
        """The row of a line."""
        return min(bisect_right(self.laid.tops, line) - 1, len(self.rows) - 1)

    def top_of(self, row: int) -> int:
        """The first line of a row."""
        return self.laid.tops[row]

    def find(self, after: int) -> int | None:
        """The next row behind one in which the needle stands, from the top again at the end; None for none."""
        count = len(self.rows)
        for step in range(1, count + 1):
            at = (after + step) % count
            if any(self.needle in text.lower() for text in self._texts_of(self.rows[at])):
                return at
        return None

    def _texts_of(self, row: Row) -> Iterator[str]:
        texts = self.texts[row.file]
        if row.kind not in _HEADS and row.old >= 0:
            yield texts.old(row.old)
        if row.kind not in _HEADS and row.new >= 0 and row.kind != "same":
            yield texts.new(row.part, row.new)

    def part_of(self, number: int) -> tuple[Review, Part]:
        """One of the parts, with its file."""
        row = self.rows[self.parts[number]]
        return self.reviews[row.file], self.reviews[row.file].parts[row.part]

    def _height_of(self, row: Row, room: int) -> int:
        if row.kind in _HEADS:
            return 1
        review, texts = self.reviews[row.file], self.texts[row.file]
        height = 1
        if row.old >= 0 and not _fits(review.old[row.old], room):
            height = _lines_of(texts.old(row.old), room)
        if row.new >= 0 and row.kind != "same":
            line = texts.new_line(row.part, row.new)
            if not _fits(line, room):
                height = max(height, _lines_of(texts.show(line), room))
        return height

    # --- lines --------------------------------------------------------------------------------------------------------

    def line(self, number: int) -> Strip:
        """One line, as wide as the paper."""
        if not 0 <= number < self.height:
            return Strip.blank(self.width)
        row = self.row_at(number)
        drawn = self._drawn.get(row)
        if drawn is None:
            if len(self._drawn) > _KEPT:
                self.forget()
            self._lacks_colours = False
            drawn = self._drawn[row] = self._draw(self.rows[row], row)
            if self._lacks_colours:
                self._plain.add(row)
        at = number - self.laid.tops[row]
        return drawn[at] if at < len(drawn) else Strip.blank(self.width)

    def _draw(self, row: Row, at: int) -> list[Strip]:
        match row.kind:
            case "file":
                return [self._head(self._name(self.reviews[row.file]))]
            case "part":
                return [self._head(self._title(row, at))]
            case "whole":
                return [self._head(Text(f"  {self._reason(self.reviews[row.file])}", self.styles["muted"]))]
            case "fold":
                return [self._head(Text(f"  ⋯ {row.size:,} lines are as they were", self.styles["muted"]))]
            case "pair":
                return self._draw_pair(row)
            case "same" if self.is_split:
                left = self._side(row, False, row.old, " ", "")
                right = self._side(row, True, row.new, " ", "")
                return self._join(left, right)
            case "same":
                return self._side(row, False, row.old, " ", "")
            case "old":
                return self._side(row, False, row.old, "-", "removed")
            case _:
                return self._side(row, True, row.new, "+", "added")

    def _draw_pair(self, row: Row) -> list[Strip]:
        left = self._side(row, False, row.old, "-", "removed") if row.old >= 0 else []
        right = self._side(row, True, row.new, "+", "added") if row.new >= 0 else []
        return self._join(left, right)

    def _join(self, left: list[Strip], right: list[Strip]) -> list[Strip]:
        half = (self.width - 1) // 2
        middle = self._strip(Text("│", self.styles["rule"]))
        count = max(len(left), len(right))
        left, right = ([*side, *(count - len(side)) * [Strip.blank(half)]] for side in (left, right))
        return [
            Strip.join([one, middle, other]).adjust_cell_length(self.width)
            for one, other in zip(left, right, strict=True)
        ]

    def _side(self, row: Row, is_new: bool, index: int, sign: str, role: str) -> list[Strip]:
        """The lines of one side of a row."""
        is_refused = role != "" and self.reviews[row.file].parts[row.part].choice == "refused"
        text = self._text(row, is_new, index, role, is_refused=is_refused)
        width = (self.width - 1) // 2 if self.is_split else self.width
        base = self.styles[role] if role and not is_refused else Style()
        mark = self.styles["muted" if is_refused or not role else {"-": "error", "+": "good"}[sign]]
        numbers = self._numbers(row, is_new, index)
        made = []
        for piece in _chop(text, self.laid.room):
            line = Text.assemble((numbers, self.styles["muted"]), (f"{sign} ", mark), piece)
            made.append(self._strip(line).adjust_cell_length(width, base).apply_style(base))
            numbers = " " * len(numbers)
        return made

    def _numbers(self, row: Row, is_new: bool, index: int) -> str:
        is_own = is_new and row.part >= 0 and self.reviews[row.file].parts[row.part].own is not None
        number = "" if is_own else str(index + 1)
        if self.is_split or self.width < _NARROW:
            return f"{number:>{self._digits}} "
        if row.kind == "same":
            return f"{row.old + 1:>{self._digits}} {row.new + 1:>{self._digits}} "
        old, new = ("", number) if is_new else (number, "")
        return f"{old:>{self._digits}} {new:>{self._digits}} "

    def _text(self, row: Row, is_new: bool, index: int, role: str, *, is_refused: bool) -> Text:
        texts, review = self.texts[row.file], self.reviews[row.file]
        plain = texts.new(row.part, index) if is_new else texts.old(index)
        if is_refused:
            return self._mark_found(Text(plain, self.styles["muted"]))
        text = Text(plain, self.styles["text"])
        if not (is_new and row.part >= 0 and review.parts[row.part].own is not None):
            colours = self._colours(row.file, is_new, index)
            self._lacks_colours = self._lacks_colours or colours is None
            for start, end, look in colours or ():
                text.stylize(look, start, end)
        if role:
            for start, end in self._changed(row, is_new, index):
                text.stylize(self.styles[f"{role}_word"], start, end)
        return self._mark_found(text)

    def _mark_found(self, text: Text) -> Text:
        if self.needle:
            text.highlight_words([self.needle], self.styles["found"], case_sensitive=False)
        return text

    def _colours(self, file: int, is_new: bool, index: int) -> Spans | None:
        texts, review = self.texts[file], self.reviews[file]
        lines = texts.side(is_new)
        path = review.path if is_new or not review.moved_from else review.moved_from
        return self.colouring.spans(
            file, is_new, index, path=path, count=len(lines), show=lambda line: texts.show(lines[line])
        )

    def _changed(self, row: Row, is_new: bool, index: int) -> list[Span]:
        """The words of a line that its other side does not have."""
        part = self.reviews[row.file].parts[row.part]
        other = self._partner(row, part, is_new, index)
        if other is None:
            return []
        texts = self.texts[row.file]
        old, new = (other, index) if is_new else (index, other)
        return word_changes(texts.old(old), texts.new(row.part, new))[is_new]

    def _partner(self, row: Row, part: Part, is_new: bool, index: int) -> int | None:
        """The line that a changed one was, or became."""
        hunk = part.hunk
        first, count = (hunk.new_start, hunk.new_end - hunk.new_start) if part.own is None else (0, len(part.own))
        if are_parallel(hunk.old_end - hunk.old_start, count):
            other = index - first + hunk.old_start if is_new else index - hunk.old_start + first
            start, end = (hunk.old_start, hunk.old_end) if is_new else (first, first + count)
            return other if start <= other < end else None
        key = (row.file, row.part)
        if key not in self._pairs:
            pairs = pair_part(self.texts[row.file], row.part, part)
            both = [(old, new) for old, new in pairs if old is not None and new is not None]
            self._pairs[key] = {(False, old): new for old, new in both} | {(True, new): old for old, new in both}
        return self._pairs[key].get((is_new, index))

    # --- heads --------------------------------------------------------------------------------------------------------

    def _name(self, review: Review) -> Text:
        added, removed = review.counts
        path = printable_path(review.path)
        what = "changed"
        if review.moved_from:
            what, path = "moved", f"{printable_path(review.moved_from)} → {path}"
        elif review.before is None or review.after is None:
            what = "created" if review.before is None else "deleted"
        return Text.assemble(
            (f"{what} {path} ", self.styles["heading"]),
            (f"+{added} ", self.styles["good"]),
            (f"-{removed}", self.styles["error"]),
        )

    def _title(self, row: Row, at: int) -> Text:
        review = self.reviews[row.file]
        part = review.parts[row.part]
        is_current = bool(self.parts) and self.parts[self.current] == at
        role = "accent" if is_current and self.is_awake else "bold" if is_current else "muted"
        name = "in your words" if part.own is not None and part.choice != "refused" else self.names[part.choice]
        where = f"{row.part + 1} of {len(review.parts)}" if len(review.parts) > 1 else "the change"
        text = Text(f"{'▶' if is_current else ' '} {_BOXES[part.choice]} {where}", self.styles[role])
        if name:
            text.append(f": {name}", self.styles["warning" if part.choice == "refused" else role])
        return text

    @staticmethod
    def _reason(review: Review) -> str:
        if not review.is_text:
            sizes = [
                f"{len(side):,} bytes" if side is not None else "nothing" for side in (review.before, review.after)
            ]
            return f"no text, or too large to be shown: {sizes[0]} before, {sizes[1]} after"
        return "moved as it is" if review.moved_from else "empty"

    def _head(self, text: Text) -> Strip:
        text.no_wrap = True
        text.truncate(self.width, overflow="ellipsis")
        return self._strip(text).adjust_cell_length(self.width)

    def _strip(self, line: Text) -> Strip:
        return Strip([piece for piece in line.render(self._console, end="") if not piece.control])


def _find_room(width: int, digits: int, *, is_split: bool) -> int:
    """Cells for the text of a line, behind its numbers and its sign."""
    columns = 1 if is_split or width < _NARROW else 2
    side = (width - 1) // 2 if is_split else width
    return max(side - columns * (digits + 1) - 2, 4)


def _fits(line: bytes, room: int) -> bool:
    """Whether a line is surely no wider than that; an ASCII control character is shown as one cell."""
    return len(line) + (TAB - 1) * line.count(b"\t") + len(LINE_MARK) <= room and line.isascii()


def _lines_of(text: str, room: int) -> int:
    if len(text) * 2 <= room or (text.isascii() and len(text) <= room):
        return 1
    if text.isascii():
        return -(-len(text) // room)
    return 1 if cell_len(text) <= room else len(chop_cells(text, room))


def _chop(text: Text, room: int) -> list[Text]:
    """A text in pieces of so many cells."""
    plain = text.plain
    if len(plain) * 2 <= room or cell_len(plain) <= room:
        return [text]
    pieces = chop_cells(plain, room)
    return list(text.divide(list(accumulate(map(len, pieces)))[:-1]))
