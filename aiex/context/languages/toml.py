"""TOML: tables and keys, files that a manifest names."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import Found, Language, line_of, text
from aiex.context.links import PATH_MENTION, is_local, link, page_names, resolve_link

if TYPE_CHECKING:
    from tree_sitter import Node

_VALUE_LIMIT = 60
_CLOSERS = {"array": "[…]", "inline_table": "{…}", "string": "…"}
_FILE_KEYS = frozenset({"path", "readme", "license-file", "file", "include", "build", "exclude", "manifest-path"})
_PATH = re.compile(r"^(?:\.{1,2}/)?[\w@.][\w@./-]*$")


def _key(node: "Node", source: bytes) -> str:
    first = node.named_child(0) if node.named_child_count else None
    return re.sub(r"\s*\.\s*", ".", " ".join(text(first, source).split())).strip("\"'") if first is not None else ""


def _table(node: "Node", source: bytes) -> Iterator[Found]:
    name = _key(node, source)
    if name:
        head = f"[[{name}]]" if node.type == "table_array_element" else f"[{name}]"
        yield Found(name, "table", node, node, signature=head)


def _pair(node: "Node", source: bytes) -> Iterator[Found]:
    name = _key(node, source)
    value = node.named_children[-1] if node.named_child_count > 1 else None
    if not name or value is None:
        return
    said = " ".join(text(value, source).split())
    if len(said) > _VALUE_LIMIT:
        said = _CLOSERS.get(value.type, "…")
    yield Found(name, "key", node, value if value.type == "inline_table" else None, signature=f"{name} = {said}")


def _file(node: "Node", source: bytes) -> Iterator[Import]:
    """A string that begins with `./`, or the value of a key that names a file in Cargo.toml and pyproject.toml."""
    value = node.named_children[-1] if node.named_child_count > 1 else None
    if value is None or value.type != "string":
        return
    target = text(value, source).strip("\"'")
    named = _key(node, source) in _FILE_KEYS and _PATH.match(target)
    if (named or target.startswith(("./", "../"))) and is_local(target) and "*" not in target:
        yield link(target, line_of(node))


LANGUAGE = Language(
    name="toml",
    grammar="tree_sitter_toml:language",
    extensions=(".toml",),
    filenames=("Cargo.lock", "poetry.lock", "uv.lock", "Pipfile", "pdm.lock"),
    definitions={"table": _table, "table_array_element": _table, "pair": _pair},
    inner_imports={"pair": _file},
    exported=lambda name, node, wrappers, parent: True,
    uses="(pair (string)) @import",
    mention=PATH_MENTION,
    names_of=page_names,
    resolve=resolve_link,
    bounds=(300, 60, 10),
    chunk_inside=frozenset({"table", "table_array_element", "pair", "array"}),
)
