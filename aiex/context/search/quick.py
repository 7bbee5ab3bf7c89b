"""A first map of a workspace, made in a fraction of the time that its parse takes, until the full index is there.

It is an index like the full one, in a file beside it, of segments made in another way: definitions are found by a scan,
and a piece has a word or has it not. A file counts as the full index has it, and as this one does where the full one
lacks it: so the full index may grow file by file, where requests look, and nothing is done twice.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, partial
from itertools import pairwise, repeat

from aiex.context.listing import FileEntry, Listing
from aiex.context.ranking.lowfiles import is_low
from aiex.context.reading import Content
from aiex.context.search.documents import LONGEST_LINES
from aiex.context.search.index import DEAD_SHARE, Index, Live
from aiex.context.search.reading import Gathering, Piece, hand_out
from aiex.context.search.scan import Place, scan
from aiex.context.search.segment import DEFINES, LONGEST_LENGTH, MOST_DOCUMENTS, File, Maker, Segment
from aiex.context.search.words import speak_path, split_parts
from aiex.context.stores.segments import Found, Head, SegmentStore
from aiex.context.workforce import is_much

SEGMENT_BYTES = 4_000_000
"""Source for one segment: what has many small definitions has more documents than it has when parsed."""
MOST_SEGMENTS = 128
"""With more, all are written anew as few."""
VERSION = 2
"""Raised when the same files would give other segments."""
SAID_BYTES = 600
"""Of each definition, comments above it included: what it is about is said at its beginning."""
SAID_ALONE_BYTES = 20 * SAID_BYTES
"""Of a file in which no definition was found."""
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

    def _read(self, entries: Sequence[FileEntry]) -> "Iterator[tuple[int, Piece | None]]":
        gathering = Gathering(self.workspace, partial(Scanning, self.limit_bytes), SEGMENT_BYTES)
        yield from hand_out(gathering, entries, self.workers if is_much(entries) else 1)

    def _choose(self, segments: list[Live]) -> list[Live]:
        """Only what is mostly dead is written anew, or everything when the segments are far too many."""
        chosen = [live for live in segments if live.dead_documents > DEAD_SHARE * len(live.head.owners)]
        if len(segments) > MOST_SEGMENTS:
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


class Scanning:
    """Takes in files without a parse."""

    def __init__(self, limit_bytes: int) -> None:
        """Args:
        limit_bytes: What is larger has no documents, as what is not text.
        """
        self._limit_bytes = limit_bytes
        self._maker = Maker(counted=False)

    def take_in(self, contents: Sequence[Content]) -> int:
        """Take in files; gives how many documents there are so far."""
        maker = self._maker
        found = [_find_places(content, self._limit_bytes) for content in contents]
        for content, places in zip(contents, found, strict=True):
            owner = maker.add_file(File(content.row.path, content.row.digest, ""))
            if places:
                numbers = _add_documents(maker, owner, places)
                _note_words(maker, content.row.path, _say(content.source, places), places, numbers)
        return len(maker.owners)

    def segment(self) -> Segment:
        """The segment of all files."""
        return self._maker.segment()


def _find_places(content: Content, limit_bytes: int) -> list[Place]:
    """Where the definitions of a file begin, and its end; nothing for one without documents."""
    source = content.source
    if not source or content.note or len(source) > limit_bytes:
        return []
    line_count = source.count(b"\n") + (not source.endswith(b"\n"))
    places = scan(source, content.language.name if content.language else "")
    return [*places, Place(len(source), line_count, "", b"", "")]


def _add_documents(maker: Maker, owner: int, places: Sequence[Place]) -> list[int]:
    """For each place the number of its document, the first of them where it takes several; the last place is the end.

    Places that do not fit into the segment are left out.
    """
    number = len(maker.owners)
    numbers = [number]
    for (_, start, name, _, kind), after in pairwise(places):
        pieces = -(-(after.line - start) // LONGEST_LINES)
        if number + pieces > MOST_DOCUMENTS:
            break
        begin = start
        for piece in range(pieces):
            end = begin + (after.line - begin) // (pieces - piece)
            maker.starts.append(begin + 1)
            maker.ends.append(end)
            maker.names.append(name)
            maker.kinds.append(kind)
            begin = end
        number += pieces
        numbers.append(number)
    maker.owners.extend(repeat(owner, number - numbers[0]))
    return numbers


def _say(source: bytes, places: Sequence[Place]) -> list[bytes]:
    """The beginning of what each place holds; of a file without definitions much more."""
    most = SAID_BYTES if len(places) > 2 else SAID_ALONE_BYTES
    starts = [place.start for place in places]
    return [source[start : min(start + most, end)] for start, end in pairwise(starts)]


def _note_words(
    maker: Maker, path: str, said: Sequence[bytes], places: Sequence[Place], numbers: Sequence[int]
) -> None:
    """Note the words of each block for its first document, and those of its name for each."""
    spoken = speak_path(path)
    if len(numbers) > 1:
        maker.mark_path(path, numbers[0])
    most = LOW_BLOCK_LINES if is_low(path) else BLOCK_LINES
    for first, after in _to_blocks(places[: len(numbers)], most):
        words = split_parts(b" ".join([spoken, *said[first:after]]))
        spoken = b""
        number, count = numbers[first], numbers[after] - numbers[first]
        maker.note(set(words), number)
        for (_, _, name, base, _), document in zip(places[first:after], numbers[first:after], strict=True):
            if name:
                maker.mark(DEFINES + name.rpartition(".")[2], document)
                if document > number and base.isalnum():
                    maker.note((base,), document)
        maker.lengths.append(min(len(words), LONGEST_LENGTH))
        maker.lengths.extend(repeat(min(len(words) // max(count, 1), LONGEST_LENGTH), count - 1))


def _to_blocks(places: Sequence[Place], lines: int) -> Iterator[tuple[int, int]]:
    """Ranges of neighbouring places of about so many lines together; what is longer is a block of its own."""
    first = 0
    end = lines
    for number, place in enumerate(places):
        if place.line > end and number - 1 > first:
            yield first, number - 1
            first, end = number - 1, places[number - 1].line + lines
    if len(places) > 1:
        yield first, len(places) - 1
