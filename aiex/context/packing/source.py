"""A file as packing sees it: its lines, its symbols, what is prose, and where signatures end."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from aiex.context.facts import Symbol
from aiex.context.packing.commentary import find_prose
from aiex.context.structure import BODIED

HEAD_LINES = 30
"""No signature is looked for over more lines."""
HEAD_CHARS = 2_000
"""Of a line, at most: signatures as facts hold them are shorter, and minified files have one line."""
DOC_LINES = 3
"""Of a comment or documentation that stays where prose is elided: its first paragraph, at most this long."""


class SymbolsOfFile(Protocol):
    """What is needed of `FileFacts`."""

    @property
    def language(self) -> str: ...
    @property
    def symbols(self) -> tuple[Symbol, ...]: ...


class Source:
    """The text of a file with its symbols; works as well without facts, with facts of a broken file, and for prose.

    Lines count from 1 and end at `\\n`, as in the facts; symbols that reach beyond the text are cut at its end.
    """

    def __init__(self, path: str, text: str, facts: SymbolsOfFile | None = None) -> None:
        self.path = path
        rows = text.split("\n")
        if rows[-1] == "":
            rows.pop()
        self.lines: Sequence[str] = [row.removesuffix("\r") for row in rows]
        self.language = facts.language if facts else ""
        self.symbols = tuple(_within(facts.symbols, len(self.lines))) if facts else ()
        self._starts = [symbol.start_line for symbol in self.symbols]
        self._heads: dict[int, int] = {}
        self._around: dict[tuple[int, int], list[int]] = {}

    @property
    def line_count(self) -> int:
        return len(self.lines)

    @cached_property
    def prose(self) -> frozenset[int]:
        """Lines that are comment or documentation."""
        return find_prose(self.lines, self.language)

    def head_end(self, index: int) -> int:
        """The last line of a symbol's signature; it begins at the symbol's first line, decorators included."""
        if index not in self._heads:
            self._heads[index] = self._find_head_end(self.symbols[index])
        return self._heads[index]

    def _find_head_end(self, symbol: Symbol) -> int:
        last = min(symbol.end_line, symbol.start_line + HEAD_LINES - 1)
        wanted = _squeezed(symbol.signature.rstrip("…"))
        seen, named = "", symbol.start_line
        for number in range(symbol.start_line, last + 1):
            line = self.lines[number - 1][:HEAD_CHARS]
            if symbol.name in line and symbol.name not in seen:
                named = number
            seen += line + "\n"
            if wanted and wanted in _squeezed(seen):
                return number
        return named

    def doc_end(self, index: int) -> int:
        """The last line of the first paragraph of documentation directly below a signature; its end when none is."""
        end = self.head_end(index)
        last = min(self.symbols[index].end_line, end + DOC_LINES)
        while end < last and end + 1 in self.prose and self.lines[end].strip(" \t*/#\"'"):
            end += 1
        return end

    def starting_in(self, first: int, last: int) -> range:
        """Symbols that begin within two lines, in the order of the file."""
        return range(bisect_left(self._starts, first), bisect_right(self._starts, last))

    def around(self, first: int, last: int) -> list[int]:
        """Symbols that begin before a span and reach into it, outermost first."""
        if (first, last) not in self._around:
            self._around[first, last] = [
                index
                for index, symbol in enumerate(self.symbols[: bisect_left(self._starts, first)])
                if symbol.end_line >= (first if symbol.kind in BODIED else last)
            ]
        return self._around[first, last]


def _within(symbols: tuple[Symbol, ...], line_count: int) -> Iterator[Symbol]:
    """Symbols that begin inside the text, in order of their beginning."""
    for symbol in sorted(symbols, key=lambda symbol: (symbol.start_line, -symbol.end_line)):
        if 1 <= symbol.start_line <= line_count:
            end = min(max(symbol.end_line, symbol.start_line), line_count)
            yield symbol if end == symbol.end_line else symbol._replace(end_line=end)


def _squeezed(text: str) -> str:
    """A signature without white space and without the commas before a bracket, which its one-line form leaves out."""
    return "".join(text.split()).replace(",)", ")")
