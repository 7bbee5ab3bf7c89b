"""What changed: files before and after, and the lines that are new."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aiex.jobs.reviewing.model import Hit, Severity
from aiex.jobs.reviewing.source import Source, to_spans

if TYPE_CHECKING:
    from aiex.context.engine import Engine

Status = Literal["added", "modified", "renamed", "deleted", "whole"]
"""`whole` for a file that is looked at without an earlier version."""
EXECUTABLE = 0o111
NO_CODE = frozenset({"", "markdown", "json", "yaml", "toml", "html", "css"})
"""Languages in which nothing runs."""
LONGEST_LINE = 2_000
"""Characters of a line that patterns are looked for in."""
LARGE_BYTES = 4_000_000
"""Of a change from which on not everything that was computed is kept."""
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "spec", "specs", "e2e", "testdata", "fixtures"})
_TEST_NAME = re.compile(r"(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*[._-](?:test|tests|spec)\.[^/]+|[^/]*Tests?\.\w+)$")
_GENERATED = re.compile(
    r"(?:^|/)(?:node_modules|vendor|vendored|third_party|dist|__snapshots__)/|[._]min\.(?:js|css)$|[._]pb2?\.\w+$"
    r"|\.(?:snap|lock|map|svg)$|(?:^|/)(?:package-lock\.json|pnpm-lock\.yaml|go\.sum)$"
)
_GENERATED_SIGN = re.compile(rb"(?:code|file|automatically) generated|@generated|do not edit", re.IGNORECASE)


class Skipped(NamedTuple):
    """A changed file that was not looked into, and why."""

    path: str
    reason: str


class FileChange:
    """One changed file.

    Args:
        old: The version before; None for a new file.
        new: The version after; None for a deleted file, or one that was not read.
        old_mode: As git writes it, 0 for a new file.
        new_mode: As git writes it, 0 for a deleted file.
        size_bytes: Of the version after, also of one that was not read.
    """

    def __init__(
        self,
        path: str,
        status: Status,
        old: Source | None,
        new: Source | None,
        *,
        old_path: str = "",
        old_mode: int = 0,
        new_mode: int = 0,
        size_bytes: int = 0,
        is_secret: bool = False,
    ) -> None:
        self.path = path
        self.status = status
        self.old = old
        self.new = new
        self.old_path = old_path or path
        self.old_mode = old_mode
        self.new_mode = new_mode
        self.size_bytes = size_bytes
        self.is_secret = is_secret
        """By its name it holds secrets; it is not read."""

    @cached_property
    def hunks(self) -> list[tuple[int, int, int, int]]:
        """Old lines a:b that became new lines c:d, counted from 0; none for binary files."""
        if (self.old is not None and self.old.is_binary) or (self.new is not None and self.new.is_binary):
            return []
        before = self.old.raw_lines if self.old is not None else []
        after = self.new.raw_lines if self.new is not None else []
        if not before or not after:
            return [(0, len(before), 0, len(after))] if before or after else []
        from aiex.sessions.checkpoints.myers import diff_lines

        return [tuple(hunk) for hunk in diff_lines(before, after)]  # type: ignore[misc]

    @cached_property
    def added(self) -> frozenset[int]:
        """Lines of the new version that are not in the old one, counted from 1."""
        return frozenset(line for _, _, start, end in self.hunks for line in range(start + 1, end + 1))

    @cached_property
    def removed(self) -> list[str]:
        """Lines of the old version that are not in the new one."""
        if self.old is None:
            return []
        return [line for start, end, _, _ in self.hunks for line in self.old.lines[start:end]]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Runs of added lines."""
        return to_spans(self.added)

    @cached_property
    def language(self) -> str:
        """The name of the language of the new version; empty when unknown, not parsed, or when no person wrote it."""
        if self.new is None or self.is_generated or not self.new.language_name:
            return ""
        return "" if self.new.language_name not in NO_CODE and self.new.root is None else self.new.language_name

    def forget(self) -> None:
        """Let go of what was computed of both versions."""
        for source in (self.old, self.new):
            if source is not None:
                source.forget()

    @cached_property
    def is_test(self) -> bool:
        """Whether it is a test, or data of tests, by its path."""
        return is_test_path(self.path)

    @cached_property
    def is_generated(self) -> bool:
        """Whether a program wrote it, or it is a copy of foreign code."""
        if _GENERATED.search(self.path):
            return True
        return self.new is not None and _GENERATED_SIGN.search(b"\n".join(self.new.raw_lines[:5])[:1_000]) is not None

    def added_lines(self) -> Iterator[tuple[int, str]]:
        """The beginnings of added lines with their numbers, in order."""
        if self.new is not None and self.added:
            lines = self.new.lines
            for number in sorted(self.added):
                yield number, lines[number - 1][:LONGEST_LINE]

    def matches(self, pattern: re.Pattern[str], *, at: str = "code") -> Iterator[tuple[int, re.Match[str]]]:
        """Where a pattern begins in an added line, one place a line: in `code`, in a `comment`, or `anywhere`."""
        for number, line in self.added_lines():
            for found in pattern.finditer(line):
                assert self.new is not None  # noqa: S101  (there are lines)
                if (
                    at == "anywhere"
                    or (at == "code" and self.new.is_code(number, found.start()))
                    or (at == "comment" and self.new.is_comment(number, found.start()))
                ):
                    yield number, found
                    break

    def nodes(self, *kinds: str) -> Iterator[Any]:
        """Nodes of the new version of these types that begin in an added line."""
        if self.new is None or not self.added:
            return
        for node in self.new.nodes(frozenset(kinds), self.spans):
            if node.start_point[0] + 1 in self.added:
                yield node

    def touched(self, *kinds: str) -> Iterator[Any]:
        """Nodes of the new version of these types with an added line anywhere in them."""
        if self.new is not None and self.added:
            yield from self.new.nodes(frozenset(kinds), self.spans)

    def hit(self, node: Any, message: str, suggestion: str = "", severity: Severity | None = None) -> Hit:
        """A hit at a node."""
        first = node.start_point[0] + 1
        return Hit(self.path, first, message, suggestion, max(first, node.end_point[0] + 1), severity)


class Diff(NamedTuple):
    """All that changed, and what is known around it."""

    files: list[FileChange]
    scope: str
    """What is looked at, in words: `uncommitted changes`, `commit 12ab34`."""
    skipped: list[Skipped]
    engine: Engine | None = None
    """Knows the repository as it lies there; None when that is not what the change leads to."""
    has_base: bool = True
    """There is an earlier version to compare with."""
    known_paths: Callable[[], frozenset[str]] = frozenset
    """Every file of the new state."""

    @property
    def is_large(self) -> bool:
        """Whether it is so much that what was computed of each file is better let go of."""
        return sum(change.size_bytes for change in self.files) > LARGE_BYTES

    def by_path(self) -> dict[str, FileChange]:
        """The changed files by their paths."""
        return {change.path: change for change in self.files}

    def removed_lines(self) -> frozenset[str]:
        """All lines that went away, white space around them left out."""
        return frozenset(line.strip() for change in self.files for line in change.removed)


def is_test_path(path: str) -> bool:
    """Whether a file is a test or data of tests, by its path."""
    return not _TEST_FOLDERS.isdisjoint(path.lower().split("/")[:-1]) or _TEST_NAME.search(path) is not None


def find_change(files: Sequence[FileChange], name: str) -> FileChange | None:
    """The changed file of this path."""
    return next((change for change in files if change.path == name), None)
