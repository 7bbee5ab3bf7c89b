"""A segment: the documents of some files and, for each term, where it occurs. Made once, then only read.

All of it is flat bytes, which cost little to send between processes, to store, and to take apart again. A document is
named by its number inside the segment, which takes two bytes; that bounds a segment to 65,535 documents.
"""

import re
from array import array
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, chain, repeat
from sys import byteorder
from typing import NamedTuple, TypeVar

from aiex.context.facts import Import
from aiex.context.search.words import speak_path, spell_once, split_words

MOST_DOCUMENTS = 65_535
HIGHEST_COUNT = 255
LONGEST_LENGTH = 65_535
FEW = 20
"""A word that occurs so rarely is mostly once in each document."""
NAME_WEIGHT = 2
"""How often the name of its definition counts in a document, beside where it is written."""
_NAME = re.compile(r"\w+")
DEFINES = "="
"""Before a term: the documents that define exactly this identifier."""
IMPORTS = ">"
"""Before a term: the first documents of the files that name this word in an import."""


PATHS = "/"
"""Before a term: the first documents of the files whose path has it."""


class Span(NamedTuple):
    """A document of a file, with the definition it is about."""

    start_line: int
    end_line: int
    name: str
    """Qualified; empty for what is in no definition."""
    kind: str


class File(NamedTuple):
    """A file as it was taken in."""

    path: str
    digest: str
    imports: str
    """Its imports as `write_imports` gives them."""


class Source(NamedTuple):
    """A file to be taken into a segment."""

    file: File
    lines: Sequence[bytes]
    """Its source without line ends."""
    spans: Sequence[Span]


class Segment(NamedTuple):
    """Documents in the order of `files` and lines; `terms` is sorted."""

    files: tuple[File, ...]
    owners: bytes
    """Number of its file for each document, two bytes each, in the machine's order as all numbers here."""
    starts: bytes
    """First line, four bytes."""
    ends: bytes
    """Last line, four bytes."""
    lengths: bytes
    """Words in it, two bytes."""
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    terms: tuple[str, ...]
    sizes: bytes
    """Documents with each term, four bytes."""
    documents: bytes
    """Their numbers, two bytes, term after term."""
    counts: bytes
    """How often the term occurs in each, one byte."""

    def postings(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Each term with its documents and counts."""
        ends = list(accumulate(array("I", self.sizes), initial=0))
        for term, start, end in zip(self.terms, ends, ends[1:], strict=False):
            yield term, self.documents[2 * start : 2 * end], self.counts[start:end]


def to_segment(sources: Iterable[Source]) -> Segment:
    """The segment of some files; of more documents than fit, the last are left out."""
    maker = Maker()
    for source in sources:
        _take_in(maker, source)
    return maker.segment()


def _take_in(maker: "Maker", source: Source) -> None:
    owner, first = maker.add_file(source.file), len(maker.owners)
    path = speak_path(source.file.path)
    for span in source.spans[: MOST_DOCUMENTS - first]:
        number = maker.add_document(owner, span)
        said = [path, *source.lines[span.start_line - 1 : span.end_line]]
        if span.name:
            said += [span.name.encode("utf-8", "surrogateescape")] * NAME_WEIGHT
            maker.mark(DEFINES + span.name.rpartition(".")[2], number)
        words = split_words(b" ".join(said))
        maker.lengths.append(min(len(words), LONGEST_LENGTH))
        maker.note(words, number)
    if len(maker.owners) > first:
        maker.mark_path(source.file.path, first)
        for word in imported_words(source.file.imports):
            maker.mark(IMPORTS + word, first)


class Maker:
    """Takes documents in word by word, and makes terms of the words once for all at the end."""

    def __init__(self, *, counted: bool = True) -> None:
        """Args:
        counted: Whether it is kept how often a document has a term; else it has it once.
        """
        self.counted = counted
        self.files: list[File] = []
        self.owners, self.lengths = array("H"), array("H")
        self.starts, self.ends = array("I"), array("I")
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.words = _Numbers[bytes]()
        """For each word the documents that have it, as often as they have it."""
        self.marks = _Numbers[str]()
        """Documents of definitions and imports."""

    def add_file(self, file: File) -> int:
        """Take in a file; gives its number."""
        self.files.append(file)
        return len(self.files) - 1

    def add_document(self, owner: int, span: Span) -> int:
        """Take in a document of a file; gives its number. Its length is to be told in `lengths`."""
        self.owners.append(owner)
        self.starts.append(span[0])
        self.ends.append(span[1])
        self.names.append(span[2])
        self.kinds.append(span[3])
        return len(self.owners) - 1

    def note(self, words: Iterable[bytes], number: int) -> None:
        """Say that a document has words; documents come in order."""
        deque(map(list.append, map(self.words.__getitem__, words), repeat(number)), maxlen=0)  # a loop in C

    def mark(self, term: str, number: int) -> None:
        """Say that a document has a term; once for each."""
        known = self.marks[term]
        if not known or known[-1] != number:
            known.append(number)

    def mark_path(self, path: str, number: int) -> None:
        """Say what the path of a file says, for its first document."""
        for term in dict.fromkeys(chain.from_iterable(map(spell_once, split_words(speak_path(path))))):
            self.mark(PATHS + term, number)

    def segment(self) -> Segment:
        """Everything taken in so far."""
        places: dict[str, list[list[int]]] = {term: [numbers] for term, numbers in self.marks.items()}
        for word, numbers in self.words.items():
            for term in spell_once(word):
                if term in places:
                    places[term].append(numbers)
                else:
                    places[term] = [numbers]
        terms = sorted(places)
        lists = map(places.__getitem__, terms)
        sizes, documents, counts = _count(lists) if self.counted else _unite(lists)
        return Segment(
            tuple(self.files),
            self.owners.tobytes(),
            self.starts.tobytes(),
            self.ends.tobytes(),
            self.lengths.tobytes(),
            tuple(self.names),
            tuple(self.kinds),
            tuple(terms),
            sizes.tobytes(),
            documents.tobytes(),
            counts,
        )


_Said = TypeVar("_Said", str, bytes)


class _Numbers(dict[_Said, list[int]]):
    """A list for each word or term."""

    def __missing__(self, said: _Said) -> list[int]:
        numbers: list[int] = []
        self[said] = numbers
        return numbers


_Postings = tuple["array[int]", "array[int]", bytes]
"""Sizes, documents and counts."""


def _count(lists: Iterable[list[list[int]]]) -> _Postings:
    """The postings of terms by the documents of each of their words."""
    documents: list[int] = []
    counts, sizes = bytearray(), array("I")
    found = Counter[int]()  # one for all: it takes a microsecond to make
    for parts in lists:
        numbers = parts[0] if len(parts) == 1 else sorted(chain.from_iterable(parts))
        size = len(numbers)
        if size == 1 or (size < FEW and len(set(numbers)) == size):
            documents += numbers
            counts += b"\1" * size
            sizes.append(size)
            continue
        found.update(numbers)
        documents += found
        counts += _to_bytes(found.values())
        sizes.append(len(found))
        found.clear()
    return sizes, _halve(array("I", documents)), bytes(counts)


def _halve(numbers: "array[int]") -> "array[int]":
    """Two-byte numbers of four-byte ones: an array of two bytes takes three times as long to make of a list."""
    return array("H", numbers.tobytes())[0 if byteorder == "little" else 1 :: 2]


def _unite(lists: Iterable[list[list[int]]]) -> _Postings:
    """The same for words that a document has once."""
    documents: list[int] = []
    sizes = array("I")
    for parts in lists:
        numbers = parts[0] if len(parts) == 1 else sorted({*chain.from_iterable(parts)})
        documents += numbers
        sizes.append(len(numbers))
    return sizes, _halve(array("I", documents)), b"\1" * len(documents)


def _to_bytes(counts: Collection[int]) -> bytes:
    try:
        return bytes(counts)
    except ValueError:
        return bytes(min(count, HIGHEST_COUNT) for count in counts)


def join_segments(segments: Sequence[Segment], dead: Sequence[Collection[int]] = ()) -> Segment:
    """One segment of several, together of at most `MOST_DOCUMENTS` documents.

    Args:
        dead: For each segment the numbers of files to leave out; none are left out without it.
    """
    if len(segments) == 1 and not any(dead):
        return segments[0]
    if any(dead):
        segments = [
            without_files(segment, gone) if gone else segment for segment, gone in zip(segments, dead, strict=True)
        ]
    lists: dict[str, list[tuple[bytes, bytes]]] = {}
    base, file_base = 0, 0
    owners = bytearray()
    for segment in segments:
        moved = _add(segment.documents, base)
        for term, documents, counts in segment._replace(documents=moved).postings():
            known = lists.get(term)
            if known is None:
                lists[term] = [(documents, counts)]
            else:
                known.append((documents, counts))
        owners += _add(segment.owners, file_base)
        base += len(segment.names)
        file_base += len(segment.files)
    terms = sorted(lists)
    pieces = [lists[term] for term in terms]
    return Segment(
        tuple(file for segment in segments for file in segment.files),
        bytes(owners),
        b"".join([segment.starts for segment in segments]),
        b"".join([segment.ends for segment in segments]),
        b"".join([segment.lengths for segment in segments]),
        tuple(name for segment in segments for name in segment.names),
        tuple(kind for segment in segments for kind in segment.kinds),
        tuple(terms),
        array("I", [sum([len(counts) for _, counts in piece]) for piece in pieces]).tobytes(),
        b"".join([documents for piece in pieces for documents, _ in piece]),
        b"".join([counts for piece in pieces for _, counts in piece]),
    )


def _add(numbers: bytes, amount: int) -> bytes:
    """Two-byte numbers, each raised by an amount; none may pass 65,535. One addition of long integers does it."""
    if not amount or not numbers:
        return numbers
    step = int.from_bytes(amount.to_bytes(2, byteorder) * (len(numbers) // 2), byteorder)
    return (int.from_bytes(numbers, byteorder) + step).to_bytes(len(numbers), byteorder)


def without_files(segment: Segment, gone: Collection[int]) -> Segment:
    """The same segment without the documents of some files."""
    owners = array("H", segment.owners)
    kept = [number for number, owner in enumerate(owners) if owner not in gone]
    files = [number for number in range(len(segment.files)) if number not in gone]
    new_file = {old: new for new, old in enumerate(files)}
    new_document = {old: new for new, old in enumerate(kept)}
    starts, ends, lengths = array("I", segment.starts), array("I", segment.ends), array("H", segment.lengths)
    terms: list[str] = []
    sizes, documents, counts = array("I"), array("H"), bytearray()
    for term, held, told in segment.postings():
        before = len(documents)
        for number, count in zip(array("H", held), told, strict=True):
            if number in new_document:
                documents.append(new_document[number])
                counts.append(count)
        if len(documents) > before:
            terms.append(term)
            sizes.append(len(documents) - before)
    return Segment(
        tuple(segment.files[number] for number in files),
        array("H", [new_file[owners[number]] for number in kept]).tobytes(),
        array("I", [starts[number] for number in kept]).tobytes(),
        array("I", [ends[number] for number in kept]).tobytes(),
        array("H", [lengths[number] for number in kept]).tobytes(),
        tuple(segment.names[number] for number in kept),
        tuple(segment.kinds[number] for number in kept),
        tuple(terms),
        sizes.tobytes(),
        documents.tobytes(),
        bytes(counts),
    )


def write_imports(imports: Iterable[Import]) -> str:
    """Imports as lines of kind, module and names, for `read_imports`."""
    lines = ("\t".join((item.kind, item.module, *(name for name, _ in item.names))) for item in imports)
    return "\n".join(dict.fromkeys(line for line in lines if "\n" not in line and "\0" not in line))


def imported_words(text: str) -> list[str]:
    """The words in what `write_imports` gave, each once, without the kinds."""
    said = [line.partition("\t")[2] for line in text.split("\n")]
    return list(dict.fromkeys(_NAME.findall("\n".join(said))))


def read_imports(text: str) -> list[Import]:
    """The imports in what `write_imports` gave, without places and local names."""
    if not text:
        return []
    found = (line.split("\t") for line in text.split("\n"))
    return [Import(module, tuple((name, name) for name in names), "", 0, kind) for kind, module, *names in found]
