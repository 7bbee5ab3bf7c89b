"""Calls of an async function whose outcome nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule
from aiex.jobs.reviewing.source import Source

_FUNCTIONS = frozenset(
    (
        *("function_definition", "lambda", "function_declaration", "method_definition", "arrow_function"),
        *("function_expression", "generator_function_declaration", "class_definition", "class_declaration"),
    )
)
_OWN = ("self", "cls", "this")


def _find(change: FileChange) -> Iterator[Hit]:
    """Calls as statements of their own: what is kept in a name, or handed on, may be awaited later."""
    source = change.new
    if (
        source is None
        or b"async" not in source.data
        or (change.language != "python" and change.language not in ECMASCRIPT)
    ):
        return
    known = _async_names(source)
    if not any(known.values()):
        return
    for node in change.nodes("expression_statement"):
        called = node.named_children[0] if node.named_child_count == 1 else None
        if called is None or called.type not in ("call", "call_expression"):
            continue
        callee = called.child_by_field_name("function")
        words = source.text_of(callee)
        owner = "" if "." not in words else _owner(node, source) if words.partition(".")[0] in _OWN else None
        name = words.rpartition(".")[2]
        if owner is None or words.count(".") > 1 or name not in known.get(owner, ()):
            continue
        if change.language == "python" or _is_inside_async(node):
            message = f"{words} is async and its outcome is dropped"
            yield change.hit(node, message, "await it" if change.language == "python" else "await it, or write void")


def _async_names(source: Source) -> dict[str, set[str]]:
    """Names of functions that are async each time they are defined, by class; the empty one holds the others."""
    found: dict[str, dict[str, bool]] = {}
    everywhere = [(1, len(source.lines) + 1)]
    for node in source.nodes(_FUNCTIONS, everywhere):
        label = node.child_by_field_name("name")
        if label is None or node.type.startswith("class"):
            continue
        owner, name = _owner(node, source), source.text_of(label)
        if not owner and _inside(node) is not None:
            continue
        names = found.setdefault(owner, {})
        is_async = _is_async(node, source) and not _is_decorated(node)
        names[name] = names.get(name, True) and is_async
    return {owner: {name for name, is_async in names.items() if is_async} for owner, names in found.items()}


def _is_decorated(node: Any) -> bool:
    """What a decorator makes of a function need not be awaited."""
    return (node.parent is not None and node.parent.type == "decorated_definition") or any(
        child.type == "decorator" for child in node.children
    )


def _is_async(node: Any, source: Source) -> bool:
    if node.type == "generator_function_declaration":
        return False
    return any(child.type == "async" for child in node.children) and not _yields(node)


def _yields(node: Any) -> bool:
    """An async generator is not awaited."""
    return any(
        child.type in ("yield", "yield_expression", "*") or (child.type not in _FUNCTIONS and _yields(child))
        for child in node.children
    )


def _owner(node: Any, source: Source) -> str:
    """The name of the class around a method; empty outside of one."""
    at = node.parent
    while at is not None:
        if at.type in ("class_definition", "class_declaration"):
            label = at.child_by_field_name("name")
            return source.text_of(label) if label is not None else ""
        at = at.parent
    return ""


def _inside(node: Any) -> Any:
    """The function around a node."""
    at = node.parent
    while at is not None and at.type not in _FUNCTIONS:
        at = at.parent
    return at


def _is_inside_async(node: Any) -> bool:
    around = _inside(node)
    return around is not None and any(child.type == "async" for child in around.children)


RULE = Rule(
    "warning",
    "Async call not awaited",
    "Without await the function does not run (Python), or nobody sees that it failed (JavaScript).",
    in_file=_find,
    known_as=("no-floating-promises", "RUF006"),
)
