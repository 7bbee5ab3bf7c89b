"""What the store of segments is given comes back, also from a file that other processes write and that gets damaged."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings

from aiex.context.facts import Import
from aiex.context.search.segment import File, Segment, Source, join_segments, to_segment, write_imports
from aiex.context.stores.segments import TERMS_PER_BLOCK, Seen, SegmentStore
from aiex.sqlite import DamagedStore
from tests.unit.context.search.sources import any_sources, make_segment, make_source

SEEN = [Seen("a.py", 1, 2, 3, 4, "d"), Seen("Gr\udcf6\udcdfe.py", 2**40, 2**62, 2**63 - 1, 0, "e")]
WORDS = " ".join(f"word{number}x" for number in range(4 * TERMS_PER_BLOCK))
SEGMENT = make_segment(make_source("a.py", WORDS, ["Shop.load"]), make_source("b.py", "load word7x", ["f", "g"]))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "index.db")


def store_at(path: str, version: str = "v") -> SegmentStore:
    return SegmentStore(path, version)


def read_all(store: SegmentStore) -> list[Segment | None]:
    return [store.read(head) for head in store.heads()]


@settings(max_examples=50)
@given(any_sources())
def test_a_segment_comes_back_whole_and_by_terms(sources: list[Source]):
    segment = to_segment(sources)
    store = store_at(":memory:")
    number = store.add(segment)
    assert read_all(store) == [segment]
    postings = {term: (documents, counts) for term, documents, counts in segment.postings()}
    asked = [*segment.terms, "", "nothing", "\uffff", "zzz", "=\udc80"]
    assert store.find(store.heads(), asked) == {number: {term: postings[term] for term in segment.terms}}
    store.close()


def test_segments_are_kept_apart_and_in_order(path: str):
    other = make_segment(make_source("c.py", "load", ["h"]))
    store = store_at(path)
    numbers = [store.add(segment) for segment in (SEGMENT, other, SEGMENT)]
    store.close()
    again = store_at(path)
    assert read_all(again) == [SEGMENT, other, SEGMENT]
    assert [head.id for head in again.heads()] == numbers == sorted(set(numbers))
    assert [known.keys() for known in again.find(again.heads()[:2], ["load", "word7x"]).values()] == [
        {"load", "word7x"},
        {"load"},
    ]


def test_many_segments_are_searched_at_once():
    store = store_at(":memory:")
    numbers = [store.add(make_segment(make_source(f"{name}.py", f"load_{name}", ["h"]))) for name in range(230)]
    found = store.find(store.heads(), ["load_7", "load_229", "load_x"])
    assert {number: list(known) for number, known in found.items() if known} == {
        numbers[7]: ["load_7"],
        numbers[229]: ["load_229"],
    }
    store.close()


def test_names_with_line_ends_are_kept():
    store = store_at(":memory:")
    store.add(make_segment(make_source("a.css", "x", ["h1,\nh2", "p", "\n"])))
    assert [list(head.names) for head in store.heads()] == [["h1,\nh2", "p", "\n"]]


def test_imports_with_nul_do_not_move_the_others():
    imports = [write_imports([Import(module, (), "", 1, "import")]) for module in ("a\0b", "os")]
    segment = to_segment([Source(File(f"{said}.js", "d", said), (), ()) for said in imports])
    store = store_at(":memory:")
    store.add(segment)
    assert [head.imports for head in store.heads()] == [["", "import\tos"]]


def test_a_segment_of_files_without_documents_and_one_of_no_files_come_back(path: str):
    store = store_at(path)
    segments = [to_segment([]), make_segment(make_source("a.bin"), make_source("b.bin"))]
    for segment in segments:
        store.add(segment)
    assert read_all(store) == segments


def test_what_was_seen_comes_back_until_it_is_gone(path: str):
    store = store_at(path)
    store.add(SEGMENT, files=SEEN)
    assert store_at(path).seen() == {row.path: row for row in SEEN}
    store.see([SEEN[0]._replace(digest="new")], gone=[SEEN[1].path, "unknown"])
    assert store_at(path).seen() == {"a.py": SEEN[0]._replace(digest="new")}


def test_segments_of_another_version_are_not_answered(path: str):
    store_at(path, "old").add(SEGMENT)
    store = store_at(path, "new")
    assert store.heads() == []
    assert read_all(store_at(path, "old")) == [SEGMENT]
    store.drop_others()
    assert read_all(store_at(path, "old")) == []


def test_a_number_is_never_given_again(path: str):
    store = store_at(path)
    first = store.add(SEGMENT)
    store.clear()
    assert store.add(SEGMENT) > first


def test_of_two_that_replace_the_same_segments_the_second_writes_nothing(path: str):
    one, two = store_at(path), store_at(path)
    numbers = [one.add(SEGMENT), one.add(make_segment(make_source("c.py", "load", ["h"])))]
    joined = join_segments([part for part in read_all(two) if part is not None])
    assert one.add(joined, replaced=numbers)
    assert two.add(joined, replaced=numbers, files=SEEN) == 0
    assert (read_all(two), two.seen()) == ([joined], {})


def test_a_segment_that_another_process_drops_is_not_half_read(path: str):
    one, two = store_at(path), store_at(path)
    one.add(SEGMENT)
    heads = two.heads()
    one.clear()
    assert [two.read(head) for head in heads] == [None]


def test_readings_between_begin_and_end_see_one_state(path: str):
    one, two = store_at(path), store_at(path)
    number = one.add(SEGMENT)
    two.begin()
    assert len(two.heads()) == 1
    one.clear()
    assert two.find(two.heads(), ["load"])[number]
    two.end()
    assert two.heads() == []


def test_a_change_by_another_connection_shows_in_the_data_version(path: str):
    one, two = store_at(path), store_at(path)
    before = one.data_version()
    one.remember("key", b"own")
    assert one.data_version() == before
    two.remember("key", b"other")
    assert one.data_version() != before


def test_a_copy_in_memory_holds_the_same_and_leaves_the_file_alone(path: str):
    store = store_at(path)
    store.add(SEGMENT, files=SEEN)
    copied = store.copy()
    assert (read_all(copied), copied.seen()) == (read_all(store), store.seen())
    copied.clear()
    copied.add(SEGMENT)
    assert len(store.seen()) == 2


def test_a_note_comes_back(path: str):
    store = store_at(path)
    store.remember("key", b"\0one")
    store.remember("key", b"two")
    assert (store_at(path).recall("key"), store.recall("other")) == (b"two", None)


def test_space_is_given_back_when_all_is_forgotten(path: str):
    store = store_at(path)
    empty = store.size_bytes()
    for _ in range(30):
        store.add(SEGMENT, files=SEEN)
    assert store.size_bytes() > empty
    store.clear()
    assert (store.size_bytes(), store.seen(), store.heads()) == (empty, {}, [])


@pytest.mark.parametrize("column", ["files", "owners", "starts", "ends", "lengths", "imports", "names", "kinds"])
@pytest.mark.parametrize("instead", ["x'00ff'", "'text'", "17"])
def test_a_changed_column_of_a_segment_is_damage(path: str, column: str, instead: str):
    store_at(path).add(SEGMENT)
    change(path, f"update segments set {column} = {instead}")
    with pytest.raises(DamagedStore):
        store_at(path).heads()


@pytest.mark.parametrize("column", ["terms", "sizes", "documents", "counts"])
@pytest.mark.parametrize("instead", ["x'00ff'", "'text'", "17"])
def test_a_changed_column_of_postings_is_damage(path: str, column: str, instead: str):
    store_at(path).add(SEGMENT)
    change(path, f"update blocks set {column} = {instead}")
    store = store_at(path)
    with pytest.raises(DamagedStore):
        store.find(store.heads(), ["load"])
    with pytest.raises(DamagedStore):
        read_all(store)


def test_rows_of_other_types_are_passed_over(path: str):
    store_at(path).add(SEGMENT, files=SEEN)
    change(path, "update seen set checked_ns = 'x' where digest = 'd'")
    change(path, "insert into notes values ('key', 10000000000)")
    store = store_at(path)
    assert (store.seen(), store.recall("key")) == ({SEEN[1].path: SEEN[1]}, None)


def change(path: str, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
