"""HTML, also of Vue and Svelte files: headings, named elements, forms, and what a page loads and links."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.ecmascript import paths
from aiex.context.extract import extract
from aiex.context.facts import Import
from aiex.context.language import Found, Language, Tree, get_language, line_of, text
from aiex.context.links import LINK_MENTION, is_local, link, page_names, resolve_link

if TYPE_CHECKING:
    from tree_sitter import Node

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARTS = frozenset({"form", "main", "nav", "header", "footer", "aside", "article", "template", "dialog"})
_LOADING = frozenset({"script", "link", "iframe", "embed"})
_SCRIPT_LIMIT = 200_000
_SHOWN = 120
_POINTING = re.compile(rb"(?i)\b(?:src|href)\b")
_TAGS = re.compile(r"<[^>]*>")


def _attributes(tag: "Node", source: bytes) -> dict[str, str]:
    """Attributes of a start tag, values without quotes."""
    found: dict[str, str] = {}
    for child in tag.named_children:
        if child.type == "attribute":
            name, _, value = text(child, source).partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip("\"'"))
    return found


def _tag_of(tag: "Node", source: bytes) -> str:
    name = tag.named_child(0) if tag.named_child_count else None
    return text(name, source).lower() if name is not None and name.type == "tag_name" else ""


def _element(node: "Node", source: bytes) -> Iterator[Found]:
    """Headings by their words, elements with an id, and the parts of a page."""
    tag = node.named_child(0) if node.named_child_count else None
    name = _tag_of(tag, source) if tag is not None else ""
    if tag is None or not name:
        return
    if name in _HEADINGS:
        inner = source[tag.end_byte : node.end_byte].decode("utf-8", "replace")
        words = " ".join(_TAGS.sub("", inner).split())
        if words:
            yield Found(words[:_SHOWN], "section", node, None, None, True, f"<{name}> {words[:_SHOWN]}")
            return
    label = _label(tag, name, source)
    if label:
        yield Found(label, "element", node, node, None, True, _shown(tag, source))


def _label(tag: "Node", name: str, source: bytes) -> str:
    """What an element is called: its id, the name of a form, the tag of a part of the page; else nothing."""
    if name not in _PARTS and source.find(b"id", tag.start_byte, tag.end_byte) < 0:
        return ""
    attributes = _attributes(tag, source)
    named = attributes.get("id") or (attributes.get("name") if name == "form" else "")
    return named or (name if name in _PARTS else "")


def _shown(tag: "Node", source: bytes) -> str:
    whole = " ".join(text(tag, source).split())
    return whole if len(whole) <= _SHOWN else whole[: _SHOWN - 1] + "…"


def _parts(node: "Node") -> "tuple[Node | None, Node | None]":
    """The start tag and the text of a script or style."""
    children = {child.type: child for child in node.named_children}
    return children.get("start_tag"), children.get("raw_text")


def _code(node: "Node", source: bytes) -> Iterator[Found]:
    """A script or style written into the page; one that is loaded shows among the imports."""
    tag, raw = _parts(node)
    if tag is not None and raw is not None and text(raw, source).strip():
        attributes = _attributes(tag, source)
        label = attributes.get("id") or _tag_of(tag, source)
        yield Found(label, "element", node, None, None, True, _shown(tag, source))


def _links(tag: "Node", source: bytes) -> Iterator[Import]:
    """What a start tag loads or points to; of pages and pictures only local ones."""
    if _POINTING.search(source, tag.start_byte, tag.end_byte) is None:  # most tags, and looking closer costs 10 times
        return
    name = _tag_of(tag, source)
    attributes = _attributes(tag, source)
    target = attributes.get("src") or (attributes.get("href") if name in ("link", "a", "area", "use") else "")
    if not target:
        return
    local = is_local(target) or (target.startswith("/") and not target.startswith("//"))
    if local or (name in _LOADING and target.startswith(("http", "//")) and attributes.get("rel") != "preconnect"):
        yield link(target, line_of(tag))


def _script(node: "Node", source: bytes) -> Iterator[Import]:
    """Imports of a script inside the page, by the reader of its own language."""
    tag, raw = _parts(node)
    if tag is None or raw is None or raw.end_byte - raw.start_byte > _SCRIPT_LIMIT:
        return
    inside = source[raw.start_byte : raw.end_byte]
    if b"import" not in inside and b"require" not in inside:
        return
    typed = _attributes(tag, source).get("lang") in ("ts", "tsx")
    for item in extract(inside, get_language("typescript" if typed else "javascript")).imports:
        yield item._replace(line=item.line + raw.start_point[0])


def _title(root: "Node", source: bytes) -> str | None:
    """The title of the page; None leaves it to the first comment."""
    match = re.search(rb"(?is)<title[^>]*>(.{1,400}?)</title>", source[:20_000])
    return " ".join(match.group(1).decode("utf-8", "replace").split()) if match is not None else None


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    return resolve_link(item, path, tree) if item.kind == "link" else paths.resolve(item, path, tree)


LANGUAGE = Language(
    name="html",
    grammar="tree_sitter_html:language",
    extensions=(".html", ".htm", ".xhtml", ".vue", ".svelte"),
    definitions={"element": _element, "script_element": _code, "style_element": _code},
    containers=frozenset({"element"}),
    inner_import_signs=tuple(map(re.compile, (b"href", b"src", b"HREF", b"SRC", b"import", b"require"))),
    inner_imports={"start_tag": _links, "self_closing_tag": _links, "script_element": _script},
    module_doc=_title,
    exported=lambda name, node, wrappers, parent: True,
    uses="[(start_tag (attribute)) (self_closing_tag (attribute)) (script_element)] @import",
    mention=re.compile(LINK_MENTION.pattern + b"|" + paths.MENTION.pattern, re.MULTILINE),
    names_of=lambda path: page_names(path) | (paths.names_of(path) if path.endswith((".vue", ".svelte")) else set()),
    resolve=_resolve,
    bounds=(400, 100, 60, 40, 30, 20),
    chunk_inside=frozenset({"element", "script_element", "style_element", "raw_text"}),
)
