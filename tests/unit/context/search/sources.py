"""Sources of any content, and a plain count of their terms to compare with."""

from array import array
from collections import Counter
from collections.abc import Sequence

from hypothesis import strategies as st

from aiex.context.facts import Import
from aiex.context.search.segment import (
    DEFINES,
    HIGHEST_COUNT,
    IMPORTS,
    NAME_WEIGHT,
    PATHS,
    File,
    Segment,
    Source,
    Span,
    imported_words,
    to_segment,
    write_imports,
)
from aiex.context.search.words import count_terms

Terms = dict[str, dict[int, int]]

WORDS = st.sampled_from(
    [
        "load",
        "loads",
        "loading",
        "getHTTPClient",
        "user_name",
        "class",
        "x",
        "42",
        "404",
        "naïve",
        "Größe",
        "名前",
        "__init__",
    ]
).map(str.encode) | st.binary(max_size=6)
LINES = st.lists(st.lists(WORDS, max_size=5).map(b" ".join), max_size=6)
NAMES = st.sampled_from(["", "load", "Shop.load", "Shop", "a.b.getHTTPClient", "Größe", "operator==", "\udcff", ".x y"])
PLACES = st.sampled_from(
    ["a.py", "shop/loading.py", "shop/a.py", "Makefile", "getHTTP/v42/.env", "x/Größe.tar.gz", "-.c"]
)
IMPORTED = st.builds(
    Import,
    st.sampled_from(["os", "shop.prices", "./sum.js", "a b", ""]),
    st.lists(st.tuples(st.sampled_from(["load", "Shop"]), st.just("")), max_size=2).map(tuple),
    st.just(""),
    st.just(1),
    st.just("import"),
)


@st.composite
def any_sources(draw: st.DrawFn) -> list[Source]:
    """A few files with different paths, each of a few documents or of none."""
    paths = draw(st.lists(PLACES, max_size=6, unique=True))
    return [draw(any_source(path)) for path in paths]


@st.composite
def any_source(draw: st.DrawFn, path: str) -> Source:
    lines = draw(LINES)
    cuts = sorted(draw(st.sets(st.integers(1, max(len(lines), 1)), max_size=3)))
    spans = [
        Span(start, end, draw(NAMES), "function")
        for start, end in zip(cuts, [*(cut - 1 for cut in cuts[1:]), len(lines)], strict=bool(cuts))
        if start <= end
    ]
    return Source(File(path, f"digest of {path}", write_imports(draw(st.lists(IMPORTED, max_size=2)))), lines, spans)


def make_source(path: str, text: str = "", names: Sequence[str] = (), digest: str = "d") -> Source:
    """A file with a document for each name, all of the whole text."""
    lines = text.encode().split(b"\n")
    return Source(File(path, digest, ""), lines, [Span(1, len(lines), name, "function") for name in names])


def make_segment(*sources: Source) -> Segment:
    return to_segment(sources)


def count_plainly(sources: Sequence[Source]) -> Terms:
    """What the postings must be: the terms of the lines, of the path without its ending, and of the name."""
    found: Terms = {}
    number = 0
    for source in sources:
        first = number
        for span in source.spans:
            folder, _, base = source.file.path.rpartition("/")
            spoken = f"{folder}/{base.rpartition('.')[0] or base}"
            said = [spoken.encode(), *source.lines[span.start_line - 1 : span.end_line]]
            said += [span.name.encode("utf-8", "surrogateescape")] * NAME_WEIGHT
            terms: Counter[str] = count_terms(b"\n".join(said))
            if span.name:
                terms[DEFINES + span.name.rpartition(".")[2]] = 1
            for term, count in terms.items():
                found.setdefault(term, {})[number] = min(count, HIGHEST_COUNT)
            number += 1
        if number > first:
            folder, _, base = source.file.path.rpartition("/")
            for term in count_terms(f"{folder}/{base.rpartition('.')[0] or base}".encode()):
                found.setdefault(PATHS + term, {})[first] = 1
            for word in imported_words(source.file.imports):
                found.setdefault(IMPORTS + word, {})[first] = 1
    return found


def read_postings(segment: Segment) -> Terms:
    """The postings of a segment in the same form."""
    return {
        term: dict(zip(array("H", documents), counts, strict=True)) for term, documents, counts in segment.postings()
    }
