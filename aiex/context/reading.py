"""Reads one file into what the store keeps of it; the same function serves this process and the workers."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.extract import bare_facts, extract
from aiex.context.facts import PARSE_LIMIT_BYTES, READ_LIMIT_BYTES, FileFacts, to_heavy, to_light, without_uses
from aiex.context.language import HEAD_BYTES, Language, find_language, get_language
from aiex.context.secrets import settings_without_secrets, without_secrets
from aiex.context.tiers.warm import FactsRow, FileRow
from aiex.digest import fingerprint
from aiex.errors import AiexError, StoreError
from aiex.guard.randomness import is_key
from aiex.guard.sandbox.files import TooLarge, Workspace
from aiex.guard.sandbox.workers import Died, run_in_workers

if TYPE_CHECKING:
    from aiex.context.listing import FileEntry

SNIFF_BYTES = 8_192
WORDLESS_IMPORT = frozenset({"from", "import", "require"})
BATCH_BYTES = 150_000
BATCHES_PER_WORKER = 6
"""Enough for all to end at about the same time."""
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


class Content(NamedTuple):
    """A file that was read but not parsed."""

    row: FileRow
    source: bytes
    """As settings, without their secrets; every line is at its number."""
    language: Language | None
    note: str
    """Why the content cannot be parsed, empty when it can."""


class Reading(NamedTuple):
    """A file that was parsed: its row, its facts, and their stored form."""

    row: FileRow
    facts: FileFacts
    stored: FactsRow


def read_content(workspace: Workspace, entry: "FileEntry", *, search: bool = False) -> Content:
    """Read a file for its digest, without a parse.

    Args:
        search: Whether to look for mentions, which takes up to half as long as a parse; a parse finds them itself.

    Raises:
        Denied, StoreError: if it cannot be read.
    """
    checked_ns = time_ns()
    try:
        source = workspace.read(entry.path, limit_bytes=READ_LIMIT_BYTES)
    except TooLarge:
        row = FileRow(*entry, checked_ns, f"size-{entry.size_bytes}-{entry.mtime_ns}", "huge", " ")
        return Content(row, b"", None, f"{entry.size_bytes / 1e6:.0f} MB, too large to read")
    language, note = recognise(source, entry.path)
    name = language.name if language else ("binary" if is_binary(source) else "text")
    clean = settings_without_secrets(source, language, note)
    row = FileRow(*entry, checked_ns, fingerprint(source), name, mentions(clean, language) if search else " ")
    return Content(row, clean, language, note)


class Terms(NamedTuple):
    """How files are parsed; the fields are those of `extract`."""

    uses: bool = True
    limit_bytes: int = PARSE_LIMIT_BYTES


def read_facts(content: Content, terms: Terms) -> Reading:
    """Parse what was read."""
    row = content.row
    if content.note:
        facts = bare_facts(content.source, content.note, row.language)
    else:
        facts = extract(content.source, content.language, uses=terms.uses, limit_bytes=terms.limit_bytes)
    facts = without_secrets(facts)._replace(size_bytes=row.size_bytes)
    row = row._replace(mentions=find_mentions(content, facts))
    return Reading(row, facts, FactsRow(row.key, to_light(facts), to_heavy(facts) if terms.uses else None))


def describe(source: bytes, path: str) -> tuple[Language | None, FileFacts]:
    """The language and the facts of a source that is at hand."""
    language, note = recognise(source, path)
    return language, without_secrets(bare_facts(source, note, "binary") if note else extract(source, language))


def recognise(source: bytes, path: str) -> tuple[Language | None, str]:
    """The language of a source, None for binary content, and why it cannot be parsed."""
    if is_binary(source):
        wide = source.startswith((b"\xff\xfe", b"\xfe\xff"))
        return None, "UTF-16 text, not parsed" if wide else "binary"
    return find_language(path, source[:HEAD_BYTES]), ""


def is_binary(source: bytes) -> bool:
    """Whether the first 8 kB hold a NUL byte, which UTF-16 text does too."""
    return b"\0" in source[:SNIFF_BYTES]


def mentions(source: bytes, language: Language | None) -> str:
    """Identifiers in the statements that may name other files, each between spaces."""
    if language is None or language.mention is None:
        return " "
    found = b"\n".join(match.group() for match in language.mention.finditer(source))
    return _to_keys(found)


def find_mentions(content: Content, facts: FileFacts) -> str:
    """Mentions of a file that was parsed; where it is broken, a parse may have missed an import, so it is searched."""
    if facts.parsed != "full" or content.language is None:
        return mentions(content.source, content.language)
    return imported_words(facts)


def imported_words(facts: FileFacts) -> str:
    """Identifiers in the imports of a parsed file, each between spaces; the keys that `mentions` searches for."""
    said: set[str] = set()
    for item in facts.imports:
        said.add(item.module)
        said.update(name for name, _ in item.names)
        if not any(character.isalnum() for character in item.module):
            said |= WORDLESS_IMPORT  # as `require("..")`
    if facts.imports:
        said |= get_language(facts.language).import_words
    return _to_keys(" ".join(said).encode("utf-8", "surrogateescape"))


def _to_keys(said: bytes) -> str:
    """The identifiers in it, each between spaces, without those that may be secrets: no file has such a name."""
    words = {word.decode("ascii") for word in _WORD.findall(said)}
    return f" {' '.join(sorted(word for word in words if not is_key(word)))} "


def read_many(
    workspace: Workspace, entries: Sequence["FileEntry"], workers: int, terms: Terms
) -> Iterator[tuple["FileEntry", Reading | AiexError]]:
    """Read many files in order, in worker processes when `workers` is above 1; an unreadable one gives its error.

    Facts come without uses; these are in the stored form only.
    """
    if workers <= 1:
        for entry in entries:
            yield entry, _read_or_error(workspace, entry, terms)
        return
    batches = list(_batches(entries, workers))
    read = partial(_read_batch, workspace, terms)
    for batch, results in zip(batches, run_in_workers(read, batches, workers), strict=True):
        if not isinstance(results, Died):
            yield from zip(batch, results, strict=True)
            continue
        singles = [[entry] for entry in batch]  # one of them is too much for a parser; the others are read again
        for entry, result in zip(batch, run_in_workers(read, singles, 1), strict=True):
            yield entry, lost(result) if isinstance(result, Died) else result[0]


def lost(death: Died) -> AiexError:
    """What to say of a file whose parse ended its process."""
    return StoreError(
        f"the process that parsed it ended ({'signal' if death.exit_code < 0 else 'exit'} {abs(death.exit_code)})",
        hint="Leave the file out with a line in .aiexignore, and report it.",
    )


def _batches(entries: Sequence["FileEntry"], workers: int) -> Iterator[list["FileEntry"]]:
    share = sum(map(_cost, entries)) // (workers * BATCHES_PER_WORKER)
    batch: list[FileEntry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += _cost(entry)
        if size >= min(share, BATCH_BYTES):
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _cost(entry: "FileEntry") -> int:
    """What reading a file takes, in bytes of parsing."""
    return entry.size_bytes + 1_000


def _read_batch(workspace: Workspace, terms: Terms, entries: list["FileEntry"]) -> list[Reading | AiexError]:
    return [_read_or_error(workspace, entry, terms) for entry in entries]


def _read_or_error(workspace: Workspace, entry: "FileEntry", terms: Terms) -> Reading | AiexError:
    """The reading with its uses in the stored form only: sending them unpacked would cost more than parsing did."""
    try:
        result = read_facts(read_content(workspace, entry), terms)
    except AiexError as error:
        return error
    return result._replace(facts=without_uses(result.facts))
