"""A first map of a workspace, made in a fraction of the time that its parse takes, until the full index is there.

It is an index like the full one, in a file beside it, of segments made in another way: definitions are found by a scan,
and a piece has a word or has it not. A file counts as the full index has it, and as this one does where the full one
lacks it: so the full index may grow file by file, where requests look, and nothing is done twice.
"""

import gc
import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from aiex.context.listing import FileEntry, Listing
from aiex.context.ranking.lowfiles import is_low
from aiex.context.reading import Content
from aiex.context.search.documents import LONGEST_LINES
from aiex.context.search.index import DEAD_SHARE, Index, Live
from aiex.context.search.reading import Piece, make_piece
from aiex.context.search.scan import Place, scan
from aiex.context.search.segment import DEFINES, LONGEST_LENGTH, MOST_DOCUMENTS, File, Maker, Span
from aiex.context.search.words import speak_path, split_words
from aiex.context.stores.segments import Found, Head, SegmentStore
from aiex.context.workforce import is_much
from aiex.guard.sandbox.workers import Died, run_in_workers

if TYPE_CHECKING:
    from aiex.guard.sandbox.files import Workspace

PIECE_BYTES = 1_000_000
"""Source for one segment: the postings of larger ones do not fit into the caches of processors."""
MOST_PIECES = 64
"""Of one refresh; of more source they are larger."""
VERSION = 1
"""Raised when the same files would give other segments."""
BLOCK_LINES = 100
"""Definitions up to so many lines together share their words: fewer, larger sets are made in less time."""
LOW_BLOCK_LINES = 400
"""The same in files that a request rarely means."""
_FILE = "quick.db"


class QuickIndex(Index):
    """What a scan finds in the files that the full index lacks. Not safe for threads."""

    def __init__(self, full: Index) -> None:
        super().__init__(
            full.workspace,
            os.path.join(os.path.dirname(full.path), _FILE) if full.path else None,
            version=f"{full.version}/quick{VERSION}",
            workers=full.workers,
            ignore=full.ignore,
            limit_bytes=full.limit_bytes,
        )
        self.full = full
        self.warnings = self.shelf.warnings = full.warnings

    @property
    def exists(self) -> bool:
        """Whether there may be one; without a file of its own only when something was scanned by this process."""
        return self.shelf.is_open or (self.path is not None and os.path.exists(self.path))

    @cached_property
    def listing(self) -> Listing:
        """The files of the repository, as the full index has them."""
        return self.full.listing

    def drop(self) -> None:
        """Forget what was scanned."""
        if self.exists and self.heads():
            self.shelf.tell(SegmentStore.clear)
            self._forget()

    def stale(self) -> list[FileEntry]:
        """Listed files that neither index has as they are now."""
        missing = {entry.path for entry in self.full.stale()}
        return [entry for entry in super().stale() if entry.path in missing]

    def _read(self, entries: Sequence[FileEntry]) -> "Iterator[tuple[int, Piece]]":
        scan_all = partial(scan_piece, self.workspace, self.limit_bytes)
        batches = list(_to_batches(entries))
        if self.workers == 1 or not is_much(entries):
            yield from ((len(batch), scan_all(batch)) for batch in batches)
            return
        apart = partial(_scan_apart, self.workspace, self.limit_bytes)
        for batch, piece in zip(batches, run_in_workers(apart, batches, self.workers), strict=True):
            yield len(batch), scan_all(batch) if isinstance(piece, Died) else piece

    def _choose(self, segments: list[Live], *, after_much: bool) -> list[Live]:
        """Only what is mostly dead is written anew, or everything when the segments are far too many."""
        chosen = [live for live in segments if live.dead_documents > DEAD_SHARE * len(live.head.owners)]
        if len(segments) > 2 * MOST_PIECES:
            chosen = segments
        return sorted(chosen, key=lambda live: live.head.id)


class Both:
    """The full index and, for what it lacks, the quick one, as a ranking asks for them."""

    def __init__(self, full: Index, quick: QuickIndex) -> None:
        self.full = full
        self.quick = quick

    def segments(self) -> list[Live]:
        """The segments of both with what is dead in each; those of the quick one have numbers below 0."""
        full = self.full.segments()
        taken = {path for live in full for number, (path, _) in enumerate(live.head.files) if number not in live.dead}
        found = [*full]
        for head, dead in self.quick.segments():
            known = {number for number, (path, _) in enumerate(head.files) if path in taken}
            found.append(Live(head._replace(id=-head.id), dead | known))
        return found

    def find(self, heads: Sequence[Head], terms: Collection[str]) -> Found:
        """Documents and counts of those terms that segments have."""
        quick = self.quick.find([head._replace(id=-head.id) for head in heads if head.id < 0], terms)
        found = self.full.find([head for head in heads if head.id > 0], terms)
        return found | {-number: known for number, known in quick.items()}


def _to_batches(entries: Sequence[FileEntry]) -> Iterator[list[FileEntry]]:
    most = max(PIECE_BYTES, sum(entry.size_bytes for entry in entries) // MOST_PIECES)
    batch: list[FileEntry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size_bytes + 1_000
        if size >= most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def scan_piece(workspace: "Workspace", limit_bytes: int, entries: Sequence[FileEntry]) -> Piece:
    """The segment of some files, without a parse."""
    maker = Maker(counted=False)
    return make_piece(workspace, entries, lambda content: _take_in(maker, content, limit_bytes), maker.segment)


def _scan_apart(workspace: "Workspace", limit_bytes: int, entries: Sequence[FileEntry]) -> Piece:
    """The same in a worker."""
    gc.disable()  # what is made here has no cycles: looking for some took a tenth of the time
    return scan_piece(workspace, limit_bytes, entries)


def _take_in(maker: Maker, content: Content, limit_bytes: int) -> None:
    """Take in one file; what is not text or too large has no documents."""
    row, source = content.row, content.source
    owner = maker.add_file(File(row.path, row.digest, ""))
    if source and not content.note and len(source) <= limit_bytes:
        places = scan(source, content.language.name if content.language else "")
        _note_words(maker, row.path, source, _add_documents(maker, owner, source, places))


def _add_documents(maker: Maker, owner: int, source: bytes, places: list[Place]) -> list[tuple[Place, int]]:
    """Each place with its document; the first of them where it takes several."""
    line_count = source.count(b"\n") + (not source.endswith(b"\n"))
    last = Place(len(source), line_count, "", b"", "")
    added: list[tuple[Place, int]] = []
    for place, after in zip(places, [*places[1:], last], strict=True):
        pieces = -(-(after.line - place.line) // LONGEST_LINES)
        if len(maker.owners) + pieces > MOST_DOCUMENTS:
            break
        added.append((place, len(maker.owners)))
        start = place.line
        for piece in range(pieces):
            end = start + (after.line - start) // (pieces - piece)
            maker.add_document(owner, Span(start + 1, end, place.name, place.kind))
            start = end
    return [*added, (last, len(maker.owners))]


def _note_words(maker: Maker, path: str, source: bytes, places: list[tuple[Place, int]]) -> None:
    """Note the words of each block for its first document, and those of its name for each."""
    said = speak_path(path) + b" "
    most = LOW_BLOCK_LINES if is_low(path) else BLOCK_LINES
    for first, after in _to_blocks(places, most):
        (start, number), (stop, end) = places[first], places[after]
        words = split_words(said + source[start.start : stop.start])
        said = b""
        maker.note(set(words), number)
        share = len(words) / max(stop.line - start.line, 1)
        for (_, _, name, base, _), document in places[first:after]:
            if name:
                maker.mark(DEFINES + name.rpartition(".")[2], document)
                if document > number and base.isalnum():
                    maker.note((base,), document)
        maker.lengths.append(min(len(words), LONGEST_LENGTH))
        maker.lengths.extend(
            min(int(share * (maker.ends[other] - maker.starts[other] + 1)), LONGEST_LENGTH)
            for other in range(number + 1, end)
        )


def _to_blocks(places: list[tuple[Place, int]], lines: int) -> Iterator[tuple[int, int]]:
    """Ranges of neighbouring places of about so many lines together; what is longer is a block of its own."""
    first = 0
    end = lines
    for place in range(1, len(places)):
        if places[place][0].line > end and place - 1 > first:
            yield first, place - 1
            first, end = place - 1, places[place - 1][0].line + lines
    yield first, len(places) - 1
