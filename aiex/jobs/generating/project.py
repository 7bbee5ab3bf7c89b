"""The project as generating sees it: its files, its packages, and samples of its code that show how it is written."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aiex.errors import AiexError
from aiex.jobs.briefing.names import is_test, role_of
from aiex.jobs.generating.members import Packages, find_packages, read_toml
from aiex.jobs.generating.model import Code, Member

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

SAMPLED = 40
"""Files that are read for a convention, nearest first."""
MOST_READ_BYTES = 200_000
"""Larger files show nothing that smaller ones do not."""
MANIFEST_BYTES = 1_000_000
GENERATED = re.compile(r"(?i)code generated|do not edit|@generated|auto-?generated")
"""In the first lines of what no person wrote."""


class Project:
    """What is there; files are read when they are asked for, and once. Nothing is written."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self.engine = engine
        self.workspace = workspace
        self._texts: dict[str, str] = {}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every listed file, in order."""
        return tuple(entry.path for entry in self.engine.listing.files)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder with a listed file somewhere beneath."""
        found = {""}
        for path in self.paths:
            folder = path.rpartition("/")[0]
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    @cached_property
    def packages(self) -> Packages:
        """Its packages by their manifests."""
        return find_packages(self.paths, self.read)

    def has(self, path: str) -> bool:
        """Whether something of this name is there, listed or not."""
        try:
            self.workspace.stat(path)
        except AiexError:
            return False
        return True

    def read(self, path: str) -> str:
        """The text of a file with line feeds alone, without a byte order mark; empty where it cannot be read."""
        if path not in self._texts:
            try:
                source = self.workspace.read(path, limit_bytes=MANIFEST_BYTES)
            except AiexError:
                source = b""
            self._texts[path] = decode(source)
        return self._texts[path]

    def toml(self, path: str) -> dict[str, Any]:
        """The tables of a file; empty where there is none, or a damaged one."""
        try:
            return read_toml(self.read(path))
        except (AiexError, ValueError):
            return {}

    def json(self, path: str) -> dict[str, Any]:
        """The same of a JSON file."""
        try:
            data = json.loads(self.read(path) or "{}")
        except (ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}

    def code(self, path: str) -> Code:
        """A file with its facts. Raises Denied and StoreError."""
        source = self.engine.source(path)
        return Code(path, decode(source), source, self.engine.facts(path))

    def member_of(self, path: str, ecosystem: str = "") -> Member:
        """The package that a path belongs to: that of the nearest manifest above it; the root where there is none."""
        around = [
            member
            for member in self.packages.members
            if (not member.folder or path == member.folder or path.startswith(member.folder + "/"))
            and ecosystem in ("", member.ecosystem)
        ]
        root = self.workspace.root.replace("\\", "/").rstrip("/").rpartition("/")[2]
        return max(around, key=lambda member: len(member.folder), default=Member("", root, "", ""))

    def files_of(self, member: Member, extensions: Iterable[str]) -> list[str]:
        """The files of a package with these endings, those of packages inside it left out."""
        endings = tuple(extensions)
        inner = [
            other.folder + "/"
            for other in self.packages.members
            if other.folder and other.folder != member.folder and is_inside(other.folder, member.folder)
            and other.ecosystem == member.ecosystem
        ]  # fmt: skip
        return [
            path
            for path in self.paths
            if path.endswith(endings)
            and is_inside(path, member.folder)
            and not path.startswith(tuple(inner))
            and not path.endswith(".d.ts")
        ]

    def sample(
        self, member: Member, extensions: Iterable[str], *, near: str, tests: bool = False
    ) -> list[tuple[str, str]]:
        """Paths and texts of code of a package, or of its tests, nearest to a folder first.

        Where the package has too few, those of the whole repository.
        """
        endings = tuple(extensions)
        wanted: Callable[[str], bool] = is_test if tests else lambda path: role_of(path, "c") == "code"
        own = [path for path in self.files_of(member, endings) if wanted(path)]
        if len(own) < 3:
            own += [path for path in self.paths if path.endswith(endings) and wanted(path) and path not in {*own}]
        own.sort(key=lambda path: (_distance(path.rpartition("/")[0], near), path))
        read = ((path, self.read_code(path)) for path in own[: SAMPLED * 2])
        return [(path, text) for path, text in read if text.strip()][:SAMPLED]

    def read_code(self, path: str) -> str:
        """The text of a file that shows how code is written; empty for what is too large or was generated."""
        entry = self.engine.paths.known.get(path)
        if entry is None or entry.size_bytes > MOST_READ_BYTES:
            return ""
        text = self.read(path)
        return "" if GENERATED.search(text[:600]) else text


def decode(source: bytes) -> str:
    """Text with line feeds alone, without a byte order mark; what is not UTF-8 as surrogates."""
    text = source.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n")


def is_inside(path: str, folder: str) -> bool:
    """Whether a path lies beneath a folder, the empty one being the root."""
    return not folder or path.startswith(folder + "/")


def _distance(folder: str, near: str) -> int:
    """Steps from one folder to another."""
    one, other = folder.split("/"), near.split("/")
    shared = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return len(one) + len(other) - 2 * shared


def most(votes: Sequence[str] | Counter[str]) -> tuple[str, str]:
    """What was voted for most, the first at a tie, and the evidence `9 of 11 files`; empty without votes."""
    counted = votes if isinstance(votes, Counter) else Counter(votes)
    if not counted:
        return "", ""
    winner = max(counted, key=lambda value: counted[value])
    total = counted.total()
    return winner, f"{counted[winner]} of {total} file{'s' if total != 1 else ''}"
