"""YAML: keys of three levels, values that are paths of files."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import Found, Language, field, line_of, text
from aiex.context.links import PATH_MENTION, link, page_names, resolve_link
from aiex.context.prose import clean_comment

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEP = re.compile(rb"(?m)(?:[-?:][ \t]+){60}|^(?:[ \t]|[-?:][ \t]){100}")
"""Nesting of some 250 levels overruns the state of the scanner of tree-sitter-yaml 0.7.2 and ends the process."""
_VALUE_LIMIT = 60
_PATH = re.compile(r"^\.{1,2}/[\w@./-]*(?:#[\w/.-]*)?$")


def _pair(node: "Node", source: bytes) -> Iterator[Found]:
    key = " ".join(field(node, "key", source).split()).strip("\"'")
    value = node.child_by_field_name("value")
    if not key:
        return
    nested = value is not None and value.type == "block_node"
    said = "" if value is None or nested else " ".join(text(value, source).split())
    said = said if len(said) <= _VALUE_LIMIT else said[: _VALUE_LIMIT - 1] + "…"
    yield Found(key, "key", node, value, signature=f"{key}: {said}".rstrip())


def _file(node: "Node", source: bytes) -> Iterator[Import]:
    """A value that begins with `./` or `../`: a local action, a schema, a build context."""
    if b"." not in source[node.start_byte : node.start_byte + 2]:
        return
    target = text(node, source).strip("\"'")
    if _PATH.match(target):
        yield link(target, line_of(node))


def _doc(root: "Node", source: bytes) -> str | None:
    """The comment at the top, also directly above the first key; None leaves out a licence."""
    lines: list[str] = []
    for child in root.named_children:
        if child.type != "comment":
            break
        lines.append(text(child, source))
    return None if re.search(r"(?i)copyright|licen[cs]e|spdx", " ".join(lines)) else clean_comment(lines)


LANGUAGE = Language(
    name="yaml",
    grammar="tree_sitter_yaml:language",
    extensions=(".yaml", ".yml"),
    filenames=(".clang-format", ".clang-tidy", ".yamllint", "CITATION.cff"),
    definitions={"block_mapping_pair": _pair, "flow_pair": _pair},
    containers=frozenset({"document", "block_node", "block_mapping", "flow_node", "flow_mapping"}),
    inner_imports={"plain_scalar": _file, "double_quote_scalar": _file, "single_quote_scalar": _file},
    module_doc=_doc,
    exported=lambda name, node, wrappers, parent: True,
    uses="""
        (flow_node [(plain_scalar) (double_quote_scalar) (single_quote_scalar)] @import)
    """,
    inner_import_signs=(re.compile(rb"\.\.?/"),),
    mention=PATH_MENTION,
    names_of=page_names,
    resolve=resolve_link,
    refused=_DEEP,
    bounds=(200, 40, 20),
    chunk_inside=frozenset({"block_mapping", "block_sequence", "block_mapping_pair", "block_node", "document"}),
)
