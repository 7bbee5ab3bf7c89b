"""From bytes to a syntax tree, within bounds of size, line length, nesting and time."""

from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.language import Language, load_grammar

if TYPE_CHECKING:
    import re

    from tree_sitter import Node, Parser

LINE_LIMIT_BYTES = 20_000
"""A longer line means generated or minified text, on which a parse tells little."""
PARSE_DEADLINE_S = 2.0
PARSE_PIECE_BYTES = 65_536


class Unparsed(NamedTuple):
    """A file that is not worth or not able to be parsed, and why."""

    note: str


def parse(source: bytes, language: Language, limit_bytes: int = PARSE_LIMIT_BYTES) -> "Any | Unparsed":
    """The syntax tree of a source, or why there is none: too large, one long line, deadline."""
    if len(source) > limit_bytes:
        return Unparsed(f"{len(source) / 1e6:.1f} MB, too large to parse")
    if longest_line(source) > LINE_LIMIT_BYTES:
        return Unparsed("minified or generated: a line is longer than 20 kB")
    if language.refused is not None and language.refused.search(source):
        return Unparsed("nested too deeply to parse")
    if language.masked is not None:
        source = language.masked.sub(lambda match: b"_" * len(match.group()), source)
    if language.blanked is not None:
        source = language.blanked.sub(_blank, source)
    from tree_sitter import Parser

    tree = _parse_in_time(Parser(load_grammar(language.grammar)), source)
    return tree if tree is not None else Unparsed(f"parsing took longer than {PARSE_DEADLINE_S:.0f} s")


def _blank(match: "re.Match[bytes]") -> bytes:
    whole = match[0]
    for group in range(1, (match.lastindex or 0) + 1):
        if match[group] is not None:
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            whole = whole[:start] + b" " * (end - start) + whole[end:]
    return whole


def parse_span(source: bytes, span: tuple[int, int], language: Language) -> "Node | None":
    """The tree of a part of the source, with the places of the whole; None when it takes too long."""
    from tree_sitter import Parser, Point, Range

    start, end = span
    row = source.count(b"\n", 0, start)
    first = Point(row, start - (source.rfind(b"\n", 0, start) + 1))
    last = Point(row + source.count(b"\n", start, end), end - (source.rfind(b"\n", 0, end) + 1))
    parser = Parser(load_grammar(language.grammar), included_ranges=[Range(first, last, start, end)])
    tree = _parse_in_time(parser, source[:end])
    return tree.root_node if tree is not None else None


def _parse_in_time(parser: "Parser", source: bytes) -> Any:
    """The tree, None at the deadline; asking the clock costs 1 %, and 8 kB of `> - ` can take a grammar seconds."""
    end = monotonic() + PARSE_DEADLINE_S
    try:
        return parser.parse(
            lambda offset, _point: source[offset : offset + PARSE_PIECE_BYTES],
            progress_callback=lambda _offset, _error: monotonic() > end,
        )
    except ValueError:
        return None


def longest_line(source: bytes) -> int:
    """Length in bytes of the longest line."""
    if len(source) <= LINE_LIMIT_BYTES:
        return len(source)
    longest = start = 0
    while start < len(source):
        end = source.find(b"\n", start)
        end = len(source) if end < 0 else end
        longest = max(longest, end - start)
        start = end + 1
    return longest
