"""How each kind of block looks at a width: lines of styled text, ready to be shown and never drawn twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from aiex.markdown import spans, table_rows
from aiex.tui.blocks import Block, Call, Closing, Note, Output, Prose, Said, Thought

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiex.markdown import Block as Piece

WIDEST: Final = 110
"""Longer lines of prose are hard to read."""
OPENED_LINES: Final = 400
"""Of an opened block at most so many lines are drawn."""
PREVIEW_LINES: Final = 5
"""Of a running command so many last lines are shown folded."""
_STATES: Final = {
    "running": ("●", "accent"),
    "waiting": ("○", "muted"),
    "done": ("✓", "good"),
    "failed": ("✗", "error"),
    "refused": ("⊘", "warning"),
}
_TONES: Final = {"note": "·", "good": "✓", "warning": "!", "error": "✗", "seam": "─"}


class Drawer:
    """Draws blocks in the styles of one theme.

    Args:
        styles: Role → style, as `theme.styles_of` gives them.
        syntax: The style of Pygments for code.
    """

    def __init__(self, styles: Mapping[str, Style], syntax: str) -> None:
        self._styles = styles
        self._syntax = syntax
        self._console = Console(width=80, force_terminal=True, markup=False, highlight=False, emoji=False)

    def draw(self, block: Block, width: int) -> list[Strip]:
        """The lines of a block at a width in cells, with one empty line above where it begins something new."""
        room = max(width, 10)
        match block:
            case Prose(piece=piece):
                lines = self._piece(piece, min(room, WIDEST))
                return lines if piece.kind == "item" else [_EMPTY, *lines]
            case Said():
                return [_EMPTY, *self._said(block, room)]
            case Thought():
                return self._thought(block, room)
            case Call():
                return self._call(block, room)
            case Note():
                return self._note(block, room)
            case Output(text=text):
                return [_EMPTY, *self._plain(text, "plain", room, limit=None)]
            case Closing():
                return self._closing(block, room)
            case _:
                return self._plain(block.words(), "plain", room)

    # --- the talk ----------------------------------------------------------------------------------------------------

    def _said(self, said: Said, width: int) -> list[Strip]:
        lines = self._wrap(Text(said.text, self._styles["said"]), width, first="> ", rest="  ", mark="accent")
        for name in said.attached:
            lines += self._wrap(Text(f"+ {name}", self._styles["muted"]), width, first="  ", rest="    ")
        return lines

    def _piece(self, piece: Piece, width: int) -> list[Strip]:
        match piece.kind:
            case "heading":
                return self._wrap(self._words(piece.text, "heading1" if piece.level == 1 else "heading"), width)
            case "item":
                indent = " " * piece.level
                mark = "•" if piece.mark in ("-", "*", "+") else piece.mark
                rest = indent + " " * (len(mark) + 1)
                return self._wrap(self._words(piece.text), width, first=f"{indent}{mark} ", rest=rest)
            case "quote":
                return self._wrap(self._words(piece.text, "quote"), width, first="│ ", rest="│ ")
            case "code":
                return self._code(piece.text, piece.mark, width)
            case "table":
                return self._table(piece.text, width)
            case "rule":
                return [self._strip(Text("─" * width, self._styles["rule"]))]
            case _:
                return self._wrap(self._words(piece.text), width)

    def _words(self, text: str, base: str = "plain") -> Text:
        words = Text(style=self._styles[base])
        for span in spans(text):
            words.append(span.text, self._styles[span.style] if span.style != "plain" else None)
        return words

    def _code(self, code: str, language: str, width: int) -> list[Strip]:
        from rich.syntax import Syntax

        text = Text(code, self._styles["code"])
        if language:
            text = Syntax(code, language, theme=self._syntax, background_color="default").highlight(code)
            text.rstrip()
        text.no_wrap = False
        return self._wrap(text, width, first="  ", rest="  ", folds=True)

    def _table(self, text: str, width: int) -> list[Strip]:
        from rich.table import Table

        head, *body = table_rows(text) or [[]]
        table = Table(box=None, pad_edge=False, header_style=self._styles["bold"], show_header=any(head))
        for cell in head:
            table.add_column(self._words(cell), overflow="fold")
        for row in body:
            table.add_row(*(self._words(cell) for cell in row[: len(head)]))
        options = self._console.options.update(width=width)
        return [Strip(line) for line in self._console.render_lines(table, options, pad=False)]

    def _thought(self, thought: Thought, width: int) -> list[Strip]:
        words = len(thought.text.split())
        head = f"{'▸' if thought.is_folded else '▾'} {'thinking' if thought.is_open else 'thought'}, {words} words"
        lines = [_EMPTY, self._strip(Text(head, self._styles["seam"]))]
        if thought.is_folded:
            return lines
        return [*lines, *self._plain(thought.text, "seam", width, indent="  ")]

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call(self, call: Call, width: int) -> list[Strip]:
        sign, role = _STATES[call.state]
        head = Text.assemble(
            (f"{sign} ", self._styles[role]),
            (call.name, self._styles["bold"]),
            (f" {call.about}", self._styles["text"]),
        )
        if call.duration_ms is not None and call.duration_ms >= 1000:
            head.append(f"  {call.duration_ms / 1000:.1f} s", self._styles["muted"])
        head.truncate(width, overflow="ellipsis")
        lines = [_EMPTY, self._strip(head)]
        for path, change, added, removed in call.edits:
            words = Text.assemble(
                (f"  {change} {path} ", self._styles["text"]),
                (f"+{added} ", self._styles["good"]),
                (f"-{removed}", self._styles["error"]),
            )
            lines += self._wrap(words, width, rest="    ")
        if not call.is_folded:
            shown = "\n".join(call.output) if call.output else call.result
            return [*lines, *self._plain(shown, "muted", width, indent="  ", limit=OPENED_LINES)]
        if call.state == "running" and call.output:
            return [*lines, *self._plain("\n".join(call.output[-PREVIEW_LINES:]), "muted", width, indent="  ")]
        if call.state in ("failed", "refused") and call.result:
            lines += self._plain(call.result.partition("\n")[0], "error", width, indent="  ")
        return lines

    def _note(self, note: Note, width: int) -> list[Strip]:
        lines = self._wrap(Text(note.text, self._styles[note.tone]), width, first=f"{_TONES[note.tone]} ", rest="  ")
        if note.detail and not note.is_folded:
            lines += self._plain(note.detail, "muted", width, indent="  ", limit=OPENED_LINES)
        return lines

    def _closing(self, closing: Closing, width: int) -> list[Strip]:
        lines = [_EMPTY]
        for text, tone in closing.lines:
            lines += self._wrap(Text(text, self._styles[tone]), width, first=f"{_TONES[tone]} ", rest="  ")
        facts = []
        if closing.duration_ms is not None:
            facts.append(f"{closing.duration_ms / 1000:.1f} s")
        if closing.tokens is not None:
            facts.append(f"{closing.tokens:,} tokens")
        if closing.cost_usd is not None:
            facts.append(f"${closing.cost_usd:.4f}")
        if facts:
            lines += self._wrap(Text(", ".join(facts), self._styles["seam"]), width, first="─ ", rest="  ")
        return lines

    # --- lines ------------------------------------------------------------------------------------------------------

    def _plain(
        self, text: str, role: str, width: int, *, indent: str = "", limit: int | None = OPENED_LINES
    ) -> list[Strip]:
        rows = text.split("\n")
        more = len(rows) - limit if limit is not None else 0
        if more > 0:
            rows = rows[:limit]
        lines: list[Strip] = []
        for row in rows:
            lines += self._wrap(Text(row, self._styles[role]), width, first=indent, rest=indent, folds=True)
        if more > 0:
            lines += self._wrap(Text(f"… {more} more lines", self._styles["muted"]), width, first=indent)
        return lines

    def _wrap(
        self, text: Text, width: int, *, first: str = "", rest: str = "", mark: str = "muted", folds: bool = False
    ) -> list[Strip]:
        """Lines of at most `width` cells; what stands before each is in the style of `mark`."""
        text.expand_tabs(8)
        room = max(width - len(first), 4)
        lines: list[Strip] = []
        pieces: Iterable[Text] = text.split("\n", allow_blank=True) if folds else (text,)
        for piece in pieces:
            for line in piece.wrap(self._console, room, overflow="fold") or [Text()]:
                line.rstrip()
                before = rest if lines else first
                lines.append(self._strip(Text.assemble((before, self._styles[mark]), line) if before else line))
        return lines

    def _strip(self, line: Text) -> Strip:
        return Strip([piece for piece in line.render(self._console, end="") if not piece.control])


_EMPTY: Final = Strip([Segment("")], 0)
