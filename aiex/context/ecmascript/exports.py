"""What a file makes public, and where a run of it begins."""

import re
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import SymbolKind
from aiex.context.language import field, line_of, text

if TYPE_CHECKING:
    from tree_sitter import Node

EXPORTS = re.compile(r"(?:module\.)?exports\b")
COMMENTS = frozenset({"comment", "html_comment", "hash_bang_line"})
EXPORT_OBJECTS = frozenset({"exports", "module.exports"})


class _Everything:
    """Contains every name: a script without imports and exports shares all it defines."""

    def __contains__(self, name: object) -> bool:
        return True


def public_names(root: "Node", source: bytes) -> Container[str]:
    """Names that `export { a }`, `export default a`, `module.exports = …` and `exports.x = a` make public."""
    public: set[str] = set()
    is_module = False
    for node in root.named_children:
        if node.type == "export_statement":
            is_module = True
            public.update(_exported_names(node, source))
        elif node.type == "import_statement":
            is_module = True
        elif node.type == "expression_statement" and node.named_children:
            child = node.named_children[0]
            if child.type == "assignment_expression":
                public.update(_assigned_exports(child, source))
        elif node.type in ("variable_declaration", "lexical_declaration"):
            for child in node.named_children:
                value = child.child_by_field_name("value")
                if value is not None and value.type == "assignment_expression" and _exports_path(value, source):
                    public.update((field(child, "name", source), *_assigned_exports(value, source)))
    if not public and not is_module and not re.search(rb"\brequire\s*\(|\bexports\b|\bdefine\s*\(", source):
        return _Everything()
    return public


def _exported_names(node: "Node", source: bytes) -> Iterator[str]:
    if node.child_by_field_name("source") is not None:
        return
    for child in node.named_children:
        if child.type == "export_clause":
            yield from (field(item, "name", source) for item in child.named_children)
        elif child.type == "identifier":
            yield text(child, source)


def _assigned_exports(assignment: "Node", source: bytes) -> Iterator[str]:
    """`module.exports = a`, `module.exports = { a, b: c }`, `exports.x = a`, and chains of these."""
    value: Node | None = assignment
    paths = []
    while value is not None and value.type == "assignment_expression":
        paths.append(field(value, "left", source))
        value = value.child_by_field_name("right")
    if value is None or not any(EXPORTS.match(path) for path in paths):
        return
    yield from (path for path in paths if re.fullmatch(r"[\w$]+", path))
    if value.type == "identifier":
        yield text(value, source)
    elif value.type == "object":
        for child in value.named_children:
            if child.type == "shorthand_property_identifier":
                yield text(child, source)
            elif child.type == "pair":
                yield field(child, "value", source)


def _exports_path(assignment: "Node", source: bytes) -> bool:
    """Whether one of the targets in `a = b = …` is `exports` or below it."""
    value: Node | None = assignment
    while value is not None and value.type == "assignment_expression":
        if EXPORTS.match(field(value, "left", source)):
            return True
        value = value.child_by_field_name("right")
    return False


def is_exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    """Whether a name is seen outside: exported at module level, not private inside a class."""
    if parent is None:
        return "export_statement" in wrappers or _is_ambient(node)
    if parent in ("class", "interface", "enum", "constant", "variable", "field"):
        if name.startswith(("#", "_")):
            return False
        first = node.named_children[0] if node.named_children else None
        if first is None or first.type != "accessibility_modifier":
            return True
        return first.child_count > 0 and first.children[0].type == "public"
    if parent == "namespace":
        return "export_statement" in wrappers or _is_ambient(node)
    return False


def _is_ambient(node: "Node") -> bool:
    """Whether a definition stands in `declare module 'x' { … }` or `declare global { … }`."""
    block = node.parent
    above = block.parent if block is not None and block.type == "statement_block" else None
    return above is not None and above.type in ("module", "ambient_declaration")


def entry_line(root: "Node", source: bytes) -> int:
    """Line of `if (require.main === module)` or its module form, else of a `#!` line."""
    for child in root.named_children:
        if child.type == "if_statement":
            condition = field(child, "condition", source)
            if "require.main" in condition or "import.meta.main" in condition or "process.argv[1]" in condition:
                return line_of(child)
    return 1 if source.startswith(b"#!") else 0
