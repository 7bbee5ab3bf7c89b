"""From bytes to a syntax tree, within bounds of size, line length, nesting and time."""

from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.context.facts import PARSE_LIMIT_BYTES
from aiex.context.language import Language, load_grammar

if TYPE_CHECKING:
    import re

    from tree_sitter import Node, Parser

LINE_LIMIT_BYTES = 20_000
"""A longer line means generated or minified text, on which a parse tells little."""
DEADLINE_S = 0.5
DEADLINE_PER_BYTE_S = 10e-6
LONGEST_DEADLINE_S = 3.0
"""CPU seconds for a parse. Real files took up to 7 µs a byte on a slow machine; what takes more only gets worse."""
REPETITIVE_FROM_BYTES = 16_000
SAMPLES = 128
FEWEST_DIFFERENT = 20
"""A few bytes repeated for kilobytes keep some grammars busy past any deadline, for they look at the clock only between
steps: 90 kB of `x=>` and line ends took minutes. Of 6,000 real files this large none had under 63 different samples."""
DEPTH_LIMIT = 2_000
"""Queries on deeper trees take time that grows with the square of the depth, and no person wrote them."""
TEXT_PIECE_BYTES = 2_048
"""What is read of the source at a time once it is parsed: predicates of queries read so much for every text that they
compare. The parser reads all of it at once, which spares 2 % of its time."""


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
    if is_repetitive(source):
        return Unparsed("the same few bytes over and over")
    if language.masked is not None:
        source = language.masked.sub(lambda match: b"_" * len(match.group()), source)
    if language.blanked is not None:
        source = language.blanked.sub(_blank, source)
    from tree_sitter import Parser

    tree = _parse_in_time(Parser(load_grammar(language.grammar)), source)
    if tree is None:
        return Unparsed("parsing took too long")
    return Unparsed("nested too deeply to parse") if is_too_deep(tree.root_node) else tree


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
    return tree.root_node if tree is not None and not is_too_deep(tree.root_node) else None


def is_too_deep(root: "Node") -> bool:
    """Whether the path from the root through the largest children is longer than `DEPTH_LIMIT`."""
    node: Node | None = root
    for below in range(DEPTH_LIMIT, 0, -1):
        if node is None or node.descendant_count < below:  # too few nodes for a path that long
            return False
        node = max(node.children, key=_size, default=None)
    return True


def _size(node: "Node") -> int:
    return int(node.end_byte - node.start_byte)


def _parse_in_time(parser: "Parser", source: bytes) -> Any:
    """The tree, None at the deadline, which counts the time of this thread.

    Asking the clock costs 1 %, and 8 kB of `> - ` can take a grammar seconds.
    """
    limit_s = min(DEADLINE_S + DEADLINE_PER_BYTE_S * len(source), LONGEST_DEADLINE_S)
    end, soonest = thread_time() + limit_s, perf_counter() + limit_s
    piece_bytes = len(source)
    try:
        return parser.parse(
            lambda offset, _point: source[offset : offset + piece_bytes],
            # the time on the wall is read ten times as fast, and is never behind
            progress_callback=lambda _offset, _error: perf_counter() > soonest and thread_time() > end,
        )
    except ValueError:
        return None
    finally:
        piece_bytes = TEXT_PIECE_BYTES


def is_repetitive(source: bytes) -> bool:
    """Whether samples of 8 bytes from all over a source are nearly all the same ones. Cost: 15 µs."""
    size = len(source) - 8
    if size < REPETITIVE_FROM_BYTES:
        return False
    place, seen = 0, set()
    for _ in range(SAMPLES):
        place = (place * 1_103_515_245 + 12_345) % 0x8000_0000
        seen.add(source[place % size : place % size + 8])
    return len(seen) <= FEWEST_DIFFERENT


def longest_line(source: bytes) -> int:
    """Length in bytes of the longest line."""
    if len(source) <= LINE_LIMIT_BYTES:
        return len(source)
    return max(map(len, source.split(b"\n")))
