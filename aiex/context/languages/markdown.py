"""Markdown: sections by heading, links to files."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import Import
from aiex.context.language import Found, Language, line_of, text
from aiex.context.links import LINK_MENTION, is_local, link, page_names, resolve_link
from aiex.context.prose import first_paragraph

if TYPE_CHECKING:
    from tree_sitter import Node

_LINK = re.compile(r"""\]\(\s*<?([^)\s<>]+)|(?:href|src)\s*=\s*["']([^"'\s]+)""")
_MARKUP = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?|[`*]+|<[^>]+>|\\(?=[^\w\s])")
_TITLE = re.compile(rb"(?m)^(?:title|description)\s*[:=]\s*[\"']?(.+?)[\"']?\s*$")


def plain(words: str) -> str:
    """Inline Markdown without its marks, on one line."""
    return " ".join(_MARKUP.sub(r"\1", words).split())


def _paragraph_after(nodes: "Iterable[Node]", source: bytes) -> str:
    """The first paragraph with words in it among the nodes that follow a heading, before any deeper section."""
    for node in nodes:
        if node.type == "paragraph":
            words = first_paragraph(plain(text(node, source)))
            if words:
                return words
        elif node.type in ("section", "setext_heading", "atx_heading"):
            break
    return ""


def _section(node: "Node", source: bytes) -> Iterator[Found]:
    """A heading with all that belongs to it; what stands before the first heading has none."""
    head = node.named_child(0) if node.named_child_count else None
    content = head.child_by_field_name("heading_content") if head is not None else None
    if head is None or head.type != "atx_heading":
        return
    title = plain(text(content, source)).rstrip("# ") if content is not None else ""
    if title:
        doc = _paragraph_after(node.named_children[1:], source)
        yield Found(title, "section", node, node, doc, True, text(head, source).strip().rstrip("# "))


def _underlined(node: "Node", source: bytes) -> Iterator[Found]:
    """A heading underlined with `===` or `---`: it reaches to the next heading beside it."""
    content = node.child_by_field_name("heading_content")
    title = plain(text(content, source)) if content is not None else ""
    if not title:
        return
    last, following = node, node.next_named_sibling
    after: list[Node] = []
    while following is not None and following.type not in ("setext_heading", "section"):
        last = following
        after.append(following)
        following = following.next_named_sibling
    level = "#" if b"=" in text(node.named_children[-1], source).encode() else "##"
    doc, line = _paragraph_after(after, source), f"{level} {title}"
    yield Found(title, "section", node, None, doc, True, line, title, last=last)


def _links(node: "Node", source: bytes) -> Iterator[Import]:
    first = line_of(node)
    words = text(node, source)
    for match in _LINK.finditer(words):
        target = match.group(1) or match.group(2)
        if is_local(target):
            yield link(target, first + words.count("\n", 0, match.start()))


def _reference(node: "Node", source: bytes) -> Iterator[Import]:
    for child in node.named_children:
        target = text(child, source).strip("<>")
        if child.type == "link_destination" and is_local(target):
            yield link(target, line_of(node))


def _front(root: "Node", source: bytes) -> str:
    """What the front matter calls the page, else its first paragraph."""
    nodes = list(root.named_children)
    if nodes and nodes[0].type in ("minus_metadata", "plus_metadata"):
        said = _TITLE.search(source, nodes[0].start_byte, nodes[0].end_byte)
        if said is not None:
            return first_paragraph(said.group(1).decode("utf-8", "replace"))
    for node in nodes:
        inner = [child for child in node.named_children if child.type not in ("atx_heading", "setext_heading")]
        words = _paragraph_after(inner, source) if node.type == "section" else ""
        if words:
            return words
    return ""


LANGUAGE = Language(
    name="markdown",
    grammar="tree_sitter_markdown:language",
    extensions=(".md", ".markdown", ".mdown", ".mkd", ".mdx"),
    definitions={"section": _section, "setext_heading": _underlined},
    containers=frozenset({"section"}),
    inner_import_signs=tuple(map(re.compile, (rb"\]\(", rb"\]:", rb"href", rb"src"))),
    inner_imports={"inline": _links, "html_block": _links, "link_reference_definition": _reference},
    comments=frozenset(),
    module_doc=_front,
    exported=lambda name, node, wrappers, parent: True,
    uses="[(inline) (html_block) (link_reference_definition)] @import",
    mention=LINK_MENTION,
    names_of=page_names,
    resolve=resolve_link,
    bounds=(300, 200, 100, 50, 50, 50),
    chunk_inside=frozenset({"section", "list", "block_quote"}),
)
