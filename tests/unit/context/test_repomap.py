"""A map of the repository within a budget."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.packing.packed import Effect, Pack
from aiex.context.repomap import MapFile, MapSymbol, make_map, without_shown
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.guard.sandbox.files import Workspace
from aiex.tokens import estimate

Open = Callable[[dict[bytes, str | bytes]], Retrieval]


def count(text: str) -> int:
    return estimate(text).tokens


def text_of(files: list[MapFile], budget: int, count: Callable[[str], int]) -> str:
    return make_map(files, budget, count).text


def symbol(name: str, line: int = 1, mentions: int = 0, *, exported: bool = True) -> MapSymbol:
    return MapSymbol(name, f"def {name}()", line, exported, mentions)


FILES = [
    MapFile("src/b.py", [symbol("popular", 9, 50), symbol("unknown", 3)]),
    MapFile("src/a.py", [symbol("_hidden", 1, 5, exported=False), symbol("useful", 7, 5)]),
]


def test_files_stand_in_the_order_of_paths_and_definitions_in_that_of_lines():
    assert text_of(FILES, 1_000, count) == (
        "src/a.py:\n  1 def _hidden()\n  7 def useful()\nsrc/b.py:\n  3 def unknown()\n  9 def popular()\n"
    )


def test_what_is_mentioned_most_stays_when_room_is_short():
    assert text_of(FILES, 10, count) == "src/b.py:\n  9 def popular()\n"


def test_files_that_rank_high_come_first():
    weighted = [FILES[0], FILES[1]._replace(weight=20.0)]
    assert "useful" in text_of(weighted, 10, count)


def test_a_map_of_nothing_is_empty():
    assert text_of([], 100, count) == ""
    assert text_of(FILES, 0, count) == ""


NAMES = st.text("abcdefg_", min_size=1, max_size=30)
SYMBOLS = st.builds(MapSymbol, NAMES, st.text(max_size=150), st.integers(1, 999), st.booleans(), st.integers(0, 99))
MAPS = st.lists(st.builds(MapFile, NAMES, st.lists(SYMBOLS, max_size=30), st.floats(0.1, 9)), max_size=12)


@given(MAPS, st.integers(0, 900))
def test_a_map_never_has_more_tokens_than_allowed_and_uses_them(files: list[MapFile], budget: int):
    text = text_of(files, budget, count)
    assert count(text) <= budget
    assert text == text_of(files, budget, count)
    everything = text_of(files, 10_000_000, count)
    assert text == everything or count(text) > budget - 120
    made = make_map(files, budget, count, title="What there is:")
    assert made.tokens == count(made.text) <= max(budget, 0)
    assert made.symbol_count <= sum(len(file.symbols) for file in files)
    assert made.text.startswith("What there is:\n") if made.files else made.text == ""


def test_what_a_pack_shows_is_left_out():
    shown = {"src/b.py": [(1, 4)], "src/a.py": [(7, 7)]}
    left = without_shown(FILES, Pack("", 0, (), (), Effect(0, 0, {}), shown))
    assert text_of(left, 1_000, count) == "src/a.py:\n  1 def _hidden()\nsrc/b.py:\n  9 def popular()\n"


# --- from an index ---------------------------------------------------------------------------------------------------


@pytest.fixture
def open_index(tmp_path: Path) -> Iterator[Open]:
    """Write files and bring an index of them up to date."""
    opened: list[Retrieval] = []

    def open_(files: dict[bytes, str | bytes]) -> Retrieval:
        root = tmp_path / "tree"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        opened.append(Retrieval(Index(Workspace(str(root)), None, version="v", workers=1, limit_bytes=1_000_000)))
        for _ in opened[-1].refresh():
            pass
        return opened[-1]

    yield open_
    for retrieval in opened:
        retrieval.close()


USER = "from core import open_store\n\n\ndef use_{n}():\n    return open_store()\n"
TREE: dict[bytes, str | bytes] = {
    b"core.py": "LIMIT = 3\n\n\nclass Store:\n    def read(self):\n        return 1\n\n\ndef open_store():\n"
    "    return Store()\n\n\ndef _hidden():\n    return 2\n",
    **{b"user%d.py" % n: USER.format(n=n) for n in range(6)},
    b"tests/test_core.py": USER.format(n=9),
    b"notes.md": "# open_store\n\nOpens the open_store.\n",
}


def test_a_map_of_an_index_begins_with_what_is_used_most(open_index: Open):
    files = open_index(TREE).name_files()
    assert make_map(files, 10, count).text == "core.py:\n  9 open_store()\n"
    everything = make_map(files, 10_000, count)
    assert [file.path for file in everything.files] == sorted(os.fsdecode(name) for name in TREE if name != b"notes.md")
    assert everything.text.startswith("core.py:\n  Store\n  5 Store.read()\n  9 open_store()\n  13 _hidden()\n")


def test_a_map_of_a_ranking_begins_with_its_first_files(open_index: Open):
    retrieval = open_index(TREE)
    results = retrieval.rank("use_4")
    assert results[0].path == "user4.py"
    assert make_map(retrieval.name_files(results), 12, count).text == "user4.py:\n  4 use_4()\n"


def test_a_file_that_left_the_index_is_not_in_the_map(open_index: Open, tmp_path: Path):
    retrieval = open_index(TREE)
    results = retrieval.rank("use_4")
    (tmp_path / "tree" / "user4.py").unlink()
    for _ in retrieval.refresh():
        pass
    assert "user4.py" not in {file.path for file in retrieval.name_files(results)}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere names are text")
def test_names_that_are_no_utf_8_can_be_sent(open_index: Open):
    try:
        retrieval = open_index({b"caf\xe9.py": b"def men\xfc():\n    return 1\n\n\ndef price():\n    return 1\n"})
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    text = make_map(retrieval.name_files(), 1_000, count).text
    assert text.encode("utf-8").startswith(b"caf\\xe9.py:\n")
    assert "price()" in text


def test_an_empty_index_has_an_empty_map(open_index: Open):
    assert open_index({}).name_files() == []
