"""The index of one workspace: which files it holds as they are now, and bringing it up to date.

An index is a few segments. The newest segment that has a file speaks for it, as long as the file is listed and has the
content it had; everything older is dead. A refresh writes one more segment with what is new or changed, and joins
segments when there are too many, or too much of them is dead.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aiex import dirs
from aiex.context.listing import FileEntry, Listing, Paths, list_files
from aiex.context.stores.opening import begin_anew, open_or_begin
from aiex.context.stores.segments import Head, Seen, SegmentStore
from aiex.errors import StoreError
from aiex.events import Warned
from aiex.sqlite import DamagedStore

if TYPE_CHECKING:
    from aiex.context.search.reading import Piece
    from aiex.context.search.segment import Segment
    from aiex.guard.sandbox.files import Workspace

T = TypeVar("T")

VERSION = 1
"""Raised when the same files would give other segments."""
RACY_NS = 2_000_000_000
"""Coarsest common time stamp of a file system (2 s on FAT)."""
MOST_SEGMENTS = 16
SMALL_DOCUMENTS = 4_096
"""Segments up to this size are joined when there are too many."""
DEAD_SHARE = 0.35
"""A segment with more dead documents is written anew."""
POOL_FROM_BYTES = 400_000
"""Less is read as fast in this process: workers load the grammars anew."""
MOST_WORKERS = 64


class Progress(NamedTuple):
    """How far an indexing has come, in files."""

    done: int
    total: int


class Live(NamedTuple):
    """A segment, and which of its files no longer count."""

    head: Head
    dead: frozenset[int]
    """Numbers of files that a newer segment has, or that are no more what they were."""

    @property
    def dead_documents(self) -> int:
        """How many of its documents are of dead files."""
        return sum(owner in self.dead for owner in self.head.owners) if self.dead else 0


class Index:
    """The index of one workspace. Not safe for threads."""

    def __init__(
        self,
        workspace: "Workspace",
        path: str | None,
        *,
        version: str,
        workers: int = 0,
        ignore: Sequence[str] = (),
        limit_bytes: int,
    ) -> None:
        """Nothing is read before it is asked for.

        Args:
            path: SQLite file of the index; None keeps it in memory only.
            version: Of everything that decides what segments hold.
            workers: Processes for large work; 0 means one per core.
            ignore: Further ignore patterns in gitignore form.
            limit_bytes: Larger files are known by name only.
        """
        self.workspace = workspace
        self.path = path
        self.version = f"{version}/{VERSION}"
        self.workers = min(workers or os.cpu_count() or 1, MOST_WORKERS)
        self.ignore = tuple(ignore)
        self.limit_bytes = limit_bytes
        self.warnings: list[Warned] = []

    # --- state ------------------------------------------------------------------------------------------------------

    @cached_property
    def listing(self) -> Listing:
        """The files of the repository."""
        note = self._listing_note()
        known = list_files(
            self.workspace,
            extra_patterns=self.ignore,
            kept=[*self.seen, *note.get("folders", ())] if note else (),
            ignored=note.get("ignored", ()),
            rules=note.get("rules", "") if self.seen else "",
        )
        fresh = {"rules": known.rules, "ignored": sorted(known.ignored), "folders": sorted(known.folders)}
        if fresh != note:
            text = json.dumps(fresh).encode("ascii")
            self.ask_store(lambda store: store.remember("listing", text), None)
        return known

    def _listing_note(self) -> dict[str, Any]:
        """What the last walk decided: its rules, and by names what it left out and where it looked."""
        try:
            note: dict[str, Any] = json.loads(self.ask_store(lambda store: store.recall("listing"), None) or "{}")
        except ValueError:
            return {}
        return note

    @cached_property
    def paths(self) -> Paths:
        """Lookups over the files of the repository."""
        return Paths(self.listing, self.workspace)

    @cached_property
    def seen(self) -> dict[str, Seen]:
        """What was seen of each file, by path."""
        nothing: dict[str, Seen] = {}
        return self.ask_store(SegmentStore.seen, nothing)

    def is_fresh(self, entry: FileEntry) -> bool:
        """Whether what was seen of a file is still true."""
        seen = self.seen.get(entry.path)
        return seen is not None and seen[1:4] == entry[1:4] and seen.mtime_ns < seen.checked_ns - RACY_NS

    def heads(self) -> list[Head]:
        """All segments, oldest first."""
        nothing: list[Head] = []
        return self.ask_store(SegmentStore.heads, nothing)

    def segments(self) -> list[Live]:
        """The segments with what is dead in each, newest first."""
        taken: set[str] = set()
        found: list[Live] = []
        listed, seen = self.paths.known, self.seen
        for head in reversed(self.heads()):
            dead = {
                number
                for number, (path, digest) in enumerate(head.files)
                if path in taken or path not in listed or path not in seen or seen[path].digest != digest
            }
            taken.update(path for number, (path, _) in enumerate(head.files) if number not in dead)
            found.append(Live(head, frozenset(dead)))
        return found

    def stale(self) -> list[FileEntry]:
        """Listed files that the index lacks, or that may have changed since."""
        indexed = self._indexed()
        return [
            entry
            for entry in self.listing.files
            if not self.is_fresh(entry) or indexed.get(entry.path) != self.seen[entry.path].digest
        ]

    def _indexed(self) -> dict[str, str]:
        """Path and digest of each file as the newest segment has it."""
        return {path: digest for head in self.heads() for path, digest in head.files}

    # --- refresh ----------------------------------------------------------------------------------------------------

    def refresh(self) -> Iterator[Progress]:
        """Bring the index up to date; what is done is kept when the iteration ends early.

        Files that cannot be read are left out, with a warning.
        """
        entries = self.stale()
        if not entries:
            return
        total = len(entries)
        yield Progress(0, total)
        entries = self._sort_out(entries)
        done = total - len(entries)
        for count, piece in self._read(entries):
            self._keep(piece)
            done += count
            yield Progress(done, total)
        self._tidy()

    def _sort_out(self, entries: list[FileEntry]) -> list[FileEntry]:
        """Those whose content did change; the times of the others are noted."""
        known = [entry for entry in entries if entry.path in self.seen]
        if not known:
            return entries
        from aiex.context.reading import read_content
        from aiex.context.search.reading import to_seen
        from aiex.errors import AiexError

        indexed = self._indexed()
        same: list[Seen] = []
        for entry in known:
            try:
                seen = to_seen(read_content(self.workspace, entry))
            except AiexError:
                continue  # told when it is read again
            if indexed.get(entry.path) == seen.digest:
                same.append(seen)
        self._see(same)
        unchanged = {seen.path for seen in same}
        return [entry for entry in entries if entry.path not in unchanged]

    def _read(self, entries: Sequence[FileEntry]) -> "Iterator[tuple[int, Piece]]":
        from aiex.context.search.reading import read_pieces

        much = sum(entry.size_bytes for entry in entries) >= POOL_FROM_BYTES
        yield from read_pieces(self.workspace, entries, self.workers if much else 1, self.limit_bytes)

    def _keep(self, piece: "Piece") -> None:
        """Write what a worker found."""
        from aiex.guard.neutral import printable_path

        for path, error in piece.failed:
            self.warnings.append(Warned(f"left out {printable_path(path)}: {error.message}"))
        if piece.seen:
            self._add(piece.segment, piece.seen)

    def _add(self, segment: "Segment", seen: list[Seen]) -> None:
        gone = [path for path in self.seen if path not in self.paths.known]
        self.seen.update((row.path, row) for row in seen)
        self.ask_store(lambda store: store.add(segment, files=seen), 0)
        self._see([], gone)

    def _see(self, files: list[Seen], gone: Sequence[str] = ()) -> None:
        self.seen.update((row.path, row) for row in files)
        for path in gone:
            self.seen.pop(path, None)
        if files or gone:
            self.ask_store(lambda store: store.see(files, gone), None)

    def _tidy(self) -> None:
        """Write segments anew that are mostly dead, and join small ones when there are many."""
        segments = self.segments()
        chosen = [live for live in segments if live.dead_documents > DEAD_SHARE * len(live.head.owners)]
        if len(segments) > MOST_SEGMENTS:
            chosen += [live for live in segments if len(live.head.owners) <= SMALL_DOCUMENTS and live not in chosen]
        chosen.sort(key=lambda live: live.head.id)
        if chosen:
            self.ask_store(lambda store: _rewrite(store, chosen), None)

    def remove(self) -> int:
        """Forget everything; gives the bytes that were held."""
        size = self.size_bytes()
        self.ask_store(SegmentStore.clear, None)
        for name in ("seen", "listing", "paths"):
            self.__dict__.pop(name, None)
        return size

    def size_bytes(self) -> int:
        """What the index takes on disk."""
        return self.ask_store(SegmentStore.size_bytes, 0)

    # --- the store --------------------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> SegmentStore:
        """The store; in memory when there is no place for it."""
        path = self.path
        if path is None:
            return SegmentStore(":memory:", self.version)
        try:
            dirs.ensure(os.path.dirname(path))
        except (OSError, StoreError) as error:
            self.warnings.append(Warned(f"the index is not kept: {error}"))
            path = ":memory:"
        store, said = open_or_begin(self._open, path)
        if said:
            self.warnings.append(Warned(said))
        return store

    def _open(self, path: str) -> SegmentStore:
        return SegmentStore(path, self.version)

    def ask_store(self, ask: Callable[[SegmentStore], T], otherwise: T) -> T:
        """What the store answers. One that turns out damaged is begun anew; one that fails costs speed only."""
        for again in (False, True):
            try:
                return ask(self.store)
            except DamagedStore as error:
                if again:
                    self._warn(error)
                    break
                self.store.close()
                self.store, said = begin_anew(self._open, self.store.path, error)
                self.warnings.append(Warned(said))
                self.__dict__.pop("seen", None)
            except StoreError as error:
                self._warn(error)
                break
        return otherwise

    def _warn(self, error: StoreError) -> None:
        warning = Warned(f"the index does not work: {error.message}", error.hint)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def close(self) -> None:
        """Close the store."""
        if "store" in self.__dict__:
            self.store.close()


def _rewrite(store: SegmentStore, chosen: Sequence[Live]) -> None:
    """Replace segments by as few as can hold what is alive in them."""
    from aiex.context.search.segment import MOST_DOCUMENTS

    group: list[Live] = []
    for live in chosen:
        size = sum(len(known.head.owners) for known in group)
        if group and size + len(live.head.owners) > MOST_DOCUMENTS:
            _replace(store, group)
            group = []
        group.append(live)
    _replace(store, group)


def _replace(store: SegmentStore, group: Sequence[Live]) -> None:
    from aiex.context.search.segment import join_segments

    joined = join_segments([store.read(known.head) for known in group], [known.dead for known in group])
    store.add(joined, replaced=[known.head.id for known in group])
