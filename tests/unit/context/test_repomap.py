"""A map of the repository within a budget."""

from hypothesis import given
from hypothesis import strategies as st

from aiex.context.extract import extract
from aiex.context.language import get_language
from aiex.context.repomap import MapFile, MapSymbol, repository_map, to_map_file
from aiex.tokens import estimate


def count(text: str) -> int:
    return estimate(text).tokens


def symbol(name: str, line: int = 1, mentions: int = 0, *, exported: bool = True) -> MapSymbol:
    return MapSymbol(name, f"def {name}()", line, exported, mentions)


FILES = [
    MapFile("src/b.py", [symbol("popular", 9, 50), symbol("unknown", 3)]),
    MapFile("src/a.py", [symbol("_hidden", 1, 5, exported=False), symbol("useful", 7, 5)]),
]


def test_files_stand_in_the_order_of_paths_and_definitions_in_that_of_lines():
    assert repository_map(FILES, 1_000, count) == (
        "src/a.py:\n  1 def _hidden()\n  7 def useful()\nsrc/b.py:\n  3 def unknown()\n  9 def popular()\n"
    )


def test_what_is_mentioned_most_stays_when_room_is_short():
    assert repository_map(FILES, 10, count) == "src/b.py:\n  9 def popular()\n"


def test_files_that_rank_high_come_first():
    weighted = [FILES[0], FILES[1]._replace(weight=20.0)]
    assert "useful" in repository_map(weighted, 10, count)


def test_a_map_of_nothing_is_empty():
    assert repository_map([], 100, count) == ""
    assert repository_map(FILES, 0, count) == ""


def test_a_file_is_read_from_its_facts():
    source = b"class A:\n    def m(self):\n        def inner(): pass\n        inner()\n\ndef f():\n    m()\n"
    file = to_map_file("a.py", extract(source, get_language("python")), {"m": 4, "inner": 1})
    assert [(one.name, one.mentions) for one in file.symbols] == [("A", 0), ("m", 3), ("f", 0)]


NAMES = st.text("abcdefg_", min_size=1, max_size=30)
SYMBOLS = st.builds(MapSymbol, NAMES, st.text(max_size=150), st.integers(1, 999), st.booleans(), st.integers(0, 99))
MAPS = st.lists(st.builds(MapFile, NAMES, st.lists(SYMBOLS, max_size=30), st.floats(0.1, 9)), max_size=12)


@given(MAPS, st.integers(0, 900))
def test_a_map_never_has_more_tokens_than_allowed_and_uses_them(files: list[MapFile], budget: int):
    text = repository_map(files, budget, count)
    assert count(text) <= budget
    assert text == repository_map(files, budget, count)
    everything = repository_map(files, 10_000_000, count)
    assert text == everything or count(text) > budget - 120
