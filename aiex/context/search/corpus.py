"""What a ranking asks of an index: documents by number, and where terms occur.

Files are numbered by their paths, and documents over all segments without those of dead files, so that what is ranked
does not depend on how the index came about.
"""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, compress, pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aiex.context.language import find_language
from aiex.context.search.segment import DEFINES, IMPORTS, PATHS, read_imports

if TYPE_CHECKING:
    from aiex.context.facts import Import
    from aiex.context.language import Language
    from aiex.context.search.index import Index, Live
    from aiex.context.search.quick import Both
    from aiex.context.stores.segments import Kinds, Names

T = TypeVar("T")

MOST_KEPT = 4_000
"""Terms whose postings are kept: about what twenty requests ask for, at most 10 MB on 30,000 files."""
MOST_IMPORTERS = 40
"""Of a file that more may import, none is named: each would tell little, and looking at all takes long."""


class Postings(NamedTuple):
    """Where a term occurs in one segment."""

    first: int
    """Number of the segment's first document; the others count from it."""
    documents: "array[int]"
    """Ascending, counted from `first`."""
    counts: bytes
    """How often the term occurs in each, at most 255."""


class Corpus:
    """A reading of the index as it is now; what is asked for is kept."""

    def __init__(self, index: "Index", source: "Both | None" = None) -> None:
        """Args:
        source: Where segments are read from, when it is not the index alone.
        """
        self.index = index
        self.source = source or index
        self.lives: list[Live] = sorted(self.source.segments(), key=lambda live: live.head.id)
        files = sorted(
            (path, place, number)
            for place, live in enumerate(self.lives)
            for number, (path, _) in enumerate(live.head.files)
            if number not in live.dead
        )
        self.paths: list[str] = [path for path, _, _ in files]
        self.numbers: dict[str, int] = {path: number for number, path in enumerate(self.paths)}
        self._origins = [(place, number) for _, place, number in files]
        self.alive = [_find_alive(live) for live in self.lives]
        self._moved = [None if alive is None else array("H", accumulate(alive, initial=0)) for alive in self.alive]
        """Number of each document among those that are alive, and at the end how many these are."""
        sizes = [
            len(live.head.owners) if moved is None else moved[-1]
            for live, moved in zip(self.lives, self._moved, strict=True)
        ]
        self.firsts = list(accumulate(sizes, initial=0))
        self._postings: dict[str, list[Postings]] = {}
        self._imports: dict[int, list[int]] = {}

    # --- documents --------------------------------------------------------------------------------------------------

    @property
    def document_count(self) -> int:
        """How many documents there are."""
        return self.firsts[-1]

    @cached_property
    def file_of(self) -> "array[int]":
        """File of each document."""
        found = array("I", [0]) * self.document_count
        for file, (first, last) in enumerate(zip(self.first_of, self.last_of, strict=True)):
            found[first:last] = array("I", [file]) * (last - first)
        return found

    @cached_property
    def starts(self) -> "array[int]":
        """First line of each document."""
        return _to_array("I", self._join([live.head.starts for live in self.lives]))

    @cached_property
    def ends(self) -> "array[int]":
        """Last line of each document."""
        return _to_array("I", self._join([live.head.ends for live in self.lives]))

    @cached_property
    def lengths(self) -> "array[int]":
        """Words in each document."""
        return _to_array("H", self._join([live.head.lengths for live in self.lives]))

    @cached_property
    def names(self) -> "_Told":
        """Qualified name of the definition each document is of; empty for what is in none."""
        return _Told(self, [live.head.names for live in self.lives])

    @cached_property
    def kinds(self) -> "_Told":
        """Kind of that definition."""
        return _Told(self, [live.head.kinds for live in self.lives])

    def _join(self, columns: Sequence[Sequence[T]]) -> Iterator[Iterable[T]]:
        """For each segment what a column says of the documents that are alive."""
        for column, alive in zip(columns, self.alive, strict=True):
            yield column if alive is None else compress(column, alive)

    @cached_property
    def first_of(self) -> "array[int]":
        """For each file the number of its first document; the others follow. Files without any repeat the next."""
        found = array("I", [0]) * len(self.paths)
        for number, (place, owner) in enumerate(self._origins):
            found[number] = self.firsts[place] + self._spans[place][owner]
        return found

    @cached_property
    def last_of(self) -> "array[int]":
        """For each file the number after its last document."""
        found = array("I", [0]) * len(self.paths)
        for number, (place, owner) in enumerate(self._origins):
            found[number] = self.firsts[place] + self._spans[place][owner + 1]
        return found

    @cached_property
    def _spans(self) -> list[list[int]]:
        """For each segment, where the documents of each of its files begin, and the end."""
        found: list[list[int]] = []
        for live in self.lives:
            owners, dead = live.head.owners, live.dead
            ends = [0, *(bisect_right(owners, number) for number in range(len(live.head.files)))]
            sizes = (0 if number in dead else end - start for number, (start, end) in enumerate(pairwise(ends)))
            found.append(list(accumulate(sizes, initial=0)))
        return found

    # --- postings ---------------------------------------------------------------------------------------------------

    def fetch(self, terms: Iterable[str]) -> None:
        """Read the postings of many terms at once."""
        missing = [term for term in dict.fromkeys(terms) if term not in self._postings]
        if not missing:
            return
        if len(self._postings) > MOST_KEPT:
            self._postings.clear()
        self._postings.update((term, []) for term in missing)
        found = self.source.find([live.head for live in self.lives], missing)
        for place, live in enumerate(self.lives):
            for term, packed in found[live.head.id].items():
                postings = self._unpack(place, *packed)
                if postings.documents:
                    self._postings[term].append(postings)

    def _unpack(self, place: int, packed: bytes, counts: bytes) -> Postings:
        documents = array("H", packed)
        alive, moved = self.alive[place], self._moved[place]
        if alive is not None and moved is not None:
            kept = [(moved[number], count) for number, count in zip(documents, counts, strict=True) if alive[number]]
            documents, counts = array("H", [number for number, _ in kept]), bytes([count for _, count in kept])
        return Postings(self.firsts[place], documents, counts)

    def postings(self, term: str) -> Sequence[Postings]:
        """Where a term occurs, by segment."""
        if term not in self._postings:
            self.fetch((term,))
        return self._postings[term]

    def in_paths(self, terms: Collection[str], limit: int) -> dict[str, list[int]]:
        """Files whose path has each of some terms, rare terms first, until there are so many files together."""
        self.fetch([PATHS + term for term in terms])
        known = ((term, self.postings(PATHS + term)) for term in terms)
        sized = sorted((sum(len(part.documents) for part in parts), term, parts) for term, parts in known if parts)
        owners = self.file_of
        found: dict[str, list[int]] = {}
        for size, term, parts in sized:
            limit -= size
            if limit < 0 and found:
                break
            found[term] = [owners[part.first + number] for part in parts for number in part.documents]
        return found

    def fetch_definitions(self, names: Iterable[str]) -> None:
        """Read where many identifiers are defined at once."""
        self.fetch([DEFINES + name for name in names])

    def definitions(self, name: str) -> list[int]:
        """Documents that define exactly this identifier (the last part of a qualified name)."""
        return [part.first + number for part in self.postings(DEFINES + name) for number in part.documents]

    # --- imports ----------------------------------------------------------------------------------------------------

    def imports(self, file: int) -> list[int]:
        """Files that a file imports, in order of its imports."""
        known = self._imports.get(file)
        if known is None:
            path = self.paths[file]
            language = self._language(path)
            found = [
                self.numbers[target]
                for item in (self._written_imports(file) if language is not None else ())
                for target in (language.resolve(item, path, self.index.paths) if language is not None else ())
                if target in self.numbers and target != path
            ]
            known = self._imports[file] = list(dict.fromkeys(found))
        return known

    def importers(self, file: int) -> list[int]:
        """Files that import a file, in path order; none when there are many."""
        path = self.paths[file]
        language = self._language(path)
        if language is None:
            return []
        names = sorted(language.names_of(path))
        words = [IMPORTS + name for name in names]
        self.fetch(words)
        near = {
            self.file_of[part.first + number]
            for word in words
            for part in self.postings(word)
            for number in part.documents
        }
        candidates = sorted(near - {file}, key=self.paths.__getitem__)
        if len(candidates) > MOST_IMPORTERS:
            return []
        return [candidate for candidate in candidates if self._does_import(candidate, path, names)]

    def _does_import(self, file: int, target: str, names: Sequence[str]) -> bool:
        """Whether one of the imports that have one of the names means a path; the others need not be looked at."""
        importer = self.paths[file]
        language = self._language(importer)
        if language is None:
            return False
        lines = [line for line in self._import_lines(file) if any(name in line for name in names)]
        items = read_imports("\n".join(lines))
        return any(target in language.resolve(item, importer, self.index.paths) for item in items)

    def _import_lines(self, file: int) -> list[str]:
        place, number = self._origins[file]
        return self._texts[place][number].split("\n")

    def _written_imports(self, file: int) -> "list[Import]":
        place, number = self._origins[file]
        return read_imports(self._texts[place][number])

    @cached_property
    def _texts(self) -> list[list[str]]:
        return [live.head.imports for live in self.lives]

    def _language(self, path: str) -> "Language | None":
        return find_language(path)


class _Told(dict[int, str]):
    """What a column says of each document that was asked for."""

    def __init__(self, corpus: Corpus, columns: "Sequence[Names | Kinds]") -> None:
        self._columns = columns
        self._firsts = corpus.firsts
        self._kept = [None if alive is None else list(compress(range(len(alive)), alive)) for alive in corpus.alive]

    def __missing__(self, number: int) -> str:
        place = bisect_right(self._firsts, number) - 1
        inner = number - self._firsts[place]
        kept = self._kept[place]
        text = self[number] = self._columns[place][inner if kept is None else kept[inner]]
        return text


def _find_alive(live: "Live") -> bytes | None:
    """For each document of a segment 1 when it is alive, else 0; None when all are."""
    return bytes(owner not in live.dead for owner in live.head.owners) if live.dead else None


def _to_array(kind: str, parts: "Iterable[Iterable[int]]") -> "array[int]":
    whole: array[int] = array(kind)
    for part in parts:
        whole.extend(part)  # of an array at once
    return whole
