"""How a project writes its files: indentation, quotes, line ends, and the comment they begin with."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aiex.jobs.generating.model import Convention
from aiex.jobs.generating.project import most

if TYPE_CHECKING:
    from aiex.jobs.generating.model import Member, Template
    from aiex.jobs.generating.project import Project

LEAST_SHARE = 0.5
"""Of the files, that begin with the same comment."""
_YEARS = re.compile(r"\b(?:19|20)\d\d(?:\s*[-\u2013,]\s*(?:19|20)\d\d)*\b")
_FIRST_LINES = re.compile(r"(?:#![^\n]*\n|#[^\n]*coding[:=][^\n]*\n|<\?php\s*\n)*")
_LICENCE = re.compile(r"(?i)copyright|licen[cs]e|spdx|all rights reserved|\(c\)|©")
_DOUBLE = re.compile(r'(?<![\w"\'\\`])"(?!"")(?:[^"\'\\\n]|\\.)*"(?!")')
_SINGLE = re.compile(r"(?<![\w\"'\\`])'(?!'')(?:[^\"'\\\n]|\\.)*'(?!')")


class Style(NamedTuple):
    """How files of one language look in one package."""

    indent: str
    quote: str
    eol: str
    header: str
    """The comment that files begin with, without a line feed at its end; empty for none."""


def find_style(
    project: Project, member: Member, template: Template, near: str, *, indent: str, quote: str
) -> tuple[Style, list[Convention]]:
    """The style by the nearest files, then by configuration, then as given; and what shows it."""
    sample = project.sample(member, template.extensions, near=near)
    texts = [text for _, text in sample]
    said = read_editorconfig(project, f"{near}/x{template.extensions[0]}".lstrip("/"))
    own_indent, indent_why = _find_indent(texts)
    if not own_indent and said.get("indent"):
        own_indent, indent_why = said["indent"], ".editorconfig"
    own_quote, quote_why = _find_quote(texts)
    if not own_quote:
        own_quote, quote_why = _configured_quote(project, member)
    eol, eol_why = most(["\r\n" if _has_crlf(project, path) else "\n" for path, _ in sample[:12]])
    if not eol:
        eol, eol_why = said.get("eol", "\n"), ".editorconfig" if "eol" in said else ""
    header, header_why = find_header(texts, template.comment)
    found = [
        Convention("indentation", _name_indent(own_indent or indent), indent_why or "default"),
        Convention("line ends", "CRLF" if eol == "\r\n" else "LF", eol_why or "default"),
    ]
    if quote:
        found.append(Convention("quotes", own_quote or quote, quote_why or "default"))
    if header:
        found.append(Convention("header", header.partition("\n")[0], header_why))
    return Style(own_indent or indent, own_quote or quote, eol, header), found


def _name_indent(indent: str) -> str:
    return "tabs" if indent == "\t" else f"{len(indent)} spaces"


def _find_indent(texts: Sequence[str]) -> tuple[str, str]:
    return most([one for text in texts if (one := indent_of(text))])


def indent_of(text: str) -> str:
    """One step of indentation in a text: a tab, or as many spaces as most steps inwards have; empty for none."""
    steps: Counter[str] = Counter()
    before = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        white = line[: len(line) - len(line.lstrip(" \t"))]
        if white.startswith("\t"):
            steps["\t"] += 1
        elif len(white) > before and len(white) - before in (2, 3, 4, 8):
            steps[" " * (len(white) - before)] += 1
        before = len(white)
    return max(steps, key=lambda step: steps[step]) if steps else ""


def _find_quote(texts: Sequence[str]) -> tuple[str, str]:
    return most([one for text in texts if (one := quote_of(text))])


def quote_of(text: str) -> str:
    """The quote that most strings of a text are in, among those that could have either; empty where none is."""
    double, single = len(_DOUBLE.findall(text)), len(_SINGLE.findall(text))
    return "" if double == single else '"' if double > single else "'"


def _configured_quote(project: Project, member: Member) -> tuple[str, str]:
    for folder in dict.fromkeys([member.folder, ""]):
        beneath = f"{folder}/" if folder else ""
        quote = project.toml(f"{beneath}pyproject.toml").get("tool", {}).get("ruff", {}).get("format", {})
        if isinstance(quote, dict) and quote.get("quote-style") in ("single", "double"):
            return {"single": "'", "double": '"'}[quote["quote-style"]], "pyproject.toml"
        for name in (".prettierrc", ".prettierrc.json"):
            said = project.json(f"{beneath}{name}").get("singleQuote")
            if isinstance(said, bool):
                return "'" if said else '"', name
    return "", ""


def _has_crlf(project: Project, path: str) -> bool:
    head: bytes = project.workspace.read_head(path, 4_096)
    return 2 * head.count(b"\r\n") > head.count(b"\n")


# --- the comment that files begin with ------------------------------------------------------------------------------


def find_header(texts: Sequence[str], comment: tuple[str, str, str]) -> tuple[str, str]:
    """The comment that at least half of the files begin with, with the newest of its years; and what shows it.

    One file alone shows it where the comment speaks of a licence.
    """
    shapes: dict[str, list[str]] = defaultdict(list)
    counted = 0
    for text in texts:
        counted += 1
        block = leading_comment(text, comment)
        if block:
            shapes[_YEARS.sub("YEAR", block)].append(block)
    if not shapes:
        return "", ""
    shape = max(shapes, key=lambda one: len(shapes[one]))
    same = shapes[shape]
    is_enough = len(same) >= 2 or (len(same) == counted and _LICENCE.search(shape))
    if len(same) < LEAST_SHARE * counted or not is_enough:
        return "", ""
    return max(same, key=_newest_year), f"{len(same)} of {counted} file{'s' if counted != 1 else ''}"


def _newest_year(block: str) -> str:
    return max(re.findall(r"\b(?:19|20)\d\d\b", block), default="")


def leading_comment(text: str, comment: tuple[str, str, str]) -> str:
    """The comment at the very top, behind a `#!` line and an encoding; empty where code or documentation begins there.

    A comment that touches what follows documents that, unless it speaks of a licence.
    """
    start = _FIRST_LINES.match(text)
    rest = text[start.end() if start else 0 :].lstrip("\n")
    line, opening, closing = comment
    block = _block_comment(rest, opening, closing) if opening else ""
    if not block and line:
        lines: list[str] = []
        for one in rest.split("\n"):
            if not one.startswith(line) or _is_documentation(one, line):
                break
            lines.append(one.rstrip())
        block = "\n".join(lines)
    if not block or re.match(r"//go:build|// \+build|# ?(?:pylint|ruff|mypy|noqa|type)\b", block):
        return ""
    behind = rest[len(block) :]
    touches = behind.startswith("\n") and not behind.startswith("\n\n") and behind.strip() != ""
    return "" if touches and not _LICENCE.search(block) else block


def _is_documentation(line: str, mark: str) -> bool:
    return mark == "//" and line.startswith(("///", "//!"))


def _block_comment(text: str, opening: str, closing: str) -> str:
    if not text.startswith(opening):
        return ""
    end = text.find(closing)
    block = text[: end + len(closing)] if end > 0 else ""
    return block if not block.startswith(("/**", "/*!")) or _LICENCE.search(block) else ""


# --- .editorconfig --------------------------------------------------------------------------------------------------


def read_editorconfig(project: Project, path: str) -> dict[str, str]:
    """`indent` and `eol` that `.editorconfig` files say of a path. Source: https://spec.editorconfig.org."""
    said: dict[str, str] = {}
    folder = path.rpartition("/")[0]
    while True:
        text = project.read(f"{folder}/.editorconfig".lstrip("/"))
        own = _read_sections(text, path[len(folder) :].lstrip("/")) if text else {}
        said = own | said
        if not folder or own.get("root") == "true":
            break
        folder = folder.rpartition("/")[0]
    found: dict[str, str] = {}
    if said.get("indent_style") == "tab":
        found["indent"] = "\t"
    elif said.get("indent_size", "").isdigit():
        found["indent"] = " " * min(int(said["indent_size"]), 8)
    if said.get("end_of_line") in ("lf", "crlf"):
        found["eol"] = "\r\n" if said["end_of_line"] == "crlf" else "\n"
    return found


def _read_sections(text: str, path: str) -> dict[str, str]:
    said: dict[str, str] = {}
    applies = True
    for raw in text.split("\n"):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            applies = _glob(line[1:-1]).fullmatch(path) is not None
        elif applies and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            said[key.strip().lower()] = value.strip().lower()
    return said


@lru_cache(maxsize=64)
def _glob(glob: str) -> re.Pattern[str]:
    """The pattern of a section: `*`, `**`, `?` and one level of `{a,b}`."""
    pattern, at = "", 0
    while at < len(glob):
        end = glob.find("}", at) if glob[at] == "{" else -1
        if end > 0:
            pattern += f"(?:{'|'.join(map(re.escape, glob[at + 1 : end].split(',')))})"
            at = end
        elif glob.startswith("**", at):
            pattern, at = pattern + ".*", at + 1
        else:
            pattern += {"*": "[^/]*", "?": "[^/]"}.get(glob[at], re.escape(glob[at]))
        at += 1
    return re.compile(pattern if "/" in glob else f"(?:.*/)?{pattern}")
