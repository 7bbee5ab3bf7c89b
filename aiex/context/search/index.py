"""The index of one workspace: which files it holds as they are now, and bringing it up to date.

An index is a few segments. The newest segment that has a file speaks for it, as long as the file is listed and has the
content it had; everything older is dead. A refresh writes one more segment with what is new or changed, and joins
segments when there are too many, or too much of them is dead.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aiex import sqlite
from aiex.context.freshness import is_alike, is_fresh
from aiex.context.leftout import tell_failed, tell_left_out
from aiex.context.listing import FileEntry, Listing, Paths, list_files
from aiex.context.shelf import MEMORY, Shelf
from aiex.context.stores.segments import Found, Head, Seen, SegmentStore
from aiex.context.workforce import count_workers, is_much
from aiex.events import Warned

if TYPE_CHECKING:
    from aiex.context.search.reading import Piece
    from aiex.context.search.segment import Segment
    from aiex.errors import AiexError
    from aiex.guard.sandbox.files import Workspace

T = TypeVar("T")
Failed = dict[str, "AiexError"]
"""Files that could not be read, by path."""

VERSION = 5
"""Raised when the same files would give other segments."""
MOST_SEGMENTS = 16
"""With more, small ones are joined: each costs every query some look-ups."""
SMALL_DOCUMENTS = 4_096
"""Segments up to this size are joined when there are too many."""
MOST_SMALL = 8
"""So many small ones are left alone when there are many large ones."""
MOST_FILES = 65_535
"""A segment names its files by two bytes."""
DEAD_SHARE = 0.35
"""A segment with more dead documents is written anew."""
ATTEMPTS = 3
"""How often it is read again what a store lost that turned out damaged meanwhile."""


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
        self.workers = count_workers(workers)
        self.ignore = tuple(ignore)
        self.limit_bytes = limit_bytes
        self.warnings: list[Warned] = []
        self.shelf = Shelf(self._open, path or MEMORY, self.warnings, self._forget)
        self.left_bytes = 0
        """Source that the last refresh left unread because it was too much."""
        self.changes = 0
        """Grows whenever answers may be others than before."""
        self.losses = 0
        """How often the store had to be begun anew."""
        self._data_version = 0
        self._heads: tuple[tuple[int, int] | None, list[Head]] = None, []
        """What was read last of the segments, and when: changes of ours and of others."""

    # --- state ------------------------------------------------------------------------------------------------------

    @cached_property
    def listing(self) -> Listing:
        """The files of the repository."""
        note = self._listing_note()
        known = list_files(
            self.workspace,
            extra_patterns=self.ignore,
            kept=[*(self.seen.keys() - set(note["ignored"])), *note["folders"]] if note else (),
            ignored=note["ignored"] if note else (),
            rules=note["rules"] if note and self.seen else "",
        )
        fresh = {"rules": known.rules, "ignored": sorted(known.ignored), "folders": sorted(known.folders)}
        if fresh != note:
            text = json.dumps(fresh).encode("ascii")
            self.ask_store(lambda store: store.remember("listing", text), None)
        self._warn(tell_left_out(known))
        return known

    def _warn(self, warnings: Iterator[Warned]) -> None:
        self.warnings += (warning for warning in warnings if warning not in self.warnings)

    def _listing_note(self) -> dict[str, Any]:
        """What the last walk decided: its rules, and by names what it left out and where it looked."""
        try:
            note = json.loads(self.ask_store(lambda store: store.recall("listing"), None) or "{}")
        except ValueError:
            return {}
        wanted = {"rules": str, "ignored": list, "folders": list}
        whole = isinstance(note, dict) and all(isinstance(note.get(key), kind) for key, kind in wanted.items())
        return note if whole else {}

    @cached_property
    def paths(self) -> Paths:
        """Lookups over the files of the repository."""
        return Paths(self.listing, self.workspace)

    @cached_property
    def seen(self) -> dict[str, Seen]:
        """What was seen of each file, by path."""
        nothing: dict[str, Seen] = {}
        self._data_version = self.ask_store(SegmentStore.data_version, 0)
        return self.ask_store(SegmentStore.seen, nothing)

    def heads(self) -> list[Head]:
        """All segments, oldest first."""
        nothing: list[Head] = []
        state = self.changes, self.ask_store(SegmentStore.data_version, 0)
        if self._heads[0] != state:
            found = self.ask_store(SegmentStore.heads, nothing)
            self._heads = state if self.changes == state[0] else None, found
        return self._heads[1]

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
        return self._unless(is_fresh)

    def changed(self) -> list[FileEntry]:
        """Listed files that the index lacks, or that are others by their size or time."""
        return self._unless(is_alike)

    def _unless(self, is_known: Callable[[Seen, FileEntry], bool]) -> list[FileEntry]:
        indexed, seen = self._indexed(), self.seen
        return [
            entry
            for entry in self.listing.files
            if (row := seen.get(entry.path)) is None
            or not is_known(row, entry)
            or indexed.get(entry.path) != row.digest
        ]

    def _indexed(self) -> dict[str, str]:
        """Path and digest of each file as the newest segment has it."""
        return {path: digest for head in self.heads() for path, digest in head.files}

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside, every reading sees the same state; what other processes have written until now is taken in."""
        _ = self.paths, self.seen  # a listing writes down what it decided
        self.shelf.tell(SegmentStore.begin)
        store = self.shelf.store
        try:
            if self.ask_store(SegmentStore.data_version, 0) != self._data_version:
                self.__dict__.pop("seen", None)
                self.changes += 1
            yield
        finally:
            store.end()

    # --- refresh ----------------------------------------------------------------------------------------------------

    def refresh(self, *, most_bytes: int | None = None) -> Iterator[Progress]:
        """Bring the index up to date; what is done is kept when the iteration ends early.

        Files that cannot be read are left out, with one warning for each reason at the end.

        Args:
            most_bytes: When more source is to be read, none is; `left_bytes` tells how much.
        """
        failed: Failed = {}
        try:
            for _ in range(ATTEMPTS):
                losses = self.losses
                yield from self._refresh(most_bytes, failed)
                if self.losses == losses:
                    break
        finally:
            self._warn(tell_failed(failed))

    def _refresh(self, most_bytes: int | None, failed: Failed) -> Iterator[Progress]:
        self._look_again()
        entries = self.stale()
        self._see([], [path for path in self.seen if path not in self.paths.known])
        self.left_bytes = 0
        if not entries:
            return
        self.shelf.tell(SegmentStore.drop_others)  # first, so that what is written takes their room
        total = len(entries)
        yield Progress(0, total)
        entries = self._sort_out(entries)
        size = sum(entry.size_bytes for entry in entries)
        if most_bytes is not None and size > most_bytes:
            self.left_bytes = size
            return
        done = total - len(entries)
        for count, piece in self._read(entries):
            self._keep(piece, failed)
            done += count
            if count and done < total:
                yield Progress(done, total)
        if entries:
            yield Progress(total, total)
        self._tidy()

    def take_in(self, paths: Collection[str]) -> None:
        """Read those of some files that the index lacks, without looking at the file system for changes."""
        entries = [entry for entry in self.stale() if entry.path in paths]
        failed: Failed = {}
        for _, piece in self._read(self._sort_out(entries)):
            self._keep(piece, failed)
        self._warn(tell_failed(failed))
        if entries:
            self._tidy()

    def _look_again(self) -> None:
        """Forget what was known of files and of what other processes did."""
        before = self.__dict__.get("listing"), self.__dict__.get("seen"), self._data_version
        self._drop_views()
        if before != (self.listing, self.seen, self._data_version):
            self.changes += 1

    def _drop_views(self) -> None:
        for name in ("seen", "listing", "paths"):
            self.__dict__.pop(name, None)

    def _sort_out(self, entries: list[FileEntry]) -> list[FileEntry]:
        """Those whose content did change; the times of the others are noted."""
        indexed = self._indexed()
        known = [entry for entry in entries if entry.path in self.seen and entry.path in indexed]
        if not known:
            return entries
        from aiex.context.reading import read_content
        from aiex.context.search.reading import to_seen
        from aiex.errors import AiexError

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

    def _read(self, entries: Sequence[FileEntry]) -> "Iterator[tuple[int, Piece | None]]":
        from aiex.context.search.reading import read_pieces

        yield from read_pieces(self.workspace, entries, self.workers if is_much(entries) else 1, self.limit_bytes)

    def _keep(self, piece: "Piece | None", failed: Failed) -> None:
        """Write what a worker found, if it is enough for a segment, and note what it could not read."""
        if piece is None:
            return
        failed.update(piece.failed)
        if piece.seen:
            self._add(piece.segment, piece.seen)

    def _add(self, segment: "Segment", seen: list[Seen]) -> None:
        self.seen.update((row.path, row) for row in seen)
        self._write(lambda store: store.add(segment, files=seen))

    def _see(self, files: list[Seen], gone: Sequence[str] = ()) -> None:
        self.seen.update((row.path, row) for row in files)
        for path in gone:
            self.seen.pop(path, None)
        if files or gone:
            self._write(lambda store: store.see(files, gone))

    def _write(self, act: Callable[[SegmentStore], object]) -> None:
        """Have the store keep something; where it cannot, a copy in memory does for this process."""
        self.changes += 1
        if self.shelf.tell(lambda store: _do(act, store)):
            return
        copied = self.shelf.store.copy()
        self.shelf.close()
        self.shelf = Shelf(lambda _: copied, MEMORY, self.warnings, self._forget)
        self.shelf.tell(lambda store: _do(act, store))

    def _tidy(self) -> None:
        """Write segments anew that are mostly dead, and join small ones when there are many."""
        with self.snapshot():
            chosen = self._choose(self.segments())
        self._rewrite(chosen)

    def _rewrite(self, chosen: Sequence[Live]) -> None:
        """Write as few segments as can hold what is alive in these."""
        for group in _to_groups(sorted(chosen, key=lambda live: live.head.id)):
            self.changes += 1
            self.shelf.tell(partial(_replace, group=group))

    def _choose(self, segments: list[Live]) -> list[Live]:
        """Those to be written anew."""
        chosen = [live for live in segments if live.dead_documents > DEAD_SHARE * len(live.head.owners)]
        small = [live for live in segments if len(live.head.owners) <= SMALL_DOCUMENTS]
        if len(segments) > MOST_SEGMENTS and len(small) > MOST_SMALL:
            chosen += [live for live in small if live not in chosen]
        return chosen

    def remove(self) -> int:
        """Forget everything; gives the bytes that were held.

        Raises:
            StoreError: if the file on disk can neither be changed nor removed.
        """
        size = self.size_bytes()
        cleared = self.shelf.tell(SegmentStore.clear)
        self._drop_views()
        self.changes += 1
        if self.path is not None and not (cleared and self.shelf.store.path == self.path):
            self.shelf.close()
            self.shelf = Shelf(self._open, self.path, self.warnings, self._forget)
            sqlite.remove(self.path)
        return size

    def size_bytes(self) -> int:
        """What the index takes on disk."""
        return self.ask_store(SegmentStore.size_bytes, 0)

    # --- the store --------------------------------------------------------------------------------------------------

    def _open(self, path: str) -> SegmentStore:
        return SegmentStore(path, self.version)

    def _forget(self) -> None:
        """The store was begun anew."""
        self._drop_views()
        self.losses += 1
        self.changes += 1

    def ask_store(self, ask: Callable[[SegmentStore], T], otherwise: T) -> T:
        """What the store answers. One that turns out damaged is begun anew; one that fails costs speed only."""
        return self.shelf.ask(ask, otherwise)

    def find(self, heads: Sequence[Head], terms: Collection[str]) -> Found:
        """Documents and counts of those terms that segments have, as `Segment.postings` gives them."""
        nothing: Found = {head.id: {} for head in heads}
        return self.ask_store(lambda store: store.find(heads, terms), nothing)

    def close(self) -> None:
        """Close the store."""
        self.shelf.close()


def _do(act: Callable[[SegmentStore], object], store: SegmentStore) -> None:
    act(store)


def _to_groups(chosen: Sequence[Live]) -> Iterator[list[Live]]:
    """Segments of which each group fits in one, with what is alive in them."""
    from aiex.context.search.segment import MOST_DOCUMENTS

    group: list[Live] = []
    documents = files = 0
    for live in chosen:
        documents += len(live.head.owners)
        files += len(live.head.files)
        if group and (documents > MOST_DOCUMENTS or files > MOST_FILES):
            yield group
            group, documents, files = [], len(live.head.owners), len(live.head.files)
        group.append(live)
    if group:
        yield group


def _replace(store: SegmentStore, group: Sequence[Live]) -> None:
    """Put one segment in place of several, unless another process did so already."""
    from aiex.context.search.segment import join_segments

    parts = [store.read(known.head) for known in group]
    whole = [part for part in parts if part is not None]
    if len(whole) == len(parts):
        joined = join_segments(whole, [known.dead for known in group])
        store.add(joined, replaced=[known.head.id for known in group])
