"""What a template works with: the project, one package of it, and how its files look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiex.errors import Conflict
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import is_test, stem_of
from aiex.jobs.briefing.testing import named_after
from aiex.jobs.generating.model import Code, Convention, Draft
from aiex.jobs.generating.style import find_style, indent_of, leading_comment

if TYPE_CHECKING:
    from aiex.jobs.generating.model import Member, Template
    from aiex.jobs.generating.project import Project

_TEST = re.compile(r"\b(?:def test|func Test|fn \w+|TestCase\b|(?:describe|it|test|context)(?:\.\w+)*\(|ExUnit\.Case)")
"""A sign of a test in any of the languages."""


class Kit:
    """Conventions are put down as they are found, for the brief.

    Args:
        template: Of the language.
        near: The folder whose neighbours count first.
        indent: One step, where nothing shows another.
        quote: Likewise; empty for a language with one kind.
    """

    def __init__(
        self, project: Project, member: Member, template: Template, near: str, *, indent: str, quote: str = ""
    ) -> None:
        self.project = project
        self.member = member
        self.template = template
        self.near = near
        self.style, found = find_style(project, member, template, near, indent=indent, quote=quote)
        self.conventions: list[Convention] = found

    def note(self, name: str, value: str, evidence: str = "") -> str:
        """Put a convention down; gives its value."""
        self.conventions.append(Convention(name, value, evidence or "default"))
        return value

    def sample(self, *, tests: bool = False) -> list[tuple[str, str]]:
        """Paths and texts of the language in this package, nearest first."""
        return self.project.sample(self.member, self.template.extensions, near=self.near, tests=tests)

    def find_test(self, path: str, place: str, module: str) -> str:
        """The test of a file that is there: at its place, else the only one that is named after it; empty for none.

        Args:
            place: Where a new one would be.
            module: What it imports, which tells files of one name apart.
        """
        own = self.project.files_of(self.member, self.template.extensions)
        same = [one for one in own if one != path and not is_test(one) and stem_of(one) == stem_of(path)]
        if self.project.has(place) and (not same or module in self.project.read(place)):
            return place
        named = [one for one in named_after(self.project.engine, path) if one in own and self._has_tests(one)]
        return named[0] if len(named) == 1 and not same else ""

    def test_files(self) -> list[str]:
        """The tests of this package, in order."""
        return [one for one in self.project.files_of(self.member, self.template.extensions) if is_test(one)]

    def _has_tests(self, path: str) -> bool:
        """Whether a file among the tests is one, and not data of theirs."""
        return _TEST.search(self.project.read_code(path)) is not None

    # --- drafts -----------------------------------------------------------------------------------------------------

    def new(self, path: str, text: str, *, header: bool = True) -> Draft:
        """A file that must not be there yet, with the comment that files here begin with.

        Raises:
            Conflict: if there is something of this name.
        """
        if self.project.has(path):
            shown = printable_path(path)
            raise Conflict(f"{shown} is there already, and nothing is overwritten", hint="choose another name")
        if header and self.style.header:
            text = f"{self.style.header}\n\n{text}"
        return Draft(path, None, encode(text.rstrip("\n") + "\n", self.style.eol))

    def change(self, code: Code, text: str) -> Draft:
        """A file with another text; its line ends and its byte order mark stay."""
        return Draft(code.path, code.source, encode_like(text, code.source))

    def indent_in(self, text: str) -> str:
        """One step of indentation in a file, else in the package."""
        return indent_of(text) or self.style.indent

    def body_start(self, text: str) -> int:
        """Where a file goes on behind the comment that it begins with."""
        block = leading_comment(text, self.template.comment)
        return text.find(block) + len(block) if block else 0


def encode(text: str, eol: str) -> bytes:
    """The bytes of a text with these line ends."""
    return text.replace("\n", eol).encode("utf-8", "surrogateescape")


def encode_like(text: str, source: bytes) -> bytes:
    """The bytes of a changed text: lines that were there keep their ends, new ones get those of most lines."""
    old = source.removeprefix(b"\xef\xbb\xbf")
    mark = source[: len(source) - len(old)]
    crlf = old.count(b"\r\n")
    if not crlf:
        return mark + encode(text, "\n")
    if crlf == old.count(b"\n"):
        return mark + encode(text, "\r\n")
    return mark + _mixed(text, old, "\r\n" if 2 * crlf > old.count(b"\n") else "\n")


def _mixed(text: str, old: bytes, eol: str) -> bytes:
    """A text with line ends of both kinds: what begins and ends like the old one is taken from there."""
    from difflib import SequenceMatcher

    before = old.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    after = text.splitlines(keepends=True)
    bare = [line.replace("\r\n", "\n") for line in before]
    lines: list[str] = []
    for word, a1, a2, b1, b2 in SequenceMatcher(None, bare, after, autojunk=False).get_opcodes():
        lines += before[a1:a2] if word == "equal" else [line.replace("\n", eol) for line in after[b1:b2]]
    return "".join(lines).encode("utf-8", "surrogateescape")
