"""From the text of a command to a bash syntax tree, within bounds of size, nesting and time."""

from functools import cache
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.guard.neutral import neutralise

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

LIMIT_BYTES = 16_000
"""Nobody approves a longer command by reading it. No cap that falls open: what is longer is asked about."""
LIMIT_BARS = 400
"""The grammar takes time that grows with the square of the number of `|`: 8,000 of them took 5 s, 400 take 15 ms."""
LIMIT_DEPTH = 40
"""Levels of nesting that are read, in the tree and by recursion."""
DEADLINE_S = 0.1
"""Seconds for a parse, then as many of CPU time; typical commands take 50 µs."""
PIECE_BYTES = 1_024
WORD_ENDS = b" \t\n;&|()"
"""Behind one of these a word begins, or a comment."""
SUBSTITUTIONS = frozenset(["command_substitution", "process_substitution", "arithmetic_expansion", "expansion"])


class Tree(NamedTuple):
    """A parsed command."""

    source: bytes
    letters: str
    """The source with one character for each byte."""
    root: "Node"
    substitutions: dict[int, "Node"]
    """First byte → the expansion or substitution that begins there."""
    comments: dict[int, int]
    """First byte → end of each comment."""
    doubt: str
    """Why the tree is not to be relied on; empty when it is complete."""


class Unparsed(NamedTuple):
    """A text that has no tree, and why."""

    why: str


def refuse(text: str) -> str:
    """Why a text is not worth a parse, or an empty string: nothing there, unprintable, too large."""
    if not text.strip():
        return "there is no command"
    if len(text) > LIMIT_BYTES or text.count("|") > LIMIT_BARS:
        return "it is too long to be read"
    if neutralise(text) != text or "\r" in text or has_strange_blank(text):
        return "it has control or invisible characters"
    return ""


def has_strange_blank(text: str) -> bool:
    """Whether a blank other than space, tab and line end is in a text; shells do not agree on those."""
    return not text.isascii() and any(letter.isspace() for letter in text if letter not in " \t\n")


def parse(text: str) -> Tree | Unparsed:
    """The tree of a command, or why there is none. Cost: 50 µs for a typical one, at most 0.2 s."""
    try:
        source = text.encode()
    except UnicodeEncodeError:
        return Unparsed("it is not text")
    if len(source) > LIMIT_BYTES or source.count(b"|") > LIMIT_BARS:
        return Unparsed("it is too long to be read")
    parsed = _parse_in_time(_parser(), source)
    if parsed is None:
        return Unparsed("it takes too long to be read")
    return _look_over(source, parsed.root_node)


@cache
def _language() -> Any:
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


def _parser() -> "Parser":
    from tree_sitter import Parser

    return Parser(_language())


def _parse_in_time(parser: "Parser", source: bytes) -> Any:
    soonest, end = perf_counter() + DEADLINE_S, list[float]()

    def is_late(_offset: int, _error: bool) -> bool:
        if perf_counter() < soonest:
            return False
        if not end:  # reading the CPU time can take a millisecond, so it is read only when it matters
            end.append(thread_time() + DEADLINE_S)
        return thread_time() > end[0]

    try:
        return parser.parse(lambda offset, _point: source[offset : offset + PIECE_BYTES], progress_callback=is_late)
    except ValueError:
        return None


def _look_over(source: bytes, root: "Node") -> Tree | Unparsed:
    """One walk over all nodes, without recursion: what is wrong, and where substitutions and comments stand."""
    tree = Tree(source, source.decode("latin-1"), root, {}, {}, "it does not parse as bash" if root.has_error else "")
    nodes = [(root, 0)]
    while nodes:
        node, depth = nodes.pop()
        kind = node.type
        if depth > LIMIT_DEPTH * 4:
            return Unparsed("it is nested too deeply")
        if kind in SUBSTITUTIONS:
            tree.substitutions.setdefault(node.start_byte, node)
        elif kind == "comment":
            tree.comments[node.start_byte] = node.end_byte
            if _goes_on(source, node.start_byte):
                return Unparsed("a comment begins in a word that goes on from the line above")
        nodes.extend((child, depth + 1) for child in node.children)
    return tree


def _goes_on(source: bytes, start: int) -> bool:
    """Whether a word reaches from the line above to this place, over line ends with a backslash before them."""
    end = start
    while source.endswith(b"\\\n", 0, end):
        end -= 2
    return end < start and bool(source[end - 1 : end].strip(WORD_ENDS))
