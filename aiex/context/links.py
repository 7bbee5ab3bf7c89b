"""Links between files of a repository, as pages, style sheets, documents and manifests write them."""

import posixpath
import re
from collections.abc import Iterable
from urllib.parse import unquote

from aiex.context.facts import Import
from aiex.context.language import Tree

_SCHEME = re.compile(r"^(?:[a-zA-Z][\w+.-]*:|//|#|\{|<|\$|%)")
_WORD = re.compile(r"[\w$]+")
_FOLDER_FILES = (
    "action.yml",
    "README.md",
    "index.html",
    "index.md",
    "package.json",
    "Cargo.toml",
    "pyproject.toml",
    "index.js",
)
_ENDINGS = ("", ".md", ".html", ".css", ".js", ".ts", ".json", ".yaml", ".yml")

LINK_MENTION = re.compile(rb"""\]\([^)\s]+|^\[[^\]\n]+\]:[ \t]*\S+|(?:href|src)\s*=\s*["'][^"'\n]*["']""", re.MULTILINE)
"""Targets of links in Markdown and HTML."""
PATH_MENTION = re.compile(
    rb"""["']?(?:(?<![\w.@~/-])[\w.@~-]*|(?<!/))/(?:[\w.@~-]*/)*[\w.@*-]+["']?"""
    rb"""|["'][\w-]+\.\w{1,5}["']|:[ \t]+[\w-]+\.\w{1,5}\b"""
)
"""Words that look like paths in a manifest. A path is tried where it begins only: within kilobytes of hexadecimal
digits every place would be tried in vain."""


def is_local(target: str) -> bool:
    """Whether a link may mean a file: no scheme, no fragment alone, no template."""
    return bool(target) and not _SCHEME.match(target)


def link(target: str, line: int) -> Import:
    """An import of kind `link`."""
    return Import(target, (), "", line, "link")


def resolve_link(item: Import, path: str, tree: Tree) -> list[str]:
    """The file a link in `path` means: beside it, else from the root; a folder means its own page or manifest."""
    if not is_local(item.module):
        return []
    target = unquote(re.split(r"[?#]", item.module, maxsplit=1)[0])
    bases = [""] if target.startswith("/") else [posixpath.dirname(path), ""]
    if target.startswith("/"):
        bases = ["", "public", "static", "docs"]
    for base in bases:
        found = _existing(posixpath.normpath(posixpath.join(base, target.lstrip("/") or ".")), tree)
        if found:
            return [found]
    return []


def _existing(target: str, tree: Tree) -> str | None:
    if target.startswith("../") or target == "..":
        return None
    inside = "" if target == "." else f"{target}/"
    candidates: Iterable[str] = (*(target + ending for ending in _ENDINGS), *(inside + name for name in _FOLDER_FILES))
    return next((one for one in candidates if tree.has(one)), None)


def page_names(path: str) -> set[str]:
    """Words by which others may link to a file: its stem, its longest word, and the folder of an index or readme."""
    *folders, base = path.split("/")
    stem = base.split(".", 1)[0] or base.lstrip(".")
    names = {stem, *sorted(_WORD.findall(stem), key=len)[-1:]}
    if stem.lower() in ("index", "readme", "package", "cargo", "pyproject", "action"):
        for folder in folders[-1:]:
            names |= {folder, *sorted(_WORD.findall(folder), key=len)[-1:]}
    return names - {""}
