"""A corpus answers a ranking with what is alive alone, by numbers that follow the paths."""

from pathlib import Path

import pytest

from aiex.context.search.corpus import Corpus
from aiex.context.search.index import Index
from aiex.context.search.segment import to_segment
from tests.unit.context.search.indexes import OLD_NS, held_by, index_on, refresh, write
from tests.unit.context.search.sources import make_source

TREE = {
    "shop/__init__.py": "from shop.basket import Basket\n",
    "shop/basket.py": "from shop.prices import price_of\n\n\n"
    "class Basket:\n    def put(self, name):\n        return price_of(name)\n",
    "shop/prices.py": "def price_of(name):\n    return len(name)\n\n\ndef put(name):\n    return name\n",
    "web/app.js": 'import { total } from "./sum.js";\n\nexport function show(items) {\n  return total(items);\n}\n',
    "web/sum.js": "export function total(items) {\n  return items.length;\n}\n",
    "empty.py": "",
    "notes.bin": "\0\0",
}


@pytest.fixture
def index(tmp_path: Path) -> Index:
    for path, text in TREE.items():
        write(tmp_path, path, text)
    index = index_on(tmp_path)
    refresh(index)
    return index


def edit(index: Index) -> None:
    """Make segments in which something is dead, and something alive is out of order."""
    root = Path(index.workspace.root)
    write(root, "shop/prices.py", TREE["shop/prices.py"] + "\n\ndef added():\n    return put\n", OLD_NS + 1)
    refresh(index)
    write(root, "a_first.py", "from shop.prices import added\n\nadded()\n")
    (root / "web/app.js").unlink()
    refresh(index)


def documents_of(corpus: Corpus) -> dict[str, list[tuple[int, int, str, str, int]]]:
    columns = [corpus.starts, corpus.ends, corpus.names, corpus.kinds, corpus.lengths]
    return {
        path: [
            tuple(column[number] for column in columns)  # type: ignore[index,misc]
            for number in range(corpus.first_of[file], corpus.last_of[file])
        ]
        for file, path in enumerate(corpus.paths)
    }


def counts_of(corpus: Corpus, term: str) -> dict[int, int]:
    return {
        part.first + number: count
        for part in corpus.postings(term)
        for number, count in zip(part.documents, part.counts, strict=True)
    }


def paths_of(corpus: Corpus, numbers: list[int]) -> list[str]:
    return [corpus.paths[number] for number in numbers]


@pytest.mark.parametrize("edited", [False, True])
def test_documents_and_occurrences_are_those_of_the_files_now(index: Index, *, edited: bool):
    if edited:
        edit(index)
    held, corpus = held_by(index), Corpus(index)
    assert documents_of(corpus) == {path: [document[:5] for document in held[path]] for path in sorted(held)}
    expected: dict[str, dict[int, int]] = {}
    for file, path in enumerate(corpus.paths):
        for place, document in enumerate(held[path]):
            for term, count in document[5].items():
                expected.setdefault(term, {})[corpus.first_of[file] + place] = count
    corpus.fetch([*expected, "nothing"])
    assert {term: counts_of(corpus, term) for term in expected} == expected
    assert list(corpus.postings("nothing")) == []
    assert corpus.document_count == len(corpus.file_of) == len(corpus.ends) == len(corpus.starts)


def test_files_are_numbered_by_path_whatever_came_first(index: Index):
    edit(index)
    corpus = Corpus(index)
    assert corpus.paths == sorted(corpus.paths)
    assert corpus.numbers == {path: number for number, path in enumerate(corpus.paths)}
    assert "web/app.js" not in corpus.numbers


def test_documents_of_an_occurrence_ascend(index: Index):
    edit(index)
    corpus = Corpus(index)
    for term in ("put", "name", "added", ">shop"):
        for part in corpus.postings(term):
            assert list(part.documents) == sorted(part.documents)


def test_a_name_is_found_where_it_is_defined_under_any_class(index: Index):
    corpus = Corpus(index)
    found = [(corpus.paths[corpus.file_of[number]], corpus.names[number]) for number in corpus.definitions("put")]
    assert found == [("shop/basket.py", "Basket.put"), ("shop/prices.py", "put")]
    assert corpus.definitions("Put") == corpus.definitions("") == corpus.definitions("\udcff") == []


@pytest.mark.parametrize("edited", [False, True])
def test_imports_lead_both_ways(index: Index, *, edited: bool):
    if edited:
        edit(index)
    corpus = Corpus(index)
    files = corpus.numbers
    assert paths_of(corpus, corpus.imports(files["shop/basket.py"])) == ["shop/prices.py"]
    above = ["a_first.py", "shop/basket.py"] if edited else ["shop/basket.py"]
    assert paths_of(corpus, corpus.importers(files["shop/prices.py"])) == above
    assert paths_of(corpus, corpus.importers(files["web/sum.js"])) == ([] if edited else ["web/app.js"])
    for path in ("empty.py", "notes.bin"):
        assert (corpus.imports(files[path]), corpus.importers(files[path])) == ([], [])


def test_a_file_without_documents_has_none(index: Index):
    corpus = Corpus(index)
    for path in ("empty.py", "notes.bin"):
        file = corpus.numbers[path]
        assert corpus.first_of[file] == corpus.last_of[file]


def test_an_empty_index_answers_with_nothing(tmp_path: Path):
    corpus = Corpus(index_on(tmp_path))
    assert (corpus.paths, corpus.document_count, list(corpus.file_of), corpus.definitions("x")) == ([], 0, [], [])


def test_a_segment_of_the_dead_alone_is_as_if_it_were_not_there(index: Index):
    before = documents_of(Corpus(index))
    index.shelf.store.add(
        to_segment([make_source("gone.py", "put", ["put"]), make_source("shop/prices.py", "x", ["x"])])
    )
    corpus = Corpus(index)
    assert documents_of(corpus) == before
    assert corpus.definitions("x") == []
