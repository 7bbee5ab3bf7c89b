"""A corpus made of a few sources, in memory: the real documents and terms without a store."""

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from aiex.context.extract import extract
from aiex.context.language import find_language
from aiex.context.ranking.rank import Ranker, Result
from aiex.context.ranking.request import read_request
from aiex.context.ranking.signal import Hints
from aiex.context.search.documents import to_documents
from aiex.context.search.words import count_terms, speak_path


class Part(NamedTuple):
    first: int
    documents: "array[int]"
    counts: bytes


class Sources:
    """Answers what the ranking asks, for sources by path; imports are given by hand."""

    def __init__(self, sources: Mapping[str, str], imports: Mapping[str, Sequence[str]] | None = None) -> None:
        self.paths = sorted(sources)
        self.numbers = {path: number for number, path in enumerate(self.paths)}
        self.file_of: list[int] = []
        self.first_of: list[int] = []
        self.last_of: list[int] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.lengths: list[int] = []
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.terms: dict[str, dict[int, int]] = {}
        self.given = {
            self.numbers[path]: [self.numbers[name] for name in names] for path, names in (imports or {}).items()
        }
        for path in self.paths:
            self.take(path, sources[path].encode())

    def take(self, path: str, source: bytes) -> None:
        facts = extract(source, find_language(path))
        lines = source.split(b"\n")
        self.first_of.append(len(self.names))
        for start, end, symbol in to_documents(facts, lines):
            name = facts.symbols[symbol].qualified if symbol >= 0 else ""
            said = [path.rpartition(".")[0].encode(), *lines[start - 1 : end], name.encode(), name.encode()]
            terms = count_terms(b"\n".join(said))
            for term, count in terms.items():
                self.terms.setdefault(term, {})[len(self.names)] = count
            self.file_of.append(self.numbers[path])
            self.starts.append(start)
            self.ends.append(end)
            self.lengths.append(terms.total())
            self.names.append(name)
            self.kinds.append(facts.symbols[symbol].kind if symbol >= 0 else "")
        self.last_of.append(len(self.names))

    @property
    def document_count(self) -> int:
        return len(self.names)

    def fetch(self, terms: Iterable[str]) -> None:
        pass

    def postings(self, term: str) -> Sequence[Part]:
        found = self.terms.get(term)
        return [Part(0, array("I", found), bytes(found.values()))] if found else []

    def in_paths(self, terms: Collection[str], limit: int) -> dict[str, list[int]]:
        spoken = [count_terms(speak_path(path)) for path in self.paths]
        return {term: [number for number, said in enumerate(spoken) if term in said] for term in terms}

    def fetch_definitions(self, names: Iterable[str]) -> None:
        pass

    def definitions(self, name: str) -> list[int]:
        return [number for number, known in enumerate(self.names) if known.rpartition(".")[2] == name]

    def imports(self, file: int) -> Sequence[int]:
        return self.given.get(file, ())

    def importers(self, file: int) -> Sequence[int]:
        return [other for other, known in sorted(self.given.items()) if file in known]


def ask(corpus: Sources, text: str, hints: Hints | None = None, without: Sequence[str] = ()) -> list[Result]:
    return Ranker(corpus).rank(read_request(text), hints=hints, without=without)


def files(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(result.path for result in results))
