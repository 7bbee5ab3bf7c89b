"""Markdown on a terminal: every block is laid out once, when it is closed."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from aiex.cli.streams import write_stdout
from aiex.cli.talk import Talk
from aiex.cli.theme import CODE_THEME, STYLES
from aiex.events import Event, TextDelta, TurnEnded
from aiex.guard.neutral import Pieces
from aiex.markdown import Block, Blocks, spans, table_rows

_WIDEST = 110
"""Longer lines of prose are hard to read."""


class TerminalPrinter:
    """Writes an answer block by block; what is on the screen is never drawn again."""

    def __init__(self, talk: Talk, *, has_color: bool) -> None:
        self._talk = talk
        self._console = Console(
            force_terminal=True, no_color=not has_color, highlight=False, markup=False, emoji=False, soft_wrap=False
        )
        self._width = min(self._console.width, _WIDEST)
        self._pieces = Pieces()
        self._blocks = Blocks()
        self._last: Block | None = None
        self._has_text = False

    def show(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._has_text = True
            self._print(self._blocks.feed(self._pieces.feed(event.text)))
        else:
            self._talk.show(event)

    def end(self, ended: TurnEnded) -> None:
        if not self._has_text:
            self._print(self._blocks.feed(self._pieces.feed(ended.answer)))
        self._print(self._blocks.feed(self._pieces.close()))
        self._print(self._blocks.close())
        write_stdout("", flush=True)
        self._talk.end(ended)

    def _print(self, blocks: Iterator[Block]) -> None:
        for block in blocks:
            with self._console.capture() as captured:
                self._lay_out(block)
            self._talk.clear()
            write_stdout(self._gap(block) + captured.get(), flush=True)
            self._last = block

    def _gap(self, block: Block) -> str:
        if self._last is None or (block.kind == "item" and self._last.kind == "item"):
            return ""
        return "\n"

    def _lay_out(self, block: Block) -> None:
        match block.kind:
            case "heading":
                self._write_words(_styled(block.text, STYLES["heading1" if block.level == 1 else "heading"]))
            case "item":
                indent = " " * block.level
                mark = "•" if block.mark in ("-", "*", "+") else block.mark
                self._write_words(_styled(block.text), first=f"{indent}{mark} ", rest=indent + " " * (len(mark) + 1))
            case "quote":
                self._write_words(_styled(block.text, STYLES["quote"]), first="│ ", rest="│ ")
            case "code":
                self._write_code(block)
            case "table":
                self._write_table(table_rows(block.text))
            case "rule":
                self._console.print(Text("─" * self._width, STYLES["rule"]))
            case "paragraph":
                self._write_words(_styled(block.text))

    def _write_words(self, words: Text, *, first: str = "", rest: str = "") -> None:
        room = max(self._width - len(first), 10)
        for number, line in enumerate(words.wrap(self._console, room)):
            line.rstrip()
            self._console.print(
                Text.assemble((rest if number else first, STYLES["mark"]), line), no_wrap=True, overflow="ignore"
            )

    def _write_code(self, block: Block) -> None:
        if not block.mark or self._console.no_color:
            for line in block.text.split("\n"):
                self._console.print(Text(f"  {line}", STYLES["code"]), overflow="fold")
            return
        from rich.padding import Padding
        from rich.syntax import Syntax

        code = Syntax(block.text, block.mark, theme=CODE_THEME, background_color="default", word_wrap=True)
        self._console.print(Padding(code, (0, 0, 0, 2)))

    def _write_table(self, rows: list[list[str]]) -> None:
        from rich.table import Table

        head, *body = rows or [[]]
        table = Table(box=None, pad_edge=False, header_style=STYLES["bold"], show_header=any(head))
        for cell in head:
            table.add_column(_styled(cell), overflow="fold")
        for row in body:
            table.add_row(*(_styled(cell) for cell in row[: len(head)]))
        self._console.print(table)


def _styled(text: str, base: str = "") -> Text:
    words = Text(style=base)
    for span in spans(text):
        words.append(span.text, STYLES[span.style])
    return words
