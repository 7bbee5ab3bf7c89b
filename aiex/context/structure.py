"""The walk over containers that finds the symbols and the imports of a file."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from aiex.context.facts import Import, Symbol, SymbolKind, make_plainly
from aiex.context.language import Found, Language
from aiex.context.parsing import parse_span
from aiex.context.prose import comment_above, signature

if TYPE_CHECKING:
    from tree_sitter import Node

BODIED: frozenset[str] = frozenset({"function", "method", "constructor", "test", "macro", "property"})
WALK_DEPTH = 48
BOUNDED_SYMBOLS = 3_000
"""Symbols kept of a file in a language with bounds: a large data file tells little by its keys."""
OPENED_LIMIT = 200
"""Parts of one file parsed anew, at most."""
OWNERS: frozenset[str] = frozenset({"class", "interface", "struct", "enum", "trait", "implementation", "protocol"})
"""Kinds whose functions are methods."""


class Walk:
    """Collects symbols and imports by looking into containers only."""

    def __init__(self, source: bytes, language: Language, *, names_only: bool = False) -> None:
        self.source = source
        self.language = language
        self.names_only = names_only
        """Leave documentation, signatures and what is public empty, and what is inside functions out, which spares a
        third of the time of a parse."""
        self.symbols: list[Symbol] = []
        self.imports: list[Import] = []
        self.public: Container[str] = ()
        self.kept: dict[int, int] = {}
        self.full: set[int] = set()
        self.telling = _telling_kinds(language)
        self.opened: list[Node] = []
        self.bare: set[int] = set()

    def look(
        self,
        node: "Node",
        parent: int,
        outer: "Node | None",
        depth: int,
        wrappers: tuple[str, ...],
        above: "Sequence[Node]" = (),
    ) -> None:
        """Look at the children of a node; `outer` is the wrapper whose start the next definition takes."""
        comments, attached, telling = self.language.comments, self.language.attached, self.telling
        sparse = parent >= 0 and self.language.inside is not None and self.symbols[parent].kind in BODIED
        leading = [*above]
        silent = self.names_only and not attached
        before: Node | None = None
        for child in node.named_children:
            kind = child.type
            if kind in comments or kind in attached:
                if silent:
                    continue
                # a comment behind code on its line says nothing about what follows
                if leading or kind in attached or before is None or child.start_point[0] + 1 != last_line(before):
                    leading.append(child)
                continue
            before = child
            if kind in telling and (not sparse or self.holds_marks(child)):
                self.visit(child, kind, parent, outer, leading, depth, wrappers)
                if parent in self.full:
                    return
            if leading:
                leading = []

    def visit(
        self,
        node: "Node",
        kind: str,
        parent: int,
        outer: "Node | None",
        leading: "list[Node]",
        depth: int,
        wrappers: tuple[str, ...],
    ) -> None:
        """Take in one node of a telling kind: the definitions it is, the import it is, or what it contains."""
        language = self.language
        reader = language.definitions.get(kind)
        if reader is not None:
            found = False
            for item in reader(node, self.source):
                self.add(item, parent, outer, leading, depth, wrappers)
                found = True
            if found:
                return
        if kind in language.imports:
            self.imports.extend(language.imports[kind](node, self.source))
        if depth >= WALK_DEPTH:
            return
        if kind in language.wrappers:
            self.look_wrapped(node, parent, outer or node, leading, depth + 1, (*wrappers, kind))
        elif kind in language.containers:
            self.look(node, parent, None, depth + 1, ())
        elif kind in language.opened:
            self.open(node, parent, depth + 1)

    def open(self, node: "Node", parent: int, depth: int) -> None:
        """Look into bytes that the grammar left unparsed, such as the items in a macro call."""
        span = self.language.opened[node.type](node, self.source)
        if span is None or len(self.opened) >= OPENED_LIMIT:
            return
        root = parse_span(self.source, span, self.language)
        if root is None:
            return
        self.opened.append(root)
        self.look(root, parent, None, depth, ())

    def look_wrapped(
        self, node: "Node", parent: int, outer: "Node", leading: "list[Node]", depth: int, wrappers: tuple[str, ...]
    ) -> None:
        before = len(self.symbols)
        self.look(node, parent, outer, depth, wrappers)
        if len(self.symbols) > before and not self.symbols[before].doc and not self.names_only:
            doc = comment_above(leading, outer, self.source, self.language)
            self.symbols[before] = self.symbols[before]._replace(doc=doc)

    def has_room(self, parent: int) -> bool:
        """Whether the bounds of the language let one more definition into a parent; counts it when they do."""
        bounds, level, outer = self.language.bounds, 0, parent
        while outer >= 0 and level < len(bounds):
            level, outer = level + 1, self.symbols[outer].parent
        count = self.kept.get(parent, 0)
        if level >= len(bounds) or count >= bounds[level] or len(self.symbols) >= BOUNDED_SYMBOLS:
            return False
        self.kept[parent] = count + 1
        if count + 1 >= bounds[level]:
            self.full.add(parent)
        return True

    def add(
        self,
        found: Found,
        parent: int,
        outer: "Node | None",
        leading: "list[Node]",
        depth: int,
        wrappers: tuple[str, ...],
    ) -> None:
        name, named_kind, node, body, _, _, said, qualified, first, inside, last, _ = found
        language = self.language
        if "\n" in name or (said and "\n" in said):
            name, qualified, said = " ".join(name.split()), None, " ".join(said.split()) if said else said
            found = found._replace(name=name, qualified=qualified, signature=said)
        if not name:
            if body is not None and depth < WALK_DEPTH:
                self.look(body, parent, None, depth + 1, ())
            return
        if language.bounds and not self.has_room(parent):
            return
        above = self.symbols[parent] if parent >= 0 else None
        kind: SymbolKind = "method" if named_kind == "function" and above and above.kind in OWNERS else named_kind
        start = outer or first or node
        if leading and outer is None:
            start = next((item for item in leading if item.type in language.attached), start)
        if self.names_only:
            signed, doc, exported = "", "", False
        else:
            exported = self.is_exported(found, above, wrappers)
            signed, doc = self.describe(found, outer, leading)
        end = last or outer or node
        self.symbols.append(
            make_plainly(
                Symbol,
                (
                    name,
                    qualified or (f"{above.qualified}.{name}" if above else name),
                    kind,
                    signed,
                    doc,
                    start.start_point[0] + 1,
                    last_line(end),
                    start.start_byte,
                    end.end_byte,
                    parent,
                    exported,
                ),
            )
        )
        if body is None:
            self.bare.add(len(self.symbols) - 1)
        elif depth < WALK_DEPTH and self.is_worth_a_look(kind, body):
            self.look(body, len(self.symbols) - 1, None, depth + 1, (), inside)

    def describe(self, found: Found, outer: "Node | None", leading: "list[Node]") -> tuple[str, str]:
        """Signature and documentation of a definition."""
        said = found.signature if found.signature is not None else signature(found.node, found.body, self.source)
        doc = found.doc
        if found.tell is not None and found.body is not None:
            doc = found.tell(found.body, self.source)
        if doc is None:
            doc = comment_above(leading, outer or found.node, self.source, self.language)
        return said, doc

    def is_exported(self, found: Found, above: Symbol | None, wrappers: tuple[str, ...]) -> bool:
        """Whether a definition is meant to be used from outside the file."""
        if found.exported is not None:
            return found.exported
        exported = self.language.exported(found.name, found.node, wrappers, above.kind if above else None)
        if above:
            return exported and above.exported
        return exported or (found.qualified or found.name).partition(".")[0] in self.public

    def is_worth_a_look(self, kind: SymbolKind, body: "Node") -> bool:
        """Whether a body may hold definitions or imports: that of a function seldom does."""
        if self.names_only and kind in BODIED:
            return False
        return self.language.inside is None or kind not in BODIED or self.holds_marks(body)

    def holds_marks(self, node: "Node") -> bool:
        """Whether something that `Language.inside` finds ends in a node."""
        marks = self.marks
        place = bisect_right(marks, node.start_byte)
        return place < len(marks) and marks[place] <= node.end_byte

    @cached_property
    def marks(self) -> list[int]:
        """Where everything ends that `Language.inside` finds; one search per file is cheaper than one per body."""
        return sorted(found.end() for pattern in self.language.inside or () for found in pattern.finditer(self.source))


@cache
def _telling_kinds(language: Language) -> frozenset[str]:
    """The node types that a walk does anything about."""
    return frozenset(
        {*language.definitions, *language.imports, *language.wrappers, *language.containers, *language.opened}
    )


def last_line(node: "Node") -> int:
    """Last line a node reaches, counted from 1; an end at the start of a line belongs to the line before."""
    row, column = node.end_point
    return int(row) + (1 if column or row == node.start_point[0] else 0)
