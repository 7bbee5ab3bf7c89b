"""A page as text: headings, lists, links and code as Markdown has them, without what only a browser needs.

A reader of its own, because the time it takes grows with the length of the page and no faster: html.parser of the
standard library takes minutes for some pages of 100 kB that were made for that (measured: 20 kB of `<a ` in 25 s with
Python 3.11.7), and a page is not to be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Final
from urllib.parse import urljoin

from aiex.patterns import late

_TAG: Final = late(r"<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+)>")
_ATTRIBUTE: Final = late(r"([^\s=/\"'>]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+))?")
_MOST_ATTRIBUTE_CHARS: Final = 4_096
_LONGEST_LINK: Final = 300
_RAW: Final = frozenset(["script", "style", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "template"])
"""What they hold is no text of the page."""
_SKIPPED: Final = frozenset(["nav", "footer", "button", "select", "svg", "dialog", "object", "canvas", "head"])
_HIDEABLE: Final = frozenset(
    ["div", "section", "span", "article", "aside", "ul", "ol", "table", "details", "form", "a"]
)
"""Elements that have to be closed, so that it is known where what is hidden ends."""
_BLOCKS: Final = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "form", "header", "hgroup", "html", "legend", "main", "menu", "ol", "option", "p",
    "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
])  # fmt: skip
_PARAGRAPHS: Final = frozenset(["p", "blockquote", "ul", "ol", "table", "dl", "section", "article", "figure", "main"])
_HEADINGS: Final = {f"h{level}": "#" * level for level in range(1, 7)}
_MARKER: Final = late(r"-|\d+\.|#+")
_DEEPEST: Final = 8
"""Lists within lists that are indented any further."""
_HIDDEN: Final = late(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def to_text(page: str, base_url: str = "") -> str:
    """The readable text of a page of HTML, its title first; relative links are made whole by `base_url`.

    Cost: linear in the length of the page, about 0.2 s for a megabyte.
    """
    reading = _Reading(base_url)
    reading.read(page)
    return reading.finish()


class _Reading:
    """Goes through a page from its beginning to its end."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._lines: list[str] = []
        self._line: list[str] = []
        self._skipped = ""
        self._depth = 0
        self._pre = 0
        self._lists: list[int] = []
        """For each list that is open the number of its last item; -1 where items have none."""
        self._link = ""
        self._link_at = -1
        self._title = ""

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, page: str) -> None:
        at = 0
        while (mark := page.find("<", at)) >= 0:
            self._say(page[at:mark])
            at = self._read_markup(page, mark)
        self._say(page[at:])

    def _read_markup(self, page: str, at: int) -> int:
        """Where what begins with `<` ends."""
        if page.startswith("<!--", at):
            return _behind(page, "-->", at + 4)
        if page[at + 1 : at + 2] in ("!", "?"):
            return _behind(page, ">", at)
        following = page[at + 1 : at + 3].removeprefix("/")[:1]
        if not (following.isascii() and following.isalpha()):
            self._say("<")
            return at + 1
        tag = _TAG.match(page, at)
        if tag is None:
            return len(page)
        name = tag[2].lower()
        if tag[1]:
            self._close(name)
            return tag.end()
        if name == "title" or name in _RAW:
            return self._pass_raw(page, tag.end(), name)
        self._open(name, tag[3])
        return tag.end()

    def _pass_raw(self, page: str, at: int, name: str) -> int:
        end = re.compile(rf"</{name}(?=[\s/>])[^>]*>", re.IGNORECASE).search(page, at)
        if end is None:
            return len(page)
        if name == "title" and not self._title and self._skipped in ("", "head"):
            self._title = " ".join(unescape(page[at : end.start()]).split())
        return end.end()

    # --- elements -----------------------------------------------------------------------------------------------------

    def _open(self, name: str, inside: str) -> None:
        if self._skipped:
            self._depth += name == self._skipped
            return
        attributes = _read_attributes(inside) if name in _HIDEABLE or name in ("img", "ol") else {}
        if (name in _SKIPPED and not inside.endswith("/")) or (name in _HIDEABLE and _is_hidden(attributes)):
            self._skipped, self._depth = name, 1
        elif name in _HEADINGS:
            self._break(2)
            self._line.append(f"{_HEADINGS[name]} ")
        elif name == "a":
            self._open_link(attributes.get("href", ""))
        elif name == "img":
            if alt := " ".join(attributes.get("alt", "").split()):
                self._say(f"[{alt}]")
        else:
            self._open_block(name, attributes)

    def _open_block(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("ul", "ol", "menu"):
            self._break(1 if self._lists else 2)
            start = attributes.get("start", "1")
            self._lists.append((int(start) if start.isdecimal() and len(start) < 6 else 1) - 1 if name == "ol" else -1)
        elif name == "li":
            self._break_item()
            self._line.append(self._item())
        elif name in ("br", "hr"):
            self._break(1)
            self._lines += ["---"] if name == "hr" else []
        elif name in ("td", "th"):
            self._line += [" | "] if self._line else []
        elif name == "pre":
            self._break(2)
            self._lines.append("```")
            self._pre += 1
        elif name in ("code", "kbd", "samp") and not self._pre:
            self._line.append("`")
        elif name in _BLOCKS:
            self._break(2 if name in _PARAGRAPHS else 1)

    def _item(self) -> str:
        indent = "  " * (min(len(self._lists), _DEEPEST) - 1)
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            return f"{indent}{self._lists[-1]}. "
        return f"{indent}- "

    def _close(self, name: str) -> None:
        if self._skipped:
            self._depth -= name == self._skipped
            if self._depth == 0:
                self._skipped = ""
            return
        if name in _HEADINGS:
            self._break(2)
        elif name == "a":
            self._close_link()
        elif name in ("ul", "ol", "menu"):
            if self._lists:
                self._lists.pop()
            self._break(1 if self._lists else 2)
        elif name == "pre" and self._pre:
            self._break(1)
            self._pre -= 1
            while self._lines and not self._lines[-1]:
                self._lines.pop()
            self._lines += ["```", ""]
        elif name in ("code", "kbd", "samp") and not self._pre:
            self._line.append("`")
        elif name == "li":
            self._break_item()
        elif name in _BLOCKS:
            self._break(2 if name in _PARAGRAPHS else 1)

    def _open_link(self, href: str) -> None:
        self._close_link()
        address = unescape(href).strip()
        try:
            self._link = urljoin(self._base, address)
        except ValueError:
            self._link = ""
        is_elsewhere = self._link.startswith(("http://", "https://")) and not address.startswith("#")
        if is_elsewhere and len(self._link) <= _LONGEST_LINK and not self._pre:
            self._link_at = len(self._line)
            self._line.append("[")

    def _close_link(self) -> None:
        at, self._link_at = self._link_at, -1
        if at < 0:
            return
        if "".join(self._line[at + 1 :]).strip():
            self._line.append(f"]({self._link})")
        else:
            del self._line[at]

    # --- text ---------------------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        if not text or self._skipped:
            return
        text = unescape(text)
        if self._pre:
            first, *rest = text.split("\n")
            self._line.append(first)
            for line in rest:
                self._break(1)
                self._line.append(line)
            return
        words = " ".join(text.split())
        before = " " if text[:1].isspace() and self._line and not self._line[-1].endswith((" ", "[")) else ""
        after = " " if words and text[-1:].isspace() else ""
        if words or (before and self._line):
            self._line.append(f"{before}{words}{after}")

    def _break(self, ends: int) -> None:
        """End the line; with two line ends before what follows, there is an empty one between them."""
        self._close_link()
        line = "".join(self._line).rstrip()
        if _MARKER.fullmatch(line.strip()) and not self._pre:  # what it marks follows
            return
        self._line = []
        if self._pre or line.strip():
            self._lines.append(line)
        if ends > 1 and self._lines and self._lines[-1]:
            self._lines.append("")

    def _break_item(self) -> None:
        """End the line; a marker that marks nothing goes."""
        self._break(1)
        self._line = []

    def finish(self) -> str:
        """All of it, with at most one empty line in a row."""
        self._break_item()
        if self._pre:
            self._lines.append("```")
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()
        if not self._title or text.startswith(f"# {self._title}\n"):
            return text
        return f"{self._title}\n\n{text}".strip()


def _behind(page: str, mark: str, at: int) -> int:
    found = page.find(mark, at)
    return len(page) if found < 0 else found + len(mark)


def _read_attributes(inside: str) -> dict[str, str]:
    found = _ATTRIBUTE.finditer(inside[:_MOST_ATTRIBUTE_CHARS])
    return {one[1].lower(): (one[2] or "").strip("\"'") for one in found}


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    style = attributes.get("style", "")
    return "hidden" in attributes or attributes.get("aria-hidden") == "true" or _HIDDEN.search(style) is not None
