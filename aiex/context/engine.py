"""The context engine: facts of files, from memory, from the store, or by parsing; and who uses whom."""

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cached_property
from time import time_ns
from typing import TYPE_CHECKING, Any, TypeVar

from aiex.context.facts import PARSE_LIMIT_BYTES, READ_LIMIT_BYTES, FileFacts, without_uses
from aiex.context.freshness import is_fresh
from aiex.context.leftout import tell_left_out
from aiex.context.listing import FileEntry, Listing, Paths, list_files
from aiex.context.memory import Memory
from aiex.context.tiers.warm import FactsRow, FileRow, Warm
from aiex.context.version import parser_version
from aiex.context.workforce import count_workers, is_much
from aiex.errors import AiexError
from aiex.events import Warned
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.files import Workspace

if TYPE_CHECKING:
    from aiex.context.reading import Reading

T = TypeVar("T")

SAVE_EVERY = 500


class Engine:
    """What is known about one workspace. Not safe for threads, except `facts` of files already known."""

    def __init__(
        self, workspace: Workspace, cache_path: str | None, workers: int, ignore: Sequence[str], limit_bytes: int
    ) -> None:
        self.workspace = workspace
        self.workers = count_workers(workers)
        self.ignore = tuple(ignore)
        self.limit_bytes = limit_bytes
        self.version = f"{parser_version()}/{limit_bytes}"
        self.warnings: list[Warned] = []
        self.memory = Memory(cache_path, self.version, self.warnings)
        self.memory.warm_shelf.forget = self.forget_rows
        self.hot = self.memory.hot
        self._pending_files: dict[str, FileRow] = {}
        self._pending_facts: dict[str, FactsRow] = {}
        self._stored: set[str] = set()
        """Paths that have a row in the store."""

    # --- the repository ---------------------------------------------------------------------------------------------

    @cached_property
    def listing(self) -> Listing:
        """The files of the repository."""
        note = self.listing_note()
        stored = self._stored.difference(note.get("unlisted", ())) if self.rows else set()
        known = list_files(
            self.workspace,
            extra_patterns=self.ignore,
            kept=[*stored, *note.get("folders", ())],
            ignored=note.get("ignored", ()),
            rules=note.get("rules", "") if stored else "",
        )
        fresh = {
            "rules": known.rules,
            "ignored": sorted(known.ignored),
            "folders": sorted(known.folders),
            "unlisted": sorted(self._stored.difference(entry.path for entry in known.files)),
        }
        if fresh != note:
            self.remember("listing", json.dumps(fresh))
        self.warnings += tell_left_out(known)
        return known

    def look_again(self) -> None:
        """Forget which files there are, so that the next question about them sees them as they are now."""
        for name in ("listing", "paths"):
            self.__dict__.pop(name, None)

    def listing_note(self) -> dict[str, Any]:
        """What the last walk decided: its rules, and by names what it left out and which rows are of no listed file."""
        note: dict[str, Any] = json.loads(self.recall("listing") or "{}")
        return note

    @cached_property
    def paths(self) -> Paths:
        """Lookups over the files of the repository."""
        return Paths(self.listing, self.workspace)

    def entry(self, path: str) -> FileEntry:
        """Size and times of a file, also of one that the listing leaves out.

        Raises:
            Denied, StoreError: if it cannot be looked at.
        """
        stat = self.workspace.stat(path, follow_links=True)
        return FileEntry(path, stat.size_bytes, stat.mtime_ns, stat.inode)

    def source(self, path: str) -> bytes:
        """The content of a file as it is now."""
        return self.workspace.read(path, limit_bytes=READ_LIMIT_BYTES)

    # --- facts ------------------------------------------------------------------------------------------------------

    def facts(self, path: str) -> FileFacts:
        """Everything a parse of the file tells, its uses included.

        Raises:
            Denied, StoreError: if the file cannot be read.
        """
        entry = self.entry(path)
        row = self.rows.get(path)
        if row is not None and is_fresh(row, entry):
            known = self.stored_facts(row.key)
            if known is not None:
                return known
        from aiex.context import reading  # with all it needs for parsing, 10 ms that a warm run does not need

        content = reading.read_content(self.workspace, entry)
        known = self.stored_facts(content.row.key)
        if known is not None:
            self.keep_row(content.row._replace(mentions=reading.find_mentions(content, known)))
            return known
        result = reading.read_facts(content, reading.Terms(limit_bytes=self.limit_bytes))
        self.keep(result)
        self.hot.put(result.row.key, result.facts)
        return result.facts

    def stored_facts(self, key: str) -> FileFacts | None:
        """Facts from memory or the store."""
        return self.memory.facts(key)

    def many(self, paths: Sequence[str]) -> Iterator[tuple[str, FileFacts]]:
        """Facts without their uses for many listed files, those known already first; unreadable ones are left out.

        What the store does not know is parsed, in worker processes when it is much. Cost: about 1.5 times the raw
        parse of the unknown files, 60 µs for a known one.
        """
        known = self.paths.known
        entries = [known[path] for path in paths if path in known]
        keys = {entry.path: self.rows[entry.path].key for entry in entries if self.has_row(entry)}
        stored = self.stored_light(sorted(set(keys.values())))
        found = [path for path, key in keys.items() if key in stored]
        yield from ((path, without_uses(stored[keys[path]])) for path in found)
        rest = set(found)
        yield from self.parse_many([entry for entry in entries if entry.path not in rest])
        self.save()

    def full(self, paths: Sequence[str]) -> Iterator[tuple[str, FileFacts]]:
        """Facts with their uses for many files, in order; files that cannot be read are left out."""
        known = self.paths.known
        unknown = [known[path] for path in paths if path in known and not self.has_stored(known[path])]
        if is_much(unknown, uses=True):
            for _ in self.parse_many(unknown, uses=True):
                pass
            self.save()
        for path in paths:
            try:
                yield path, self.facts(path)
            except AiexError as error:
                self.warnings.append(Warned(f"left out {printable_path(path)}: {error.message}"))

    def has_stored(self, entry: FileEntry) -> bool:
        """Whether facts of exactly this state of the file are kept."""
        return self.has_row(entry) and self.stored_facts(self.rows[entry.path].key) is not None

    def has_row(self, entry: FileEntry) -> bool:
        """Whether the store has a row for exactly this state of the file."""
        row = self.rows.get(entry.path)
        return row is not None and is_fresh(row, entry)

    def parse_many(self, entries: Sequence[FileEntry], *, uses: bool = False) -> Iterator[tuple[str, FileFacts]]:
        """Facts without uses of files that are new or changed; content that was parsed before is only hashed.

        With `uses` these are looked at too and reach the store.
        """
        if self.rows:
            entries = yield from self.recognise_many(entries, uses)
        from aiex.context import reading

        workers = self.workers if is_much(entries, uses=uses) else 1
        terms = reading.Terms(uses, self.limit_bytes)
        for entry, result in reading.read_many(self.workspace, entries, workers, terms):
            if isinstance(result, AiexError):
                self.warnings.append(Warned(f"left out {printable_path(entry.path)}: {result.message}"))
                continue
            self.keep(result)
            yield entry.path, result.facts

    def recognise_many(
        self, entries: Sequence[FileEntry], uses: bool
    ) -> Generator[tuple[str, FileFacts], None, list[FileEntry]]:
        """Facts of those files whose content was parsed before, under this name or another; gives back the others."""
        from aiex.context import reading

        rows: list[FileRow] = []
        for entry in entries:
            with contextlib.suppress(AiexError):  # told when it is read again for parsing
                rows.append(reading.read_content(self.workspace, entry).row)
        keys = sorted({row.key for row in rows})
        if uses:
            known = {key: facts for key in keys if (facts := self.stored_facts(key)) is not None}
        else:
            known = self.stored_light(keys)
        found: set[str] = set()
        for row in rows:
            facts = known.get(row.key)
            if facts is not None and facts.parsed == "full":
                found.add(row.path)
                self.keep_row(row._replace(mentions=reading.imported_words(facts)))
                yield row.path, without_uses(facts)
        return [entry for entry in entries if entry.path not in found]

    def stored_light(self, keys: Sequence[str]) -> dict[str, FileFacts]:
        """Facts without uses from memory or the store."""
        return self.memory.light_facts(keys) if keys else {}

    # --- the store --------------------------------------------------------------------------------------------------

    @property
    def warm(self) -> Warm:
        """The store; in memory when there is no place for it."""
        return self.memory.warm

    @cached_property
    def rows(self) -> dict[str, FileRow]:
        """What was seen of each file, by path."""
        nothing: dict[str, FileRow] = {}
        known = self.ask_store(Warm.rows, nothing)
        self._stored = set(known)
        return known

    def keep(self, result: "Reading") -> None:
        """Remember a reading; it reaches the store at the next `save`."""
        self._pending_facts[result.stored.key] = result.stored
        self.keep_row(result.row)

    def keep_row(self, row: FileRow) -> None:
        """Remember what was seen of a file; it reaches the store at the next `save`."""
        known = self.rows.get(row.path)
        if known is not None and known.key != row.key:
            self.memory.mark_stale([known.key])
        self.rows[row.path] = row
        self._pending_files[row.path] = row
        if len(self._pending_files) >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what was learned to the store; a store that fails costs speed only."""
        if not self._pending_files:
            return
        rows, facts = self._pending_files, list(self._pending_facts.values())
        self._pending_files, self._pending_facts = {}, {}
        listed = self.paths.known if "listing" in self.__dict__ else None
        gone = [path for path in self._stored if path not in listed and path not in rows] if listed is not None else []
        self.note_unlisted(rows.keys() - (self._stored if listed is None else listed.keys()))
        self.memory.mark_stale(self.rows[path].key for path in gone if path in self.rows)
        self.memory.save(list(rows.values()), facts, gone, known_files=len(self.rows))
        self._stored = self._stored.difference(gone).union(rows)

    def note_unlisted(self, paths: set[str]) -> None:
        """Remember that no walk kept these files, as the next one takes the others in the store for kept."""
        note = self.listing_note() if paths else {}
        if note and not paths <= set(note.get("unlisted", ())):
            note["unlisted"] = sorted(paths.union(note.get("unlisted", ())))
            self.remember("listing", json.dumps(note))

    def close(self) -> None:
        """Save and close the store."""
        self.save()
        self.memory.close()

    def recall(self, key: str) -> str | None:
        """A text that `remember` kept under this key, in this or an earlier run."""
        return self.ask_store(lambda warm: warm.recall(key), None)

    def remember(self, key: str, value: str) -> None:
        """Keep a text that can be computed again, such as the history at a commit."""
        self.ask_store(lambda warm: warm.remember(key, value, time_ns()), None)

    def ask_store(self, ask: Callable[[Warm], T], otherwise: T) -> T:
        """What the store answers. One that turns out damaged is begun anew; one that fails costs speed only."""
        return self.memory.warm_shelf.ask(ask, otherwise)

    def forget_rows(self) -> None:
        """The store was begun anew: what its rows stood for is read again."""
        self.rows = {}
        self._stored = set()

    # --- mentions ---------------------------------------------------------------------------------------------------

    def refresh_mentions(self) -> Iterator[tuple[int, int]]:
        """Read the files that are new or changed, so that `mentioning` is true; gives (done, total) as it goes."""
        stale = [entry for entry in self.listing.files if not self.has_row(entry)]
        if stale:
            from aiex.context import reading
        for number, entry in enumerate(stale, 1):
            try:
                self.keep_row(reading.read_content(self.workspace, entry, search=True).row)
            except AiexError as error:
                self.warnings.append(Warned(f"left out {printable_path(entry.path)}: {error.message}"))
                continue
            yield number, len(stale)
        self.save()

    def mentioning(self, names: set[str]) -> list[str]:
        """Listed files with one of the names in a statement that may name other files, in order."""
        nothing: set[str] = set()
        found = nothing
        for _ in range(2):
            warm = self.warm
            for _ in self.refresh_mentions():
                pass
            found = self.ask_store(lambda warm: warm.mentioning(names), nothing)
            if warm is self.warm:  # else it was begun anew in between, and is empty
                break
        return sorted(path for path in found if path in self.paths.known)


def open_engine(
    workspace: Workspace,
    *,
    cache_path: str | None,
    workers: int = 0,
    ignore: Sequence[str] = (),
    limit_bytes: int = PARSE_LIMIT_BYTES,
) -> Engine:
    """An engine on a workspace; nothing is read before it is asked for.

    Args:
        cache_path: SQLite file to keep what was learned in; None keeps it in memory only.
        workers: Processes for large parses; 0 means one per core.
        ignore: Further ignore patterns in gitignore form.
        limit_bytes: Larger files are not parsed.
    """
    return Engine(workspace, cache_path, workers, ignore, limit_bytes)
