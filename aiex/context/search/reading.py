"""Reads files into segments; the same functions serve this process and the workers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from aiex.context.extract import extract
from aiex.context.facts import FileFacts, make_plainly
from aiex.context.portions import in_portions
from aiex.context.reading import Content, lost, read_content
from aiex.context.search.documents import to_documents
from aiex.context.search.segment import MOST_DOCUMENTS, File, Segment, Source, Span, to_segment, write_imports
from aiex.context.stores.segments import Seen
from aiex.errors import AiexError
from aiex.guard.sandbox.workers import Died, gather_in_workers, run_in_workers

if TYPE_CHECKING:
    from aiex.context.listing import FileEntry
    from aiex.guard.sandbox.files import Workspace

SEGMENT_BYTES = 8_000_000
"""Source for one segment: larger ones hold more memory while they are made."""
USUAL_SEGMENTS = 16
"""Of more source than so many of them hold, they are larger: each segment costs every query some look-ups."""
SEGMENT_DOCUMENTS = MOST_DOCUMENTS * 4 // 5
"""With so many a segment is done, whatever its source."""
LARGEST_BATCH_BYTES, SMALLEST_BATCH_BYTES = 1_000_000, 100_000
"""What is handed out at a time: much at first, little at the end, so that all workers end together."""
GROUP_FILES, GROUP_BYTES = 32, 500_000
"""Files that go through each step together: a step finds its code and tables in the processor's cache again, which
spares a tenth of the time. More would drive their trees out of it."""


class Piece(NamedTuple):
    """What came of some files."""

    segment: Segment
    seen: list[Seen]
    failed: list[tuple[str, AiexError]]
    """Files that could not be read."""


class Taker(Protocol):
    """Makes one segment of files."""

    def take_in(self, contents: Sequence[Content]) -> int:
        """Take in files; gives how many documents there are so far."""

    def segment(self) -> Segment:
        """The segment of all files."""


class Gathering:
    """Reads files and makes segments of them."""

    def __init__(self, workspace: "Workspace", begin: Callable[[], Taker], segment_bytes: int = SEGMENT_BYTES) -> None:
        """Args:
        begin: Begins a segment.
        segment_bytes: Source for one.
        """
        self._workspace = workspace
        self._begin = begin
        self._segment_bytes = segment_bytes
        self._start()

    def _start(self) -> None:
        self._taker = self._begin()
        self._seen: list[Seen] = []
        self._failed: list[tuple[str, AiexError]] = []
        self._size = 0

    def take(self, entries: Sequence["FileEntry"]) -> Piece | None:
        """Read files; gives a segment of these and all before them when they are enough."""
        documents = 0
        for group in in_portions(entries, attrgetter("size_bytes"), most=GROUP_FILES, most_bytes=GROUP_BYTES):
            contents: list[Content] = []
            for entry in group:
                try:
                    contents.append(read_content(self._workspace, entry))
                except AiexError as error:
                    self._failed.append((entry.path, error))
            self._seen.extend(map(to_seen, contents))
            self._size += sum(entry.size_bytes for entry in group)
            documents = self._taker.take_in(contents)
        is_enough = self._size >= self._segment_bytes or documents >= SEGMENT_DOCUMENTS
        return self.finish() if is_enough else None

    def finish(self) -> Piece | None:
        """The segment of what is in none yet; None without any files."""
        if not self._seen and not self._failed:
            return None
        piece = Piece(self._taker.segment(), self._seen, self._failed)
        self._start()
        return piece

    def read_alone(self, entries: Sequence["FileEntry"]) -> Piece | None:
        """Make one segment of files."""
        return self.take(entries) or self.finish()


class Parsing:
    """Takes in files by a parse."""

    def __init__(self, limit_bytes: int) -> None:
        """Args:
        limit_bytes: What is larger is known by its path in the listing alone, as what is not text.
        """
        self._limit_bytes = limit_bytes
        self._sources: list[Source] = []
        self._documents = 0

    def take_in(self, contents: Sequence[Content]) -> int:
        """Take in files; gives how many documents there are so far."""
        sources = to_sources(contents, self._limit_bytes)
        self._sources += sources
        self._documents += sum(len(source.spans) for source in sources)
        return self._documents

    def segment(self) -> Segment:
        """The segment of all files."""
        return to_segment(fit_sources(self._sources))


def to_seen(content: Content) -> Seen:
    """What was seen of a file that was just read."""
    return Seen(*content.row[:6])


def to_sources(contents: Iterable[Content], limit_bytes: int) -> list[Source]:
    """Files and their documents, for a segment.

    What is not text or larger than `limit_bytes` has none: it is known by its path in the listing alone.
    """
    found = [(content, _read_names(content, limit_bytes)) for content in contents]
    return [_to_source(content, facts) for content, facts in found]


def _read_names(content: Content, limit_bytes: int) -> FileFacts | None:
    if content.note or len(content.source) > limit_bytes:
        return None
    return extract(content.source, content.language, uses=False, names_only=True, limit_bytes=limit_bytes)


def _to_source(content: Content, facts: FileFacts | None) -> Source:
    row = content.row
    if facts is None:
        return Source(File(row.path, row.digest, ""), (), ())
    lines = content.source.split(b"\n")
    told: list[tuple[str, str]] = [(symbol.qualified, symbol.kind) for symbol in facts.symbols]
    told.append(("", ""))  # of what is in no symbol, which has the index -1
    spans = [make_plainly(Span, (start, end, *told[index])) for start, end, index in to_documents(facts, lines)]
    return Source(File(row.path, row.digest, write_imports(facts.imports)), lines, spans)


def read_pieces(
    workspace: "Workspace", entries: Sequence["FileEntry"], workers: int, limit_bytes: int
) -> Iterator[tuple[int, Piece | None]]:
    """Read many files, in worker processes when `workers` is above 1.

    Gives for how many more files the work is done, and now and then a segment.
    """
    size = max(SEGMENT_BYTES, min(sum(map(_cost, entries)) // USUAL_SEGMENTS, 4 * SEGMENT_BYTES))
    yield from hand_out(Gathering(workspace, partial(Parsing, limit_bytes), size), entries, workers)


def hand_out(gathering: Gathering, entries: Sequence["FileEntry"], workers: int) -> Iterator[tuple[int, Piece | None]]:
    """The same with another way to read."""
    batches = list(_batches(entries, workers))
    if workers <= 1:
        for batch in batches:
            yield len(batch), gathering.take(batch) if batch is not batches[-1] else gathering.read_alone(batch)
        return
    left = {number: len(batch) for number, batch in enumerate(batches)}
    for number, piece in gather_in_workers(gathering, batches, workers):
        count = left.pop(number, 0)  # a batch may come again
        if not isinstance(piece, Died):
            yield count, piece
            continue
        singles = [[entry] for entry in batches[number]]  # one is too much for a parser; the others are read again
        for entry, single in zip(batches[number], run_in_workers(gathering.read_alone, singles, 1), strict=True):
            alone = _nothing(entry, lost(single)) if isinstance(single, Died) else single
            yield min(count, 1), alone


def _nothing(entry: "FileEntry", error: AiexError) -> Piece:
    return Piece(to_segment([]), [], [(entry.path, error)])


def _batches(entries: Sequence["FileEntry"], workers: int) -> Iterator[list["FileEntry"]]:
    left = sum(map(_cost, entries))
    batch: list[FileEntry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += _cost(entry)
        if size >= min(max((left + size) // (4 * workers), SMALLEST_BATCH_BYTES), LARGEST_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        left -= _cost(entry)
    if batch:
        yield batch


def _cost(entry: "FileEntry") -> int:
    """What reading a file takes, in bytes of source."""
    return entry.size_bytes + 1_000


def fit_sources(sources: Sequence[Source]) -> Sequence[Source]:
    """Sources with no more documents than a segment holds: where there are more, neighbours are put together.

    A document of several definitions has the name of the first.
    """
    count = sum(len(source.spans) for source in sources)
    if count <= MOST_DOCUMENTS:
        return sources
    share = (MOST_DOCUMENTS - len(sources)) / count
    return [source._replace(spans=_put_together(source.spans, int(len(source.spans) * share))) for source in sources]


def _put_together(spans: Sequence[Span], count: int) -> list[Span]:
    """At most so many, or one."""
    size = -(-len(spans) // max(count, 1)) or 1
    runs = (spans[start : start + size] for start in range(0, len(spans), size))
    return [run[0]._replace(end_line=run[-1].end_line) for run in runs]
