"""Mentions: where they stand, and what there is to choose from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.guard.sandbox.files import Workspace
from aiex.tui.mentions import Begun, Finder, Found, Named, find_begun, find_mentions, spell, where_is
from aiex.wiring import open_services


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("look at @src/app.py, please", ["src/app.py"]),
        ("@a.py:10-20 and (@b.py). Then @a.py:10-20", ["a.py:10-20", "b.py"]),
        ('@"my notes.md" is long', ["my notes.md"]),
        ("mail me@example.org", []),
        ("@Widget.render: why?", ["Widget.render"]),
        ("@", []),
        ("ends with @src/app.py.", ["src/app.py"]),
    ],
)
def test_mentions_of_a_text(text: str, found: list[str]):
    assert find_mentions(text) == found


@pytest.mark.parametrize(
    ("before", "begun"),
    [
        ("see @src/a", Begun(4, "src/a")),
        ("@", Begun(0, "")),
        ('in @"my no', Begun(3, "my no")),
        ("me@home", None),
        ("@a b", None),
        ("", None),
    ],
)
def test_the_mention_under_the_cursor(before: str, begun: Begun | None):
    assert find_begun(before + " rest", len(before)) == begun


@given(st.text(max_size=30).filter(lambda text: text.strip(".:!?") and not {'"', "\n"} & set(text)))
def test_what_is_spelled_is_found(word: str):
    assert find_mentions(f"see {spell(word)} there") == [word]


@pytest.fixture
def finder(tmp_path: Path) -> Finder:
    for name in ("src/app.py", "src/draw.py", "src/deep/app_test.py", "notes.md", ".env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    made = Finder(Workspace(str(tmp_path)), ())
    made.know([Named("Drawer", "class", "src/draw.py", 3), Named("Drawer.draw", "method", "src/draw.py", 9)])
    return made


def test_files_and_symbols_are_found_by_letters(finder: Finder):
    assert [one.word for one in finder.find("app")] == ["src/app.py", "src/deep/app_test.py"]
    assert finder.find("Drawer")[0] == Found("src/draw.py::Drawer", "class", "src/draw.py:3")
    assert finder.find("drw")[0].word == "src/draw.py"


def test_lines_stay_behind_the_path(finder: Finder):
    assert [one.word for one in finder.find("notes:3-4")] == ["notes.md:3-4"]


def test_secrets_are_not_offered(finder: Finder):
    assert finder.find(".env") == []


def test_the_index_knows_where_a_name_is(tmp_path: Path):
    (tmp_path / "shop.py").write_text("class Shop:\n    def open(self):\n        return 1\n")
    services = open_services(str(tmp_path), None)
    for _ in services.index.refresh():
        pass

    assert [(one.path, one.line) for one in where_is(services.index, "Shop")] == [("shop.py", 1)]
    assert [one.name for one in where_is(services.index, "open")] == ["Shop.open"]
    services.close()
