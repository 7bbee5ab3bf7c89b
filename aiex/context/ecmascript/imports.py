"""Readers of imports: ES modules, `require` with what it binds, `import()`, workers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import field, line_of, text

if TYPE_CHECKING:
    from tree_sitter import Node


def _specifier(node: "Node | None", source: bytes) -> str:
    """The text of a string literal; empty for templates with parts and anything else."""
    if node is None or node.type not in ("string", "template_string"):
        return ""
    if any(child.type == "template_substitution" for child in node.named_children):
        return ""
    return text(node, source)[1:-1].strip()


def _import(node: "Node", source: bytes) -> Iterator[Import]:
    names: list[tuple[str, str]] = []
    alias, module, kind = "", _specifier(node.child_by_field_name("source"), source), "import"
    for clause in node.named_children:
        if clause.type == "import_clause":
            for child in clause.named_children:
                if child.type == "identifier":
                    names.append(("default", text(child, source)))
                elif child.type == "namespace_import":
                    alias = text(child.named_children[-1], source)
                elif child.type == "named_imports":
                    names.extend(_pairs(child, source))
        elif clause.type == "import_require_clause":
            module = _specifier(clause.child_by_field_name("source"), source)
            alias, kind = text(clause.named_children[0], source), "require"
    if module:
        yield Import(module, tuple(names), alias, line_of(node), kind)


def _pairs(clause: "Node", source: bytes) -> Iterator[tuple[str, str]]:
    for child in clause.named_children:
        name = field(child, "name", source).strip("\"'")
        if name:
            yield name, field(child, "alias", source).strip("\"'") or name


def _reexport(node: "Node", source: bytes) -> Iterator[Import]:
    module = _specifier(node.child_by_field_name("source"), source)
    if not module:
        return
    names: list[tuple[str, str]] = []
    alias = ""
    for child in node.named_children:
        if child.type == "export_clause":
            names.extend(_pairs(child, source))
        elif child.type == "namespace_export" and child.named_children:
            alias = text(child.named_children[-1], source)
    if not names and not alias:
        names = [("*", "*")]
    yield Import(module, tuple(names), alias, line_of(node), "reexport")


def _called_import(node: "Node", source: bytes) -> Iterator[Import]:
    """`require('x')` with what it is bound to, `import('x')`, `new Worker('./x.js')`."""
    function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    arguments = node.child_by_field_name("arguments")
    if function is None or arguments is None or not arguments.named_children:
        return
    word = text(function, source)
    first = next((child for child in arguments.named_children if child.type != "comment"), None)
    module = _specifier(first, source)
    if not module:
        return
    if word == "require":
        names, alias = _bound_by(node, source)
        yield Import(module, names, alias, line_of(node), "require")
    elif word == "import":
        yield Import(module, (), "", line_of(node), "dynamic")
    elif word in ("Worker", "SharedWorker", "URL", "importScripts") and module.startswith("."):
        yield Import(module, (), "", line_of(node), "link")


def _bound_by(call: "Node", source: bytes) -> tuple[tuple[tuple[str, str], ...], str]:
    """The names and the alias that `const … = require(…)` or `require(…).name` binds."""
    node, picked = call, ""
    above = call.parent
    if above is not None and above.type == "member_expression":
        picked, node, above = field(above, "property", source), above, above.parent
    while above is not None and above.type in ("call_expression", "as_expression", "parenthesized_expression"):
        node, above = above, above.parent
    target = None
    if above is not None and above.type == "variable_declarator":
        target = above.child_by_field_name("name")
    elif above is not None and above.type == "assignment_expression":
        target = above.child_by_field_name("left")
    if target is None or above is None or above.child_by_field_name("name") == node:
        return ((picked, picked),) if picked else (), ""
    if target.type == "object_pattern":
        return tuple(_destructured(target, source)), ""
    if target.type != "identifier":
        return ((picked, picked),) if picked else (), ""
    local = text(target, source)
    return (((picked, local),), "") if picked else ((), local)


def _destructured(pattern: "Node", source: bytes) -> Iterator[tuple[str, str]]:
    for child in pattern.named_children:
        if child.type == "shorthand_property_identifier_pattern":
            yield text(child, source), text(child, source)
        elif child.type == "pair_pattern":
            yield field(child, "key", source), field(child, "value", source)
        elif child.type == "object_assignment_pattern":
            name = field(child, "left", source)
            yield name, name


IMPORTS: Mapping[str, Callable[["Node", bytes], Iterable[Import]]] = {
    "import_statement": _import,
    "export_statement": _reexport,
}
INNER_IMPORTS: Mapping[str, Callable[["Node", bytes], Iterable[Import]]] = {
    "call_expression": _called_import,
    "new_expression": _called_import,
}
