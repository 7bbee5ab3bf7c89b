"""The texts that a refactoring reads: every file once, as UTF-8, with the way back to the bytes it came from."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aiex.context.language import HEAD_BYTES, Language, find_language
from aiex.errors import AiexError, Denied, StoreError, UsageError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

REPORT_EVERY = 50
"""Files between two reports of progress."""
MOST_BYTES = 1_000_000
"""Larger files are not refactored: they are not parsed either, and are mostly not written by people."""


class Source:
    """One file: its bytes, and the same as UTF-8 without a mark of byte order."""

    def __init__(self, path: str, data: bytes, language: Language | None) -> None:
        self.path = path
        self.data = data
        self.language = language
        self.encoding, self.mark = _find_encoding(data, language)
        try:
            self.utf8 = data[len(self.mark) :].decode(self.encoding).encode("utf-8")
        except (UnicodeError, LookupError) as error:
            raise UsageError(
                f"cannot refactor {printable_path(path)}: it is not {self.encoding} text", hint="save it as UTF-8"
            ) from error
        if self.to_bytes(self.utf8) != data:
            raise UsageError(
                f"cannot refactor {printable_path(path)}: {self.encoding} has several ways to write the same text"
            )

    def to_bytes(self, utf8: bytes) -> bytes:
        """A changed text in the encoding of the file. Raises UsageError where that lacks a character."""
        try:
            return self.mark + utf8.decode("utf-8").encode(self.encoding)
        except UnicodeError as error:
            raise UsageError(
                f"cannot change {printable_path(self.path)}: {self.encoding} cannot say what is to be written"
            ) from error

    @cached_property
    def line_end(self) -> bytes:
        """The end that most lines have."""
        windows = self.utf8.count(b"\r\n")
        return b"\r\n" if windows * 2 > self.utf8.count(b"\n") else b"\n"

    @cached_property
    def tree(self) -> Any:
        """The syntax tree of `utf8`; an `Unparsed` says why there is none."""
        from aiex.context.parsing import Unparsed, parse

        return parse(self.utf8, self.language, MOST_BYTES) if self.language else Unparsed("no language that is known")

    @property
    def fault(self) -> str:
        """Why the tree cannot be relied on; empty when it can."""
        from aiex.context.parsing import Unparsed

        if isinstance(self.tree, Unparsed):
            return self.tree.note
        root = self.tree.root_node
        return f"syntax error at line {_first_error(root)}" if root.has_error else ""

    def line(self, start: int) -> int:
        """The line of a byte of `utf8`, from 1."""
        return self.utf8.count(b"\n", 0, start) + 1


class Sources:
    """The files of the workspace, read when asked for.

    Args:
        engine: Knows which files there are.
        workspace: The only way to them.
        given: Contents that stand for those of files, such as what an editor has not saved.
        report: Told now and then how many of how many files were looked through.
    """

    def __init__(
        self,
        engine: Engine,
        workspace: Workspace,
        given: Mapping[str, bytes] | None = None,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._report = report
        self.engine = engine
        self._workspace = workspace
        self.given = dict(given or {})
        self._known: dict[str, Source] = {}
        self._bytes: dict[str, bytes] = {}
        self._words: dict[str, dict[str, bool]] = {}
        self.skipped: dict[str, str] = {}
        """Files that were looked for and could not be taken in, and why."""

    def read(self, path: str) -> Source:
        """A file that has to be there. Raises UsageError, Denied and StoreError."""
        if path not in self._known:
            data = self.bytes_of(path)
            if b"\0" in data[:HEAD_BYTES]:
                raise UsageError(f"cannot refactor {printable_path(path)}: it is not text")
            self._known[path] = Source(path, data, find_language(path, data[:HEAD_BYTES]))
        return self._known[path]

    def bytes_of(self, path: str) -> bytes:
        """The content of a file, up to `MOST_BYTES`. Raises UsageError, Denied and StoreError."""
        if path in self.given:
            return self.given[path]
        if path not in self._bytes:
            from aiex.guard.sandbox.files import TooLarge

            try:
                self._bytes[path] = self._workspace.read(path, limit_bytes=MOST_BYTES)
            except TooLarge as error:
                shown = printable_path(path)
                message = f"cannot refactor {shown}: it is larger than {MOST_BYTES // 1_000_000} MB"
                raise UsageError(message, hint="split it first") from error
        return self._bytes[path]

    def exists(self, path: str) -> bool:
        """Whether there is anything of this name."""
        if path in self.given:
            return True
        try:
            self._workspace.stat(path)
        except (StoreError, Denied):
            return False
        return True

    def paths(self, kin: str = "", suffixes: tuple[str, ...] = ()) -> list[str]:
        """The listed files of a family of languages, or with one of the endings; names that are not UTF-8 are not."""
        found = []
        for entry in self.engine.listing.files:
            path = entry.path
            if not path.isascii() and not _is_utf8(path):
                continue
            language = find_language(path) if kin else None
            if (language is not None and language.kin == kin) or (suffixes and path.endswith(suffixes)):
                found.append(path)
        return [*found, *sorted(path for path in self.given if path not in self.engine.paths.known)]

    def mentioning(self, word: str, paths: list[str]) -> Iterator[Source]:
        """Those of the files in which a word stands; what cannot be read is noted as skipped."""
        for number, path in enumerate(paths):
            if number % REPORT_EVERY == 0 and number:
                self._report(number, len(paths))
            try:
                if self._has_word(word, path):
                    yield self.read(path)
            except AiexError as error:
                self.skipped[path] = error.message

    def _has_word(self, word: str, path: str) -> bool:
        """Whether a word stands in a file. What has been looked through is not held unless there was something."""
        known = self._words.setdefault(word, {})
        if path not in known:
            wanted = re.compile(rb"(?<![\w$])" + re.escape(word.encode()) + rb"(?![\w$])")
            known[path] = not word.isascii() or wanted.search(self.bytes_of(path)) is not None
            if not known[path] and path not in self._known:
                self._bytes.pop(path, None)
        return known[path]


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find_encoding(data: bytes, language: Language | None) -> tuple[str, bytes]:
    """The encoding and the mark in front of it."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    if language is not None and language.name == "python":
        try:
            found, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError:
            return "utf-8", mark
        return found.removesuffix("-sig") if mark else found, mark
    if mark:
        return "utf-8", mark
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1", b""
    return "utf-8", b""


def _first_error(root: Any) -> int:
    node = root
    while True:
        child = next((one for one in node.children if one.has_error or one.is_missing), None)
        if child is None or node.is_error:
            return int(node.start_point[0]) + 1
        node = child
