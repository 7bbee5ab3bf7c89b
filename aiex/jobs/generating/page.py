"""A Markdown page of what a module offers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aiex.jobs.briefing.names import FUNCTIONS
from aiex.jobs.generating.model import Made
from aiex.jobs.generating.project import most

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code

FOLDERS = ("docs/reference", "docs/api", "doc/reference", "doc/api", "docs", "doc")
TODO = "TODO: say what it is for."


def make_page(kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
    """The page beside the pages that are there. Raises Conflict where it is there already."""
    path = f"{_find_folder(kit)}/{_page_name(kit, code)}.md".lstrip("/")
    text = "\n".join(_lines(kit, code, symbols)) + "\n"
    return Made((kit.new(path, text, header=False),))


def _find_folder(kit: Kit) -> str:
    """The folder of pages on the code, of the package or of the repository; `docs` where there is none."""
    for start in dict.fromkeys([kit.member.folder, ""]):
        for name in FOLDERS:
            folder = f"{start}/{name}".lstrip("/")
            if folder in kit.project.folders:
                return kit.note("pages are in", folder, "its folder")
    return kit.note("pages are in", f"{kit.member.folder}/docs".lstrip("/"))


def _page_name(kit: Kit, code: Code) -> str:
    """The path inside the package with dots or dashes, as other pages are named."""
    inner = code.path[len(kit.member.folder) :].lstrip("/").removeprefix("src/").removeprefix("lib/")
    parts = inner.rpartition(".")[0].removesuffix("/__init__").split("/")
    pages = [path.rpartition("/")[2] for path in kit.project.paths if path.endswith(".md")]
    joined, _ = most(["." if page.count(".") > 1 else "-" for page in pages if page.count(".") > 1 or "-" in page])
    return (joined or ("." if code.facts.language == "python" else "-")).join(parts)


def _lines(kit: Kit, code: Code, symbols: Sequence[int]) -> Iterator[str]:
    known = code.facts.symbols
    fence = {"tsx": "typescript"}.get(code.facts.language, code.facts.language)
    yield f"# {code.path}"
    yield ""
    yield code.facts.doc or TODO
    for index in dict.fromkeys(one for one in symbols if one >= 0):
        symbol = known[index]
        depth = 2
        at = symbol.parent
        while at >= 0:
            depth, at = depth + 1, known[at].parent
        name = symbol.qualified + ("()" if symbol.kind in FUNCTIONS and symbol.kind != "property" else "")
        signature = re.sub(r":? # .*\Z", "", symbol.signature) if fence == "python" else symbol.signature
        yield from ("", f"{'#' * min(depth, 6)} {name}", "", f"```{fence}", signature, "```", "")
        yield symbol.doc or TODO
        if raised := _raised(code, index):
            yield from ("", f"Raises: {', '.join(f'`{one}`' for one in raised)}.")


def _raised(code: Code, index: int) -> list[str]:
    if code.facts.language != "python":
        return []
    from aiex.jobs.generating.python.finding import raised_by

    return raised_by(code.facts, index)
