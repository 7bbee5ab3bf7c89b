"""What generating knows and makes: drafts of files, the conventions they follow, and the brief that holds both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts, Symbol
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.project import Project

Kind = Literal["module", "function", "tests", "docs", "page"]
Ecosystem = Literal["python", "node", "cargo", "go", "mix", ""]


class Member(NamedTuple):
    """One package of the repository: a project of its own, or a member of a workspace."""

    folder: str
    """Relative to the root, empty for the root itself."""
    name: str
    """As its manifest calls it, else the name of its folder."""
    ecosystem: Ecosystem
    manifest: str
    """The file that makes it one; empty where there is none."""


class Convention(NamedTuple):
    """A way this project does something, and what shows it."""

    name: str
    value: str
    evidence: str
    """Such as `9 of 11 files`, the name of a configuration file, or `default`."""


class Draft(NamedTuple):
    """A file as it is to be."""

    path: str
    """Relative to the root."""
    before: bytes | None
    """As it is now; None where there must be no such file."""
    after: bytes


class Place(NamedTuple):
    """Where a new module goes."""

    folder: str
    """Relative to the root, empty for the root itself; it may not exist yet."""
    words: tuple[str, ...]
    """Of the name, in lower case."""
    is_chosen: bool
    """Whether the person named the folder, so that it is taken as it is."""
    extension: str = ""
    """The ending that the person wrote, such as `.mjs`; empty for the usual one."""


class Code(NamedTuple):
    """A file of code that is there."""

    path: str
    text: str
    """With line feeds alone, and without a byte order mark; bytes that are not UTF-8 as surrogates."""
    source: bytes
    facts: FileFacts


class Made(NamedTuple):
    """What a template gives."""

    drafts: tuple[Draft, ...]
    run: str = ""
    """The command that runs the tests, empty where nobody can tell."""
    warnings: tuple[tuple[str, str], ...] = ()
    """Messages with their hints."""
    left_open: int = 0
    """Tests that are skipped, because nobody can tell what they should check."""


class Template(Protocol):
    """How one language does it. Every text it gives parses; tests that it gives pass, or are skipped with a reason."""

    name: str
    """As the context engine calls it."""
    extensions: tuple[str, ...]
    ecosystem: Ecosystem
    comment: tuple[str, str, str]
    """What begins a line comment, and what opens and closes a block comment; empty for none."""
    keywords: frozenset[str]
    """Words that name nothing."""
    indent: str
    """One step, where nothing shows another."""
    quote: str
    """Of strings, where nothing shows another; empty for a language with one kind."""
    named: re.Pattern[str]
    """Names of functions that are taken as they are."""
    is_first: bool
    """Whether it is the language of an empty package of its ecosystem."""

    def module(self, kit: Kit, place: Place) -> Made:
        """A new module and its test."""

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """The file with one more function, and a test of it.

        Args:
            name: As the person wrote it, its words not yet joined as the language wants.
            signature: What follows the name, such as `(a: int) -> int`; empty for none.
        """

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Tests of some symbols of a file."""

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """The file with documentation for those of the symbols that have none; -1 stands for the module."""

    def home(self, project: Project, member: Member) -> str:
        """The folder that modules of a package go to where nobody says another. Raises UsageError where several fit."""

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """The folders in a name, such as `shop.net.`, as they are beneath the home of the package."""

    def identifier(self, words: Sequence[str]) -> str:
        """The name of a function of these words."""


class Brief(NamedTuple):
    """All that is known before a word is written: what a model's prompt starts from, and what is made without one."""

    kind: Kind
    wish: str
    """In the words of the person: `module invoice parser`."""
    language: str
    member: Member
    conventions: tuple[Convention, ...]
    drafts: tuple[Draft, ...]
    """The skeletons, in the order in which they are written."""
    run: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    left_open: int = 0

    def to_data(self) -> Mapping[str, Any]:
        """The same for a program."""
        return {
            "kind": self.kind,
            "wish": self.wish,
            "language": self.language,
            "member": {"folder": self.member.folder or ".", "name": self.member.name},
            "conventions": [one._asdict() for one in self.conventions],
            "files": [
                {
                    "path": draft.path,
                    "change": "created" if draft.before is None else "changed",
                    "text": draft.after.decode("utf-8", "replace"),
                }
                for draft in self.drafts
            ],
            "run": self.run,
            "tests_left_open": self.left_open,
        }


class Documented(NamedTuple):
    """What documentation says of one symbol."""

    symbol: Symbol
    parameters: tuple[Parameter, ...]
    returns: str
    """Its type as written, `?` where something is returned whose type is not; empty for nothing."""
    raises: tuple[str, ...]


class Parameter(NamedTuple):
    """One parameter as it is declared."""

    name: str
    """Without stars and dots."""
    type: str = ""
    default: str = ""
    mark: str = ""
    """`*`, `**` or `...` before it, `?` behind it."""

    @property
    def is_required(self) -> bool:
        """Whether a call has to give it."""
        return not self.default and not self.mark
