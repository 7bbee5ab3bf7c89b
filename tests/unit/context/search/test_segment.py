"""A segment holds the terms of its documents, whichever way it came about."""

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.context.facts import Import
from aiex.context.search.segment import (
    MOST_DOCUMENTS,
    File,
    Source,
    Span,
    join_segments,
    read_imports,
    to_segment,
    write_imports,
)
from tests.unit.context.search.sources import any_sources, count_plainly, make_segment, make_source, read_postings

EMPTY = to_segment([])


@settings(max_examples=30)
@given(any_sources())
def test_postings_are_the_terms_of_lines_path_and_name(sources: list[Source]):
    segment = to_segment(sources)
    assert read_postings(segment) == count_plainly(sources)
    assert list(segment.terms) == sorted(segment.terms)
    assert segment.files == tuple(source.file for source in sources)
    spans = [(number, *span) for number, source in enumerate(sources) for span in source.spans]
    columns = [array(kind, column) for kind, column in zip("HII", segment[1:4], strict=True)]
    assert [*zip(*columns, segment.names, segment.kinds, strict=True)] == spans


@settings(max_examples=30)
@given(any_sources(), st.data())
def test_joined_parts_are_the_segment_of_all(sources: list[Source], data: st.DataObject):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sources)), max_size=3)))
    parts = [sources[start:end] for start, end in zip([0, *cuts], [*cuts, len(sources)], strict=True)]
    assert join_segments([to_segment(part) for part in parts]) == to_segment(sources)


@settings(max_examples=30)
@given(any_sources(), any_sources(), st.data())
def test_dead_files_leave_no_trace(left: list[Source], right: list[Source], data: st.DataObject):
    both = [left, right]
    dead = [data.draw(st.sets(st.integers(0, len(part) - 1))) if part else set() for part in both]
    alive = [source for part, gone in zip(both, dead, strict=True) for n, source in enumerate(part) if n not in gone]
    assert join_segments([to_segment(part) for part in both], dead) == to_segment(alive)


def test_a_count_above_255_is_255():
    segment = make_segment(make_source("a.py", "word " * 300 + "store", ["f"]))
    postings = read_postings(segment)
    assert (postings["word"], postings["stor"]) == ({0: 255}, {0: 1})


def test_a_length_above_65535_is_65535():
    segment = make_segment(make_source("a.py", "word " * 70_000, ["f"]))
    assert list(array("H", segment.lengths)) == [65_535]


def test_a_file_without_documents_is_kept_by_name():
    segment = make_segment(make_source("a.bin"), make_source("b.py", "load", ["f"]), make_source("c.bin"))
    assert [file.path for file in segment.files] == ["a.bin", "b.py", "c.bin"]
    assert list(array("H", segment.owners)) == [1]
    assert join_segments([EMPTY, segment, EMPTY]) == segment


def test_an_empty_segment_can_be_joined():
    assert join_segments([EMPTY, EMPTY]) == EMPTY
    assert join_segments([EMPTY], [set()]) == EMPTY


def test_a_segment_is_joined_up_to_its_last_document():
    lines = [b"load"] * MOST_DOCUMENTS
    source = Source(File("a.py", "d", ""), lines, [Span(n + 1, n + 1, "", "") for n in range(MOST_DOCUMENTS - 1)])
    joined = join_segments([to_segment([source]), make_segment(make_source("b.py", "store", ["g"]))])
    postings = read_postings(joined)
    assert (len(joined.names), len(postings["load"]), postings["stor"]) == (MOST_DOCUMENTS, 65_534, {65_534: 1})


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
IMPORTS = st.builds(
    Import, TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple), TEXTS, st.just(1), st.just("import")
)


@settings(max_examples=30)
@given(st.lists(IMPORTS, max_size=4))
def test_imports_of_any_text_can_be_read_back(imports: list[Import]):
    said = write_imports(imports)
    found = {(item.module, tuple(name for name, _ in item.names)) for item in read_imports(said)}
    assert "\0" not in said
    assert found >= {(item.module, tuple(name for name, _ in item.names)) for item in imports if is_plain(item)}


def is_plain(item: Import) -> bool:
    """Whether nothing in it has a meaning of its own in the form that is kept."""
    return not set("\n\t\0") & set("".join([item.module, *(name for name, _ in item.names)]))
