"""How each kind of block looks at a width: rows of styled text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.segment import Segment

from aiex.markdown import spans, table_rows
from aiex.tui.blocks import FOLDED_LINES, Block, Call, Closing, Note, Output, Prose, Said, Thought
from aiex.tui.highlight import Highlighter
from aiex.tui.tables import lay_table
from aiex.tui.wrap import EMPTY, Row, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.style import Style

    from aiex.markdown import Block as Piece
    from aiex.tui.wrap import Styled

WIDEST: Final = 110
"""Longer lines of prose are hard to read."""
OPENED_LINES: Final = 1_000
"""Of an opened block at most so many lines are drawn; the session has all of it."""
OPENED_CHARS: Final = 100_000
PREVIEW_LINES: Final = 5
"""Of a running command so many last lines are shown folded."""
PREVIEW_CHARS: Final = 2_000
_STATES: Final = {
    "running": ("●", "accent"),
    "waiting": ("○", "muted"),
    "done": ("✓", "good"),
    "failed": ("✗", "error"),
    "refused": ("⊘", "warning"),
}
_ASKS: Final = "ask"
"""The tool whose result is what the person said, and stands in the talk as their other words do."""
_TONES: Final = {"note": "·", "good": "✓", "warning": "!", "error": "✗", "seam": "─"}


class Drawer:
    """Draws blocks in the styles of one theme.

    Args:
        styles: Role → style, as `theme.styles_of` gives them.
        syntax: The style of Pygments for code.
    """

    def __init__(self, styles: Mapping[str, Style], syntax: str) -> None:
        self._styles = styles
        self.highlighter = Highlighter(syntax, styles["code"])

    def style(self, role: str) -> Style:
        """The style of a role."""
        return self._styles[role]

    def draw(self, block: Block, width: int) -> list[Row]:
        """The rows of a block, none wider than the width in cells; an empty one above where it begins something new.

        Cost: its length, which is bounded for every kind.
        """
        return self.try_draw(block, width)[0]

    def try_draw(self, block: Block, width: int) -> tuple[list[Row], bool]:
        """The same, and whether they are final as long as the block is: code may get its colours later."""
        room = max(width, 1)
        match block:
            case Prose(piece=piece):
                rows, is_final = self._piece(piece, min(room, WIDEST), block.is_open)
                return (rows if piece.kind == "item" or piece.goes_on else [EMPTY, *rows]), is_final
            case Said():
                return [EMPTY, *self._said(block, room)], True
            case Thought():
                return [EMPTY, *self._thought(block, room)], True
            case Call():
                return [EMPTY, *self._call(block, room)], True
            case Note():
                return self._note(block, room), True
            case Output(text=text):
                rows = self._plain(text, "plain", room)
                return (rows if block.goes_on else [EMPTY, *rows]), True
            case Closing():
                return [EMPTY, *self._closing(block, room)], True
            case _:
                return self._plain(block.words(), "plain", room), True

    # --- the talk ----------------------------------------------------------------------------------------------------

    def _said(self, said: Said, width: int) -> list[Row]:
        lines = said.text.split("\n")
        shown = lines[: FOLDED_LINES if said.is_folded else OPENED_LINES]
        rows: list[Row] = []
        for line in shown:
            first = (">" if not rows else " ") + " "
            text = line if len(line) <= OPENED_CHARS // 10 else f"{line[: OPENED_CHARS // 10]}…"
            rows += wrap([(text, self._styles["said"])], width, (first, self._styles["accent"]),
                         ("  ", self._styles["accent"]))  # fmt: skip
        if more := len(lines) - len(shown):
            rows += self._line(f"▸ {more:,} more lines", "muted", width, first="  ")
        for name in said.attached:
            rows += self._line(f"+ {name}", "muted", width, first="  ", rest="    ")
        return rows

    def _piece(self, piece: Piece, width: int, is_open: bool) -> tuple[list[Row], bool]:
        match piece.kind:
            case "heading":
                return wrap(self._words(piece.text, "heading1" if piece.level == 1 else "heading"), width), True
            case "item":
                indent = " " * min(piece.level, width // 4)
                mark = "•" if piece.mark in ("-", "*", "+") else piece.mark
                first, rest = f"{indent}{mark} ", indent + " " * (len(mark) + 1)
                return wrap(self._words(piece.text), width, (first, self._styles["mark"]),
                            (rest, self._styles["mark"])), True  # fmt: skip
            case "quote":
                bar = ("│ ", self._styles["muted"])
                return wrap(self._words(piece.text, "quote"), width, bar, bar), True
            case "code":
                return self._code(piece.text, piece.mark, width, is_open)
            case "table":
                cells = [[self._words(cell) for cell in row] for row in table_rows(piece.text)]
                if cells and not piece.goes_on:
                    cells[0] = [self._words(cell, "bold") for cell in table_rows(piece.text)[0]]
                return lay_table(cells, width, self._styles["rule"]), True
            case "rule":
                return [Row([Segment("─" * width, self._styles["rule"])])], True
            case _:
                return wrap(self._words(piece.text), width), True

    def _words(self, text: str, base: str = "plain") -> list[Styled]:
        plain = self._styles[base]
        return [
            (span.text, plain if span.style == "plain" else plain + self._styles[span.style]) for span in spans(text)
        ]

    def _code(self, code: str, language: str, width: int, is_open: bool) -> tuple[list[Row], bool]:
        if is_open:
            lines, is_final = [self.highlighter.line(line, language) for line in code.split("\n")], False
        else:
            lines, is_final = self.highlighter.lines(code, language)
        indent = ("  ", self._styles["code"])
        return [row for line in lines for row in wrap(line, width, indent, indent)], is_final

    def _thought(self, thought: Thought, width: int) -> list[Row]:
        head = f"{_arrow(thought)} {'thinking' if thought.is_open else 'thought'}, {thought.count + 1:,} words"
        rows = self._line(head, "seam", width)
        if thought.is_folded:
            return rows
        if thought.is_open:
            return [*rows, *self._plain(thought.text[-PREVIEW_CHARS:], "seam", width, indent="  ")]
        return [*rows, *self._plain(thought.text, "seam", width, indent="  ")]

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call(self, call: Call, width: int) -> list[Row]:
        sign, role = _STATES[call.state]
        facts = _cut("  ".join(call.facts()), max(width // 2, 1))
        about = f" {call.about}" if call.about else ""
        room = width - len(sign) - 1 - len(facts) - (2 if facts else 0)
        head = f"{call.name}{about}"
        cut = _cut(head, max(room, 1))
        pieces = [(f"{sign} ", self._styles[role]), (cut[: len(call.name)], self._styles["bold"]),
                  (cut[len(call.name) :], self._styles["text"])]  # fmt: skip
        if facts:
            pieces.append((f"  {facts}", self._styles["muted"]))
        rows = wrap(pieces, width)
        for path, change, added, removed in call.edits:
            words = [
                (f"{change} {path} ", self._styles["text"]),
                (f"+{added} ", self._styles["good"]),
                (f"-{removed}", self._styles["error"]),
            ]
            rows += wrap(words, width, ("  ", self._styles["text"]), ("  ", self._styles["text"]))
        if call.rule:
            rows += self._line(call.rule, "muted", width, first="  ", rest="  ")
        if not call.is_folded:
            return [*rows, *self._opened(call, width)]
        if call.state == "running" and call.output:
            preview = "\n".join(line[:PREVIEW_CHARS] for line in call.shown()[-PREVIEW_LINES:])
            return [*rows, *self._plain(preview, "muted", width, indent="  ")]
        if call.state in ("failed", "refused") and (line := call.problem()):
            rows += self._line(_cut(line, 4 * width), "error", width, first="  ", rest="  ")
        elif call.name == _ASKS and call.result:
            rows += self._plain(call.result, "text", width, indent="  ")
        return rows

    def _opened(self, call: Call, width: int) -> list[Row]:
        rows = self._line(f"{call.name} {call.about}", "text", width, first="  ", rest="    ")
        if call.left_out:
            rows += self._line(f"… {call.left_out:,} lines before", "muted", width, first="  ")
        if call.output:
            rows += self._plain("\n".join(call.shown()), "muted", width, indent="  ")
            if call.state not in ("failed", "refused"):
                return rows
        return [*rows, *self._plain(call.result, "muted", width, indent="  ")] if call.result else rows

    def _note(self, note: Note, width: int) -> list[Row]:
        sign = _TONES[note.tone] if not note.detail else f"{_TONES[note.tone]}{_arrow(note)}"
        first, rest = (f"{sign} ", self._styles[note.tone]), (" " * (len(sign) + 1), self._styles[note.tone])
        rows: list[Row] = []
        for line in note.text.split("\n"):
            rows += wrap([(line, self._styles[note.tone])], width, rest if rows else first, rest)
        if note.detail and not note.is_folded:
            rows += self._plain(note.detail, "muted", width, indent="  ")
        return rows

    def _closing(self, closing: Closing, width: int) -> list[Row]:
        rows: list[Row] = []
        for text, tone in closing.lines:
            rows += self._line(text, tone, width, first=f"{_TONES[tone]} ", rest="  ")
        facts = []
        if closing.duration_ms is not None:
            facts.append(f"{closing.duration_ms / 1000:.1f} s")
        if closing.tokens is not None:
            facts.append(f"{closing.tokens:,} tokens")
        if closing.cost_usd is not None:
            facts.append(f"${closing.cost_usd:.4f}")
        if facts:
            rows += self._line(", ".join(facts), "seam", width, first="─ ", rest="  ")
        return rows

    # --- lines ------------------------------------------------------------------------------------------------------

    def _line(self, text: str, role: str, width: int, *, first: str = "", rest: str = "") -> list[Row]:
        style = self._styles[role]
        return wrap([(text, style)], width, (first, style), (rest or first, style))

    def _plain(self, text: str, role: str, width: int, *, indent: str = "") -> list[Row]:
        """Text line by line, as far as it is not too much."""
        style, before = self._styles[role], (indent, self._styles[role])
        lines = text.split("\n")
        rows: list[Row] = []
        chars = 0
        for number, line in enumerate(lines):
            if number >= OPENED_LINES or chars >= OPENED_CHARS or len(rows) >= 2 * OPENED_LINES:
                more = len(lines) - number
                rows += self._line(f"… {more:,} more lines; the session has them", "muted", width, first=indent)
                break
            shown = line if len(line) <= OPENED_CHARS // 10 else f"{line[: OPENED_CHARS // 10]}…"
            chars += len(shown)
            rows += wrap([(shown, style)], width, before, before)
        return rows


def estimate(block: Block, width: int) -> int:
    """About how many rows a block has, at almost no cost: never 0."""
    room = max(width, 1)
    match block:
        case Prose(piece=piece):
            above = 0 if piece.kind == "item" or piece.goes_on else 1
            if piece.kind in ("code", "table"):
                return above + piece.text.count("\n") + 1
            return above + 1 + len(piece.text) // min(room, WIDEST)
        case Said(text=text):
            return min(2 + text.count("\n") + len(text) // room, FOLDED_LINES + 2)
        case Call(edits=edits):
            opened = 0 if block.is_folded else 1 + block.result.count("\n") + len(block.output)
            return 2 + len(edits) + min(opened, OPENED_LINES)
        case Output(text=text):
            return (0 if block.goes_on else 1) + 1 + text.count("\n")
        case Closing(lines=lines):
            return 2 + len(lines)
        case Thought(text=text):
            return 2 if block.is_folded else 2 + text.count("\n") + len(text) // room
        case _:
            return 1


def _arrow(block: Block) -> str:
    return "▸" if block.is_folded else "▾"


def _cut(text: str, room: int) -> str:
    """The text, or its begin with `…` where it has more than so many cells."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= room:
        return text
    return f"{set_cell_size(text, room - 1).rstrip()}…"
