import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import pytest

from aiex.context.retrieval import FIRST_FILES, Retrieval
from aiex.context.search.corpus import Corpus
from aiex.context.search.index import Index
from aiex.context.search.quick import SAID_BYTES, Both, QuickIndex
from aiex.context.search.words import stem
from tests.unit.context.search.indexes import index_on, write

NEWER_NS = 1_600_000_100_000_000_000


def tree(root: Path, files: int = 3) -> Path:
    for number in range(files):
        write(
            root,
            f"shop/part{number}.py",
            f"class Part{number}:\n    def weigh(self):\n        return kilos * {number}\n",
        )
    write(root, "shop/basket.py", '"""Holds wares."""\n\n\ndef add_ware(basket, ware):\n    basket.append(ware)\n')
    return root


def quick_on(root: Path, store: Path | None = None, workers: int = 1) -> QuickIndex:
    return QuickIndex(index_on(root, store, workers=workers))


def mapped(index: Index) -> dict[str, list[tuple[int, int, str]]]:
    """The pieces of each file that an index has."""
    pieces: dict[str, list[tuple[int, int, str]]] = {}
    for head, dead in index.segments():
        for owner, start, end, name in zip(head.owners, head.starts, head.ends, head.names, strict=True):
            if owner not in dead:
                pieces.setdefault(head.files[owner][0], []).append((start, end, name))
    return pieces


def corpus_of(quick: QuickIndex) -> Corpus:
    return Corpus(quick.full, Both(quick.full, quick))


def files_with(corpus: Corpus, term: str) -> set[str]:
    return {
        corpus.paths[corpus.file_of[part.first + number]] for part in corpus.postings(term) for number in part.documents
    }


def test_the_map_has_names_words_and_lines_without_a_parse(tmp_path: Path) -> None:
    quick = quick_on(tree(tmp_path / "code"))
    assert [progress.total for progress in quick.refresh()][-1] == 4
    assert mapped(quick)["shop/part1.py"] == [(1, 1, "Part1"), (2, 3, "Part1.weigh")]
    corpus = corpus_of(quick)
    assert files_with(corpus, stem("ware")) == {"shop/basket.py"}
    assert {corpus.names[number] for number in corpus.definitions("weigh")} == {f"Part{n}.weigh" for n in range(3)}
    assert quick.full.heads() == []


def test_identifiers_are_known_by_their_parts_and_long_definitions_by_their_beginning(tmp_path: Path) -> None:
    long = "def weigh():\n    kilo_grams = 1\n" + "    filler = 1\n" * SAID_BYTES + "    hidden = 1\n"
    write(tmp_path / "code", "shop.py", f"{long}\ndef last():\n    return getParcel\n")
    write(tmp_path / "code", "wares.txt", "filler\n" * 800 + "hidden\n")
    quick = quick_on(tmp_path / "code")
    list(quick.refresh())
    corpus = corpus_of(quick)
    assert files_with(corpus, stem("grams")) == files_with(corpus, "parcel") == {"shop.py"}
    assert files_with(corpus, stem("hidden")) == {"wares.txt"}, "without definitions much more of a file counts"


@pytest.mark.parametrize("source", [b"", b"\n", b"a", b"a\n" * 1_000, b"def f():\n" + b"    a\n" * 99, b"\xff\xfea"])
def test_every_line_is_in_one_piece(tmp_path: Path, source: bytes) -> None:
    write(tmp_path / "code", "a.py", source)
    quick = quick_on(tmp_path / "code")
    list(quick.refresh())
    pieces = mapped(quick).get("a.py", [])
    ends = [0, *(end for _, end, _ in pieces)]
    assert [start for start, _, _ in pieces] == [end + 1 for end in ends[:-1]]
    assert ends[-1] == len(source.splitlines())


def test_several_workers_give_the_same_map(tmp_path: Path) -> None:
    root = tmp_path / "code"
    for number in range(60):
        write(root, f"part{number}.py", "".join(f"def take{line}(a):\n    return a + {line}\n" for line in range(900)))
    alone, together = quick_on(root), quick_on(root, workers=2)
    list(alone.refresh()), list(together.refresh())
    assert mapped(alone) == mapped(together)
    one, other = corpus_of(alone), corpus_of(together)
    assert len(together.heads()) > 1
    for term in ("take7", "tak", "part3", "=take7"):
        assert files_with(one, term) == files_with(other, term) != set()


def test_a_changed_file_is_scanned_alone(tmp_path: Path) -> None:
    root, store = tree(tmp_path / "code"), tmp_path / "index.db"
    list(quick_on(root, store).refresh())
    write(root, "shop/part1.py", "def carry():\n    pass\n", NEWER_NS)
    os.remove(root / "shop/part2.py")
    quick = quick_on(root, store)
    assert [progress.total for progress in quick.refresh()][-1] == 1
    assert sorted(mapped(quick)) == ["shop/basket.py", "shop/part0.py", "shop/part1.py"]
    assert files_with(corpus_of(quick), "carry") == {"shop/part1.py"}
    assert list(quick.refresh()) == []


def test_what_the_full_index_has_counts_once(tmp_path: Path) -> None:
    quick = quick_on(tree(tmp_path / "code"), tmp_path / "index.db")
    list(quick.refresh())
    quick.full.take_in(["shop/part1.py"])
    assert sorted(mapped(quick.full)) == ["shop/part1.py"]
    corpus = corpus_of(quick)
    assert sorted(corpus.paths) == sorted(mapped(quick))
    assert sum(len(part.documents) for part in corpus.postings("=Part1")) == 1
    sizes = list(accumulate(last - first for first, last in zip(corpus.first_of, corpus.last_of, strict=True)))
    assert sizes[-1] == corpus.document_count == len(corpus.starts)


def test_what_the_full_index_has_is_not_scanned(tmp_path: Path) -> None:
    quick = quick_on(tree(tmp_path / "code"), tmp_path / "index.db")
    quick.full.take_in(["shop/part1.py"])
    list(quick.refresh())
    assert "shop/part1.py" not in mapped(quick)
    assert len(corpus_of(quick).paths) == 4


def test_a_small_repository_gets_its_full_index(tmp_path: Path) -> None:
    retrieval = Retrieval(index_on(tree(tmp_path / "code"), tmp_path / "index.db"))
    list(retrieval.prepare())
    assert not retrieval.partial
    assert retrieval.index.stale() == []
    assert not (tmp_path / "quick.db").exists()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More source than is parsed while somebody waits."""
    root = tree(tmp_path / "code", FIRST_FILES + 20)
    for number in range(5):
        write(root, f"data/table{number}.py", "ROWS = [\n" + "    0x1234,\n" * 80_000 + "]\n")
    return root


def test_a_large_one_is_answered_from_the_map_with_spans_of_the_parse(large: Path, tmp_path: Path) -> None:
    retrieval = Retrieval(index_on(large, tmp_path / "index.db"))
    list(retrieval.prepare())
    first = retrieval.rank("add_ware() must refuse a ware twice")[0]
    assert retrieval.partial
    assert (first.path, first.start_line, first.end_line, first.symbol) == ("shop/basket.py", 4, 5, "add_ware")
    indexed = mapped(retrieval.index)
    assert "shop/basket.py" in indexed
    assert len(indexed) <= FIRST_FILES


def test_a_second_question_finds_the_map(large: Path, tmp_path: Path) -> None:
    retrieval = Retrieval(index_on(large, tmp_path / "index.db"))
    list(retrieval.prepare())
    before = retrieval.rank("kilos of a part")
    retrieval.close()
    again = Retrieval(index_on(large, tmp_path / "index.db"))
    list(again.prepare())
    assert list(again.quick.refresh()) == []
    assert [result[:4] for result in again.rank("kilos of a part")] == [result[:4] for result in before]


def test_the_full_index_takes_the_place_of_the_map(large: Path, tmp_path: Path) -> None:
    retrieval = Retrieval(index_on(large, tmp_path / "index.db"))
    list(retrieval.prepare())
    assert retrieval.quick.heads()
    list(retrieval.refresh())
    assert not retrieval.partial
    assert retrieval.index.stale() == []
    assert retrieval.quick.heads() == []
    assert retrieval.rank("add_ware")[0].path == "shop/basket.py"


def test_a_damaged_map_is_made_anew(large: Path, tmp_path: Path) -> None:
    quick = quick_on(large, tmp_path / "index.db")
    list(quick.refresh())
    quick.close()
    (tmp_path / "quick.db").write_bytes(b"no database" * 1_000)
    retrieval = Retrieval(index_on(large, tmp_path / "index.db"))
    list(retrieval.prepare())
    assert retrieval.rank("add_ware")[0].path == "shop/basket.py"
    assert retrieval.index.warnings


def test_a_process_that_is_killed_leaves_what_it_finished(large: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from tests.unit.context.search.test_quick import *\n"
        "from aiex.context.search import quick; quick.SEGMENT_BYTES = 100_000\n"
        "for progress in quick_on(Path(sys.argv[1]), Path(sys.argv[2])).refresh():\n"
        "    if progress.done: os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(large), str(tmp_path / "index.db")], check=False)
    quick = quick_on(large, tmp_path / "index.db")
    done = len(mapped(quick))
    left = [progress.total for progress in quick.refresh()][-1]
    assert done > 0
    assert done + left == len(quick.listing.files)
