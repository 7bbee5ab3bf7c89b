"""The identifiers of a file in any language with a grammar: what is code, and how it stands there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.sources import Source

Position = Literal["bare", "member", "path", "key", "shorthand", "symbol", "macro"]
"""How a name stands: alone, behind a dot, behind a path, as a key, as `{name}` for `{name: name}`, as `:name`, and in
what a macro or the preprocessor is given as text."""
_MEMBER_FIELDS = {
    "member_expression": "property", "selector_expression": "field", "field_expression": "field",
    "field_access": "field", "dot": "right",
}  # fmt: skip
_PATHS = frozenset({
    "scoped_identifier", "scoped_type_identifier", "qualified_identifier", "qualified_type", "scope_resolution",
    "nested_identifier", "nested_type_identifier",
})  # fmt: skip
_RECEIVERS = ("object", "operand", "argument", "value", "receiver", "left", "path", "package", "scope", "module")
_NAMES = re.compile(r"identifier|^(constant|name|word|variable_name|alias|hash_key_symbol|simple_symbol|atom|keyword)$")
_TEXTS = frozenset({"comment", "line_comment", "block_comment", "string", "string_content"})


class Leaf(NamedTuple):
    """One name where it stands in the code."""

    start: int
    end: int
    kind: str
    """Its node type."""
    position: Position
    receiver: str
    """What stands before the dot or path, as written."""
    is_key: bool = False


def leaves_of(source: Source, word: str) -> Iterator[Leaf]:
    """Every place in the code of a file that is exactly this name; comments and strings are none."""
    data, wanted = source.utf8, word.encode()
    root = source.tree.root_node
    for match in re.finditer(rb"(?<![\w$])" + re.escape(wanted) + rb"(?![\w$])", data):
        node = root.descendant_for_byte_range(match.start(), match.end())
        found = _leaf(node, data, match.start(), match.end()) if node is not None else None
        if found is not None:
            yield found


def leaf_at(source: Source, start: int) -> Leaf | None:
    """The name that stands at a byte, or ends there."""
    for match in re.finditer(rb"[\w$\x80-\xff]+[!?]?", source.utf8):
        if match.start() <= start <= match.end():
            word = match[0].decode()
            return next((leaf for leaf in leaves_of(source, word) if leaf.start == match.start()), None)
        if match.start() > start:
            break
    return None


def _leaf(node: Node, data: bytes, start: int, end: int) -> Leaf | None:
    if node.type in ("preproc_arg",):
        return Leaf(start, end, node.type, "macro", "")
    if not _NAMES.search(node.type) or node.type in _TEXTS:
        return None
    if node.type in ("simple_symbol", "atom"):
        return Leaf(start, end, node.type, "symbol", "")
    if (node.start_byte, node.end_byte) != (start, end) and node.type != "keyword":
        return None
    above = node.parent
    if node.type in ("hash_key_symbol", "keyword"):
        return Leaf(start, end, node.type, "key", "")
    if "shorthand" in node.type or (above is not None and "shorthand" in above.type):
        return Leaf(start, end, node.type, "shorthand", "")
    if above is None:
        return Leaf(start, end, node.type, "bare", "")
    if _inside_macro(node):
        return Leaf(start, end, node.type, "macro", "")
    return _placed(node, above, data)


def _placed(node: Node, above: Node, data: bytes) -> Leaf:
    start, end = node.start_byte, node.end_byte
    if above.type in _PATHS and above.named_children[-1].id == node.id and len(above.named_children) > 1:
        return Leaf(start, end, node.type, "path", _receiver(above, data))
    wanted = _MEMBER_FIELDS.get(above.type)
    if wanted is not None and _is_field(above, wanted, node):
        return Leaf(start, end, node.type, "member", _receiver(above, data))
    if above.type in ("method_invocation", "call") and above.child_by_field_name("arguments") != node:
        owner = above.child_by_field_name("object") or above.child_by_field_name("receiver")
        if owner is not None and owner.id != node.id:
            return Leaf(start, end, node.type, "member", data[owner.start_byte : owner.end_byte].decode())
    if above.type in ("pair", "pair_pattern", "keyed_element", "literal_element", "field_initializer") and (
        above.named_children[0].id == node.id and (above.type != "literal_element" or _is_first(above))
    ):
        return Leaf(start, end, node.type, "key", "")
    is_member = "property_identifier" in node.type or "field_identifier" in node.type
    return Leaf(start, end, node.type, "member" if is_member else "bare", "")


def _is_field(above: Node, field: str, node: Node) -> bool:
    found = above.child_by_field_name(field)
    return found is not None and found.id == node.id


def _is_first(node: Node) -> bool:
    above = node.parent
    return above is not None and above.type == "keyed_element" and above.named_children[0].id == node.id


def _receiver(above: Node, data: bytes) -> str:
    for field in _RECEIVERS:
        found = above.child_by_field_name(field)
        if found is not None:
            return data[found.start_byte : found.end_byte].decode()
    return ""


def _inside_macro(node: Node) -> bool:
    """Whether it stands in what a Rust macro gets, where nobody knows what becomes of it."""
    at = node.parent
    for _ in range(6):
        if at is None:
            return False
        if at.type == "token_tree":
            return True
        at = at.parent
    return False
