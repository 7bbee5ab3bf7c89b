"""One version of a file: its lines, its syntax tree, and what in it is code."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts
    from aiex.context.language import Language

_BINARY_BYTES = 8_000
"""A NUL within so many bytes makes a file binary, as for git (xdiff-interface.c)."""
_NO_CODE = ("comment", "string", "char_literal", "character", "regex", "text", "heredoc", "template_string", "charlist")
"""Parts of the names of nodes whose inside is no code."""
_CODE = frozenset({"interpolation", "template_substitution", "jsx_expression"})
"""Nodes whose inside is code again."""
MOST_DEPTH = 400
"""Nodes below are not looked at: nobody wrote them by hand."""


class Source:
    """One version of a file; nothing is read from it before it is asked for."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.unparsed = ""
        """Why there is no tree, once it was asked for."""
        self._indexed: tuple[tuple[tuple[int, int], ...], dict[str, list[Any]]] | None = None

    def forget(self) -> None:
        """Let go of what was computed, which can take sixty times the room of the file."""
        for name in ("root", "facts", "lines", "raw_lines", "text"):
            self.__dict__.pop(name, None)
        self._indexed = None

    @cached_property
    def is_binary(self) -> bool:
        """Whether it is no text."""
        return b"\0" in self.data[:_BINARY_BYTES]

    @cached_property
    def raw_lines(self) -> list[bytes]:
        """Its lines without their ends."""
        lines = self.data.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        return [line.removesuffix(b"\r") for line in lines]

    @cached_property
    def lines(self) -> list[str]:
        """Its lines without their ends; bytes that are not UTF-8 as surrogates."""
        return [line.decode("utf-8", "surrogateescape") for line in self.raw_lines]

    @cached_property
    def text(self) -> str:
        """All of it, every line ended by a line feed."""
        return "".join([f"{line}\n" for line in self.lines])

    @cached_property
    def language(self) -> Language | None:
        """What it is written in; None for what no grammar is known of."""
        from aiex.context.language import HEAD_BYTES, find_language

        return None if self.is_binary else find_language(self.path, self.data[:HEAD_BYTES])

    @property
    def language_name(self) -> str:
        """The name of its language, or an empty string."""
        return self.language.name if self.language is not None else ""

    @cached_property
    def root(self) -> Any:
        """The root of its syntax tree; None when it cannot be parsed."""
        from aiex.context.parsing import Unparsed, parse

        if self.language is None:
            return None
        tree = parse(self.data, self.language)
        if isinstance(tree, Unparsed):
            self.unparsed = tree.note
            return None
        return tree.root_node

    @cached_property
    def facts(self) -> FileFacts:
        """What its parse tells."""
        from aiex.context.extract import bare_facts, read_facts

        if self.root is None or self.language is None:
            return bare_facts(self.data, "")
        return read_facts(self.root, self.data, self.language)

    def text_of(self, node: Any) -> str:
        """The source of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def is_code(self, line: int, column: int) -> bool:
        """Whether a place is neither comment nor text in quotes; True where there is no tree that could say so."""
        kind = self.kind_at(line, column)
        return not any(sign in kind for sign in _NO_CODE)

    def is_comment(self, line: int, column: int) -> bool:
        """Whether a place lies in a comment; False where there is no tree that could say so."""
        return "comment" in self.kind_at(line, column)

    def kind_at(self, line: int, column: int) -> str:
        """The type of the comment or text around a place, counted in characters from 0; empty in code."""
        if self.root is None:
            return ""
        at = (line - 1, len(self.lines[line - 1][:column].encode("utf-8", "surrogateescape")))
        node = self.root.descendant_for_point_range(at, at)
        for _ in range(MOST_DEPTH):
            if node is None or node.type in _CODE:
                return ""
            if any(sign in node.type for sign in _NO_CODE) and node.type not in ("string_expression", "program_text"):
                return str(node.type)
            node = node.parent
        return ""

    def nodes(self, kinds: frozenset[str], spans: Sequence[tuple[int, int]]) -> Iterator[Any]:
        """The nodes of these types that touch one of the spans of lines, in order; the spans count from 1.

        Types of leaves are not found. Cost: a walk for the first types that are asked for with the same spans.
        """
        if self.root is None:
            return
        if self._indexed is None or self._indexed[0] != tuple(spans):
            self._indexed = (tuple(spans), self._walk(spans))
        by_kind = self._indexed[1]
        found = [node for kind in sorted(kinds) for node in by_kind.get(kind, ())]
        yield from sorted(found, key=lambda node: int(node.start_byte))

    def _walk(self, spans: Sequence[tuple[int, int]]) -> dict[str, list[Any]]:
        """Nodes with children that touch one of the spans, by their types."""
        found: dict[str, list[Any]] = {}
        is_whole = len(spans) == 1 and spans[0][0] <= 1 and spans[0][1] >= len(self.raw_lines)
        waiting = [(self.root, 0)]
        while waiting:
            node, depth = waiting.pop()
            if not is_whole and not touches(spans, node.start_point[0] + 1, node.end_point[0] + 1):
                continue
            found.setdefault(node.type, []).append(node)
            if depth < MOST_DEPTH:
                waiting += [(child, depth + 1) for child in node.children if child.child_count]
        return found


def touches(spans: Sequence[tuple[int, int]], first: int, last: int) -> bool:
    """Whether lines `first` to `last` have one in common with sorted spans, all inclusive."""
    place = bisect_left(spans, first, key=lambda span: span[1])
    return place < len(spans) and spans[place][0] <= last


def to_spans(lines: frozenset[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring lines, in order."""
    spans: list[tuple[int, int]] = []
    for line in sorted(lines):
        if spans and spans[-1][1] == line - 1:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((line, line))
    return spans
