"""JSON, with comments and trailing commas allowed: keys of three levels, files that a manifest names."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import Found, Language, field, line_of, text
from aiex.context.links import PATH_MENTION, is_local, link, page_names, resolve_link

if TYPE_CHECKING:
    from tree_sitter import Node

_FILE_KEYS = frozenset(
    {
        "main",
        "module",
        "browser",
        "types",
        "typings",
        "bin",
        "source",
        "style",
        "unpkg",
        "extends",
        "path",
        "$ref",
        "icons",
    }
)
"""Keys of package.json, tsconfig.json and schemas whose value is a file, with or without `./` in front."""
_FILE_SIGNS = tuple(re.compile(f'"{re.escape(sign)}'.encode()) for sign in ("./", "../", *sorted(_FILE_KEYS)))
_PATH = re.compile(r"^(?:\.{1,2}/)?[\w@][\w@./-]*$")
_VALUE_LIMIT = 60
_FILE_LEVELS = 3


def _pair(node: "Node", source: bytes) -> Iterator[Found]:
    value = node.child_by_field_name("value")
    key = " ".join(field(node, "key", source).split()).strip('"')
    if value is None or not key:
        return
    body = value if value.type == "object" else None
    size = value.end_byte - value.start_byte
    if size <= _VALUE_LIMIT and value.start_point[0] == value.end_point[0]:
        said = text(value, source)
    else:
        said = {"object": "{…}", "array": "[…]"}.get(value.type) or text(value, source)[: _VALUE_LIMIT - 1] + "…"
    yield Found(key, "key", node, body, signature=f"{key}: {' '.join(said.split())}")


def _file(node: "Node", source: bytes) -> Iterator[Import]:
    """A value that names a file: one that begins with `./`, or the value of a key known for it."""
    if not _is_shallow(node):
        return
    target = field(node, "value", source).strip('"')
    key = field(node, "key", source).strip('"')
    plain = key in _FILE_KEYS and _PATH.match(target) and ("/" in target or "." in target)
    if (target.startswith(("./", "../")) or plain) and is_local(target) and "*" not in target:
        yield link(target, line_of(node))


def _is_shallow(pair: "Node") -> bool:
    """Whether a pair stands in at most three objects, the outermost of which is the document."""
    node: Node | None = pair
    for _ in range(_FILE_LEVELS):
        node = node.parent if node is not None else None  # the object
        above = node.parent if node is not None else None
        if above is None or above.type == "document":
            return above is not None
        node = above
    return False


def _description(root: "Node", source: bytes) -> str | None:
    """The `description` of a manifest or schema; None leaves it to the first comment."""
    top = next((child for child in root.named_children if child.type == "object"), None)
    for pair in top.named_children[:40] if top is not None else ():
        if pair.type == "pair" and field(pair, "key", source) == '"description"':
            return " ".join(field(pair, "value", source).strip('"').split())[:400]
    return None


LANGUAGE = Language(
    name="json",
    grammar="tree_sitter_json:language",
    extensions=(".json", ".jsonc", ".json5", ".webmanifest", ".geojson", ".code-workspace", ".jsonld", ".har", ".avsc"),
    filenames=(
        ".babelrc", ".eslintrc", ".prettierrc", ".swcrc", ".jshintrc", ".stylelintrc", "composer.lock", "Pipfile.lock",
        "flake.lock",
    ),
    definitions={"pair": _pair},
    containers=frozenset({"object"}),
    inner_imports={"pair": _file},
    inner_import_signs=_FILE_SIGNS,
    module_doc=_description,
    exported=lambda name, node, wrappers, parent: True,
    uses="""
        (document (object (pair value: (string)) @import))
        (document (object (pair value: (object (pair value: (string)) @import))))
        (document (object (pair value: (object (pair value: (object (pair value: (string)) @import))))))
    """,
    mention=PATH_MENTION,
    names_of=page_names,
    resolve=resolve_link,
    bounds=(200, 40, 10),
    chunk_inside=frozenset({"object", "array", "pair"}),
    keep_lines=False,
)  # fmt: skip
