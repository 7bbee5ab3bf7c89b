"""What a ranking asks of an index: documents by number, and where terms occur.

Documents and files are numbered over all segments. Files that are dead have no number, and their documents occur in no
postings.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.language import find_language
from aiex.context.search.segment import DEFINES, IMPORTS, read_imports

if TYPE_CHECKING:
    from aiex.context.facts import Import
    from aiex.context.language import Language
    from aiex.context.search.index import Index, Live

NO_FILE = 0xFFFFFFFF
"""In `file_of`: the document is of a dead file."""
MOST_IMPORTERS = 200
"""Files looked into for those that import one; a more popular file is answered for the first ones."""


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

    def __init__(self, index: "Index") -> None:
        self.index = index
        self.lives: list[Live] = sorted(index.segments(), key=lambda live: live.head.id)
        self.firsts = list(accumulate((len(live.head.owners) for live in self.lives), initial=0))
        self.paths: list[str] = []
        self.numbers: dict[str, int] = {}
        self.file_of = array("I")
        self._origins: list[tuple[int, int]] = []
        self._alive: list[bytes | None] = []
        self._postings: dict[str, list[Postings]] = {}
        self._imports: dict[int, list[int]] = {}
        for place, live in enumerate(self.lives):
            self._take(place, live)

    def _take(self, place: int, live: "Live") -> None:
        numbers: list[int] = []
        for number, (path, _) in enumerate(live.head.files):
            if number in live.dead:
                numbers.append(NO_FILE)
                continue
            numbers.append(len(self.paths))
            self.numbers[path] = len(self.paths)
            self.paths.append(path)
            self._origins.append((place, number))
        owners = live.head.owners
        self.file_of.extend(map(numbers.__getitem__, owners))
        self._alive.append(bytes(owner not in live.dead for owner in owners) if live.dead else None)

    # --- documents --------------------------------------------------------------------------------------------------

    @property
    def document_count(self) -> int:
        """How many numbers there are; those of dead files are among them."""
        return self.firsts[-1]

    @cached_property
    def starts(self) -> "array[int]":
        """First line of each document."""
        return _joined("I", [live.head.starts for live in self.lives])

    @cached_property
    def ends(self) -> "array[int]":
        """Last line of each document."""
        return _joined("I", [live.head.ends for live in self.lives])

    @cached_property
    def lengths(self) -> "array[int]":
        """Words in each document."""
        return _joined("H", [live.head.lengths for live in self.lives])

    @cached_property
    def names(self) -> list[str]:
        """Qualified name of the definition each document is of; empty for what is in none."""
        return [name for live in self.lives for name in live.head.names]

    @cached_property
    def kinds(self) -> list[str]:
        """Kind of that definition."""
        return [kind for live in self.lives for kind in live.head.kinds]

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
            sizes = [0] * len(live.head.files)
            for owner in live.head.owners:
                sizes[owner] += 1
            found.append(list(accumulate(sizes, initial=0)))
        return found

    # --- postings ---------------------------------------------------------------------------------------------------

    def fetch(self, terms: Iterable[str]) -> None:
        """Read the postings of many terms at once."""
        missing = [term for term in dict.fromkeys(terms) if term not in self._postings]
        if not missing:
            return
        self._postings.update((term, []) for term in missing)
        for place, live in enumerate(self.lives):
            for term, found in self._find(live.head.id, missing).items():
                postings = self._unpack(place, *found)
                if postings.documents:
                    self._postings[term].append(postings)

    def _find(self, segment: int, terms: list[str]) -> dict[str, tuple[bytes, bytes]]:
        nothing: dict[str, tuple[bytes, bytes]] = {}
        return self.index.ask_store(lambda store: store.find(segment, terms), nothing)

    def _unpack(self, place: int, packed: bytes, counts: bytes) -> Postings:
        documents = array("H", packed)
        alive = self._alive[place]
        if alive is not None:
            kept = [(number, count) for number, count in zip(documents, counts, strict=True) if alive[number]]
            documents, counts = array("H", [number for number, _ in kept]), bytes([count for _, count in kept])
        return Postings(self.firsts[place], documents, counts)

    def postings(self, term: str) -> Sequence[Postings]:
        """Where a term occurs, by segment."""
        self.fetch((term,))
        return self._postings[term]

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
        """Files that import a file, in path order."""
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
        candidates = sorted(near - {file}, key=self.paths.__getitem__)[:MOST_IMPORTERS]
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


def _joined(kind: str, parts: "Iterable[array[int]]") -> "array[int]":
    whole: array[int] = array(kind)
    for part in parts:
        whole.extend(part)
    return whole
