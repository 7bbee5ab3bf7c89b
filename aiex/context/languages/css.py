"""CSS: rules by selector, custom properties, at-rules, imported sheets and files."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import Found, Language, line_of, text
from aiex.context.links import is_local, link, page_names, resolve_link
from aiex.context.prose import SIGNATURE_LIMIT

if TYPE_CHECKING:
    from tree_sitter import Node

_URL = re.compile(r"""\burl\(\s*["']?([^)"'\s]+)""")
_NAME_LIMIT = 100
_MENTION = re.compile(rb"""@import[^;\n]*|\burl\(\s*["']?[^)"'\n]+""")


def _block(node: "Node") -> "Node | None":
    return next((child for child in node.named_children if child.type in ("block", "keyframe_block_list")), None)


def _rule(node: "Node", source: bytes) -> Iterator[Found]:
    """A rule set or an at-rule, named by all that stands before its block."""
    block = _block(node)
    end = block.start_byte if block is not None else node.end_byte
    head = " ".join(source[node.start_byte : end].decode("utf-8", "replace").split()).rstrip("; ")
    if head:
        name = head if len(head) <= _NAME_LIMIT else head[: _NAME_LIMIT - 1] + "…"
        inside = block if block is not None and block.type == "block" else None
        yield Found(name, "rule", node, inside, None, True, head[:SIGNATURE_LIMIT])


def _property(node: "Node", source: bytes) -> Iterator[Found]:
    """A custom property: `--accent: #06c`."""
    if source.startswith(b"--", node.start_byte):
        name = text(node, source).partition(":")[0].strip()
        whole = " ".join(text(node, source).split()).rstrip("; ")
        yield Found(name, "variable", node, None, None, True, whole[:_NAME_LIMIT])


def _import(node: "Node", source: bytes) -> Iterator[Import]:
    """`@import "x.css"` and `@import url(x.css)`."""
    match = re.search(r"""["']([^"']+)["']|url\(\s*([^)\s"']+)""", text(node, source))
    if match is not None:
        yield Import(match.group(1) or match.group(2), (), "", line_of(node), "import")


def _urls(node: "Node", source: bytes) -> Iterator[Import]:
    """`url(x.png)` in a rule, by its text: the grammar stumbles over `url(../x.png)` without quotes."""
    if source.find(b"url(", node.start_byte, node.end_byte) < 0:
        return
    words, first = text(node, source), line_of(node)
    for match in _URL.finditer(words):
        if is_local(match.group(1)):
            yield link(match.group(1), first + words.count("\n", 0, match.start()))


LANGUAGE = Language(
    name="css",
    grammar="tree_sitter_css:language",
    extensions=(".css", ".pcss", ".postcss"),
    definitions={
        "rule_set": _rule,
        "media_statement": _rule,
        "supports_statement": _rule,
        "keyframes_statement": _rule,
        "at_rule": _rule,
        "declaration": _property,
    },
    imports={"import_statement": _import},
    inner_imports={"rule_set": _urls, "at_rule": _urls},
    comments=frozenset({"comment", "js_comment"}),
    exported=lambda name, node, wrappers, parent: True,
    uses="[(rule_set) (at_rule)] @import",
    mention=_MENTION,
    names_of=page_names,
    resolve=resolve_link,
    bounds=(600, 100, 40),
    chunk_inside=frozenset({"block", "media_statement", "supports_statement", "at_rule"}),
)
