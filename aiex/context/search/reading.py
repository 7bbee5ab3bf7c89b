"""Reads files into segments; the same functions serve this process and the workers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.extract import extract
from aiex.context.facts import FileFacts
from aiex.context.reading import Content, lost, read_content
from aiex.context.search.documents import to_documents
from aiex.context.search.segment import MOST_DOCUMENTS, File, Segment, Source, Span, to_segment, write_imports
from aiex.context.stores.segments import Seen
from aiex.errors import AiexError
from aiex.guard.sandbox.workers import Died, run_in_workers

if TYPE_CHECKING:
    from aiex.context.listing import FileEntry
    from aiex.guard.sandbox.files import Workspace

LARGEST_PIECE_BYTES = 8_000_000
"""Source for one segment of a worker: larger ones hold more memory."""
USUAL_PIECES = 16
"""Of more source than so many of them hold, they are larger: each segment costs every query some look-ups."""
SMALLEST_PIECE_BYTES = 400_000
"""Smaller ones take longer to hand out than they spare at the end."""
GROUP_FILES, GROUP_BYTES = 32, 500_000
"""Files that go through each step together: a step finds its code and tables in the processor's cache again, which
spares a tenth of the time. More would drive their trees out of it."""


class Piece(NamedTuple):
    """What a worker made of some files."""

    segment: Segment
    seen: list[Seen]
    failed: list[tuple[str, AiexError]]
    """Files that could not be read."""
    size_bytes: int


Read = Callable[[Sequence["FileEntry"]], Piece]


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
    symbols = facts.symbols
    spans = [
        Span(start, end, symbols[index].qualified, symbols[index].kind) if index >= 0 else Span(start, end, "", "")
        for start, end, index in to_documents(facts, lines)
    ]
    return Source(File(row.path, row.digest, write_imports(facts.imports)), lines, spans)


def read_pieces(
    workspace: "Workspace", entries: Sequence["FileEntry"], workers: int, limit_bytes: int
) -> Iterator[tuple[int, Piece]]:
    """Segments of many files, in worker processes when `workers` is above 1, with the number of files in each."""
    yield from hand_out(partial(read_piece, workspace, limit_bytes), entries, workers)


def hand_out(
    read: Read, entries: Sequence["FileEntry"], workers: int, *, most_bytes: int = LARGEST_PIECE_BYTES
) -> Iterator[tuple[int, Piece]]:
    """The same with another way to read.

    Args:
        most_bytes: Source for one segment.
    """
    if workers <= 1:
        for batch in _batches(entries, 1, most_bytes):
            yield len(batch), read(batch)
        return
    batches = list(_batches(entries, workers, most_bytes))
    for batch, piece in zip(batches, run_in_workers(read, batches, workers), strict=True):
        if not isinstance(piece, Died):
            yield len(batch), piece
            continue
        singles = [[entry] for entry in batch]  # one of them is too much for a parser; the others are read again
        for entry, single in zip(batch, run_in_workers(read, singles, 1), strict=True):
            yield 1, single if not isinstance(single, Died) else _nothing(entry, lost(single))


def _nothing(entry: "FileEntry", error: AiexError) -> Piece:
    return Piece(to_segment([]), [], [(entry.path, error)], entry.size_bytes)


def _batches(entries: Sequence["FileEntry"], workers: int, most_bytes: int) -> Iterator[list["FileEntry"]]:
    """Pieces of work that become smaller, so that all workers end at about the same time."""
    left = sum(map(_cost, entries))
    most_bytes = max(most_bytes, min(left // USUAL_PIECES, 4 * most_bytes))
    batch: list[FileEntry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += _cost(entry)
        if size >= min(max(2 * (left + size) // (3 * workers), SMALLEST_PIECE_BYTES), most_bytes):
            yield batch
            batch, size = [], 0
        left -= _cost(entry)
    if batch:
        yield batch


def _cost(entry: "FileEntry") -> int:
    """What reading a file takes, in bytes of source."""
    return entry.size_bytes + 1_000


def read_piece(workspace: "Workspace", limit_bytes: int, entries: Sequence["FileEntry"]) -> Piece:
    """The segment of some files."""
    sources: list[Source] = []
    return make_piece(
        workspace,
        entries,
        lambda contents: sources.extend(to_sources(contents, limit_bytes)),
        lambda: to_segment(fit_sources(sources)),
    )


def make_piece(
    workspace: "Workspace",
    entries: Sequence["FileEntry"],
    take_in: Callable[[Sequence[Content]], None],
    finish: Callable[[], Segment],
) -> Piece:
    """Read files, have them taken in, some at a time, and give the segment of those that could be read."""
    seen: list[Seen] = []
    failed: list[tuple[str, AiexError]] = []
    for group in _groups(entries):
        contents: list[Content] = []
        for entry in group:
            try:
                contents.append(read_content(workspace, entry))
            except AiexError as error:
                failed.append((entry.path, error))
        seen.extend(map(to_seen, contents))
        take_in(contents)
    return Piece(finish(), seen, failed, sum(entry.size_bytes for entry in entries))


def _groups(entries: Iterable["FileEntry"]) -> Iterator[list["FileEntry"]]:
    group: list[FileEntry] = []
    size = 0
    for entry in entries:
        if group and (len(group) == GROUP_FILES or size + entry.size_bytes > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.size_bytes
    if group:
        yield group


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
