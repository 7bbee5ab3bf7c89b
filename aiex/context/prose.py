"""What people wrote about code: comments, documentation and signatures as single lines."""

import re
from typing import TYPE_CHECKING

from aiex.context.language import Language, text
from aiex.patterns import late

if TYPE_CHECKING:
    from tree_sitter import Node

SIGNATURE_LIMIT = 240
DOC_LIMIT = 400
_TAG = late(r"[@\\](?:(description|summary|brief|file(?:overview)?|desc)\s+|[a-zA-Z]+\b(?!\.))")
"""A tag of JSDoc, Javadoc or Doxygen; the first group introduces a description, any other ends it."""
_DIRECTIVE = late(
    r"(?:es|ts|js)lint\b|jshint\b|prettier-|biome-|istanbul |[cv]8 ignore|@ts-|@vite|webpack\w+:|<reference "
    r"|#(?:end)?region\b|noqa\b|pylint:|pragma:|nolint\b|rubocop:|clang-(?:format|tidy)|NOLINT|:?(?:nodoc|stopdoc|startdoc):"
)
"""Comments for tools, which tell a reader nothing."""
_COMMENT_START = late(r"/\*+!?|\*+/|//+!?|\*+(?!/)|#+[!:]?|--+|;+|%+|<!--|\"\"\"")
_RULED_TITLE = late(r"[^\n]*\n\s*([-=~*#^\"'+_])\1{2,}\s*")
_MARKS = late(r"\s*#\s*(?:type:|noqa|pragma|pylint:|pyright:|fmt:)[^\n]*")
"""What checkers read in a Python signature."""
_LICENCE = late(
    r"(?i)copyright|licen[cs]e|spdx-|all rights reserved|^\s*(?:-\*-|vim:|eslint|prettier|pylint|noqa|@ts-)"
)


def signature(node: "Node", body: "Node | None", source: bytes) -> str:
    """The text of a definition before its body, on one line."""
    end = body.start_byte if body is not None and body.start_byte > node.start_byte else node.end_byte
    raw = source[node.start_byte : min(end, node.start_byte + 4 * SIGNATURE_LIMIT)].decode("utf-8", "replace")
    if body is None:
        raw = raw.split("\n", 1)[0] if len(raw) > SIGNATURE_LIMIT else raw
    raw = _MARKS.sub("", raw) if "#" in raw else raw
    line = " ".join(raw.split()).rstrip("{").rstrip()
    line = line.removesuffix(":").removesuffix(" do").removesuffix("=>").rstrip()
    if body is not None:  # in a value, as in `("a",)`, commas mean something
        line = line.replace("( ", "(").replace(", )", ")").replace(" )", ")").replace(",)", ")")
    line = line.rstrip(",")
    return line if len(line) <= SIGNATURE_LIMIT else line[: SIGNATURE_LIMIT - 1] + "…"


def comment_above(leading: "list[Node]", node: "Node", source: bytes, language: Language) -> str:
    """First paragraph of the comments that end directly above a node; `/**` may leave one line blank."""
    if not leading:
        return ""
    row = node.start_point[0]
    block: list[str] = []
    for item in reversed(leading):
        last_row, column = item.end_point
        start = item.start_byte
        mark = source[start : start + 3]
        if last_row - (0 if column else 1) < row - (2 if mark == b"/**" else 1):
            break
        row = item.start_point[0]
        if item.type in language.comments and mark[:2] != b"#!":
            block.append(source[start : item.end_byte].decode("utf-8", "replace"))
    return clean_comment([line for item in reversed(block) for line in item.splitlines()]) if block else ""


def clean_comment(lines: list[str]) -> str:
    """The first paragraph of comment lines without their markers, on one line."""
    words: list[str] = []
    for raw in lines:
        line = _unmarked(_unmarked(raw.strip()))
        if line and (not line.strip("=-*#/~") or _DIRECTIVE.match(line)):
            continue
        tag = _TAG.match(line)
        if words and (not line or tag):
            break
        if tag and not tag.group(1):
            continue
        if line:
            words.append(line[tag.end() :] if tag else line)
    return shorten(" ".join(words))


def _unmarked(line: str) -> str:
    """A stripped line without the mark at its start and the one at its end."""
    start = _COMMENT_START.match(line)
    if start is not None:
        line = line[start.end() :].strip()
    if line.endswith("*/"):
        return line[:-1].rstrip("*").strip()
    return line.removesuffix("-->").rstrip()


def shorten(words: str) -> str:
    """A paragraph on one line of at most `DOC_LIMIT` characters."""
    line = " ".join(words.split())
    return line if len(line) <= DOC_LIMIT else line[: DOC_LIMIT - 1].rstrip() + "…"


def first_paragraph(words: str) -> str:
    """The text up to the first blank line, on one line; a title that only has a rule under it is passed over."""
    *titles, last = re.split(r"\n\s*\n", words.strip())
    return shorten(next((title for title in titles if not _RULED_TITLE.fullmatch(title.strip())), last))


def first_comment(root: "Node", source: bytes, language: Language) -> str:
    """The first paragraph of the leading comments that is not a licence, a shebang or an editor line.

    A comment directly above the first definition documents that definition, not the file.
    """
    block: list[Node] = []
    blocks: list[list[Node]] = [block]
    last_row = -1
    following_row = 1 << 30
    for child in root.named_children:
        if child.type not in language.comments:
            following_row = child.start_point[0]
            if child.type in language.imports or child.type in language.inner_imports:
                following_row += 2
            break
        whole = source.startswith(b"/*", child.start_byte)
        if block and (whole or child.start_point[0] > last_row + 1):
            block = []
            blocks.append(block)
        block.append(child)
        last_row = child.end_point[0] - (0 if child.end_point[1] else 1)
    if len(blocks) > 1 or following_row <= last_row + 1:
        blocks = blocks[:-1] if following_row <= last_row + 1 else blocks
    for group in blocks:
        lines = [line for item in group for line in text(item, source).splitlines()]
        lines = [line for line in lines if not line.startswith("#!")]
        licence = next((row for row, line in enumerate(lines) if _LICENCE.search(line.strip(" #/*-;"))), len(lines))
        doc = clean_comment(lines[:licence])
        if doc and (licence == len(lines) or doc.count(" ") > 2):
            return doc
    return ""


def short_text(raw: str) -> str:
    """A piece of source on one line, at most 60 characters."""
    line = " ".join(raw.split())
    return line if len(line) <= 60 else line[:59] + "…"
