"""Where a syntax tree may be cut: units that begin at line starts and cover a range byte for byte."""

from typing import TYPE_CHECKING, NamedTuple

from aiex.context.language import Language

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH_LIMIT = 64


class Unit(NamedTuple):
    """A stretch of source that belongs together."""

    start_byte: int
    end_byte: int
    names: tuple[str, ...]
    """Definitions that begin in it, qualified."""
    part_of: str
    """The definition it is a piece of, empty when it is whole."""


def cut_node(node: "Node", source: bytes, language: Language, limit_bytes: int) -> list[Unit]:
    """Units of at most `limit_bytes` where the tree allows it, covering the whole source in order."""
    cutter = _Cutter(source, language, limit_bytes)
    cutter.cut(node, 0, len(source), "", 0)
    return cutter.units


class _Cutter:
    def __init__(self, source: bytes, language: Language, limit_bytes: int) -> None:
        self.source = source
        self.language = language
        self.limit_bytes = limit_bytes
        self.units: list[Unit] = []

    def cut(self, node: "Node", start: int, end: int, part_of: str, depth: int) -> None:
        """Cover [start, end) by the children of a node."""
        children = node.children
        starts = self.starts(children, start, end)
        if not starts:
            self.units.append(Unit(start, end, (), part_of))
            return
        edges = [start, *(place for place, _ in starts[1:]), end]
        for index, (_, child) in enumerate(starts):
            self.cover(child, edges[index], edges[index + 1], part_of, depth)

    def cover(self, child: "Node", begin: int, stop: int, part_of: str, depth: int) -> None:
        """Take one child as a unit, or cut it inside when it is too large."""
        names = self.names(child, part_of)
        if stop - begin <= self.limit_bytes or depth >= DEPTH_LIMIT or not child.child_count:
            self.units.append(Unit(begin, stop, names, part_of))
            return
        first = len(self.units)
        self.cut(child, begin, stop, names[0] if names else part_of, depth + 1)
        if names and first < len(self.units):
            head = self.units[first]
            self.units[first] = head._replace(names=names + tuple(name for name in head.names if name not in names))

    def starts(self, children: "list[Node]", start: int, end: int) -> "list[tuple[int, Node]]":
        """Line starts at which a child begins; a comment or an attribute takes the child below it along."""
        language, source = self.language, self.source
        places: list[tuple[int, Node]] = []
        last = start - 1
        glued_row = -1
        for child in children:
            begin = child.start_byte
            line = source.rfind(b"\n", 0, begin) + 1
            if language.keep_lines and source[line:begin].strip():
                continue  # not the first thing on its line
            place = line if language.keep_lines else begin
            row = child.start_point[0]
            leads = child.type in language.comments or child.type in language.attached
            if row == glued_row and places:
                places[-1] = (places[-1][0], child)
            elif last < place < end or (place == start and not places):
                places.append((place, child))
                last = place
            elif places and child.end_byte - begin > places[-1][1].end_byte - places[-1][1].start_byte:
                places[-1] = (places[-1][0], child)
            end_row, column = child.end_point
            glued_row = (end_row + 1 if column else end_row) if leads else -1
        return places

    def names(self, node: "Node", part_of: str) -> tuple[str, ...]:
        """Qualified names of the definitions in a node, looked for through its wrappers."""
        reader = self.language.definitions.get(node.type)
        if reader is not None:
            prefix = part_of + "." if part_of else ""
            return tuple(prefix + found.name for found in reader(node, self.source))
        if node.type in self.language.wrappers:
            return tuple(name for child in node.named_children for name in self.names(child, part_of))
        return ()
