"""Markdown in pieces: a stream of text becomes closed blocks, a block's text becomes styled spans.

Only what answers use: headings, paragraphs, lists, quotes, fences, tables, rules. What is not understood stays a
paragraph, so nothing is ever lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

BlockKind = Literal["heading", "paragraph", "item", "quote", "code", "table", "rule"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])(?:\s+(.*))?$")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_INLINE = re.compile(
    r"(?P<tick>`+)(?P<code>.+?)(?P=tick)(?!`)"
    r"|\*\*(?P<bold>\S(?:.*?\S)?)\*\*"
    r"|(?<!\w)__(?P<bold_>[^\s_][^_]*\s[^_]*[^\s_])__(?!\w)"  # several words: `__init__` is a name
    r"|\*(?P<slant>[^\s*](?:[^*]*[^\s*])?)\*"
    r"|(?<!\w)_(?P<slant_>[^\s_](?:[^_]*[^\s_])?)_(?!\w)"
    r"|\[(?P<label>[^\]\[]+)\]\((?P<address>[^()\s]+)\)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])",
    re.DOTALL,
)


class Block(NamedTuple):
    """A closed piece of Markdown."""

    kind: BlockKind
    text: str
    level: int = 0
    """Heading level from 1; depth of a list item's indent in columns."""
    mark: str = ""
    """Bullet or number of an item; language of code."""
    goes_on: bool = False
    """It is the rest of the block before it, which was too long to be one."""


class Span(NamedTuple):
    """Words in one style: plain, bold, slant, code, link."""

    text: str
    style: str


class Blocks:
    """Collects text and gives each block once, when it is closed.

    Args:
        most_lines: Longer blocks come in several, so that none is ever large; 0 for no limit. Of code it is the least:
            a cut is made where a definition begins, or at three times as many.
        most_chars: The same for one line.
    """

    def __init__(self, *, most_lines: int = 0, most_chars: int = 0) -> None:
        self._most_lines = most_lines
        self._most_chars = most_chars
        self._goes_on = False
        self._tail = ""
        self._lines: list[str] = []
        self._kind: BlockKind = "paragraph"
        self._level = 0
        self._mark = ""
        self._fence = ""

    def feed(self, text: str) -> Iterator[Block]:
        """The blocks that the next piece of text closes."""
        *lines, self._tail = (self._tail + text).split("\n")
        if self._most_chars:
            yield from self._feed_long(lines)
            return
        for line in lines:
            yield from self._take(line.rstrip("\r"))

    def close(self) -> Iterator[Block]:
        """The blocks that were still open at the end."""
        if self._tail:
            yield from self._take(self._tail)
            self._tail = ""
        yield from self._flush()

    def peek(self) -> list[Block]:
        """The blocks that are open, as if the text ended here; nothing is changed. Cost: their length."""
        other = Blocks()
        other._tail, other._lines, other._kind = self._tail, list(self._lines), self._kind
        other._level, other._mark, other._fence = self._level, self._mark, self._fence
        other._goes_on = self._goes_on
        return list(other.close())

    def _feed_long(self, lines: list[str]) -> Iterator[Block]:
        """Take lines, in pieces where they are too long; of the last, which has no end yet, what is too much."""
        for line in lines:
            *parts, rest = _part(line, self._most_chars)
            for part in parts:
                yield from self._take(part)
                yield from self._cut()
            yield from self._take(rest.rstrip("\r"))
            if self._is_long():
                yield from self._cut()
        if len(self._tail) > self._most_chars:
            *parts, self._tail = _part(self._tail, self._most_chars)
            for part in parts:
                yield from self._take(part)
                yield from self._cut()

    def _is_long(self) -> bool:
        count = len(self._lines)
        if count < self._most_lines:
            return False
        begins = count > 1 and not self._lines[-1].strip()
        return not self._fence or begins or count >= 3 * self._most_lines

    def _cut(self) -> Iterator[Block]:
        """Close what is open, and go on with the same kind."""
        if not self._lines:
            return
        kind, level, mark = self._kind, self._level, self._mark
        yield from self._flush()
        self._kind, self._level = (kind, level) if kind != "item" else ("paragraph", 0)
        self._mark = mark if kind == "code" else ""
        self._goes_on = True

    def _take(self, line: str) -> Iterator[Block]:
        if self._fence:
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                self._fence = ""
                yield from self._flush()
            else:
                self._lines.append(line)
            return
        yield from self._take_outside_fence(line)

    def _take_outside_fence(self, line: str) -> Iterator[Block]:
        if not line.strip():
            yield from self._flush()
        elif fence := _FENCE.match(line):
            yield from self._begin("code", mark=fence[2])
            self._fence = fence[1]
        elif heading := _HEADING.match(line):
            yield from self._flush()
            yield Block("heading", heading[2], level=len(heading[1]))
        elif _RULE.match(line):
            yield from self._flush()
            yield Block("rule", "")
        elif item := _ITEM.match(line):
            yield from self._begin("item", level=len(item[1].expandtabs(4)), mark=item[2])
            self._lines.append(item[3] or "")
        elif line.lstrip().startswith("|"):
            yield from self._continue("table", line.strip())
        elif line.lstrip().startswith(">"):
            yield from self._continue("quote", line.lstrip()[1:].strip())
        elif self._kind in ("item", "quote") and self._lines:
            self._lines.append(line.strip())
        else:
            yield from self._continue("paragraph", line.strip())

    def _begin(self, kind: BlockKind, *, level: int = 0, mark: str = "") -> Iterator[Block]:
        yield from self._flush()
        self._kind, self._level, self._mark = kind, level, mark

    def _continue(self, kind: BlockKind, line: str) -> Iterator[Block]:
        if self._kind != kind:
            yield from self._begin(kind)
        self._lines.append(line)

    def _flush(self) -> Iterator[Block]:
        if self._lines or (self._kind == "code" and not self._goes_on):
            joint = "\n" if self._kind in ("code", "table") else " "
            yield Block(self._kind, joint.join(self._lines), self._level, self._mark, self._goes_on)
        self._lines, self._kind, self._level, self._mark = [], "paragraph", 0, ""
        self._goes_on = False


def _part(line: str, most_chars: int) -> list[str]:
    """A line in pieces of at most so many characters, cut behind a space where there is one."""
    parts = []
    while len(line) > most_chars:
        at = line.rfind(" ", most_chars // 2, most_chars) + 1 or most_chars
        parts.append(line[:at])
        line = line[at:]
    return [*parts, line]


def spans(text: str, style: str = "plain") -> Iterator[Span]:
    """The words of a block with their styles; the marks themselves are gone."""
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield Span(text[at : found.start()], style)
        at = found.end()
        match found.lastgroup:
            case "code":
                yield Span(found["code"].strip() or found["code"], "code")
            case "bold" | "bold_":
                yield from spans(found[found.lastgroup], "bold")
            case "slant" | "slant_":
                yield from spans(found[found.lastgroup], "slant" if style == "plain" else style)
            case "address":
                yield from spans(found["label"], style)
                if found["address"] != found["label"]:
                    yield Span(f" ({found['address']})", "link")
            case _:
                yield Span(found["escaped"], style)
    if at < len(text):
        yield Span(text[at:], style)


def table_rows(text: str) -> list[list[str]]:
    """The cells of a table, row by row, without the line of dashes."""
    rows = [[cell.strip().replace("\\|", "|") for cell in _cells(line)] for line in text.split("\n")]
    return [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
