"""The keys of vi over a real text area."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.widgets import TextArea

from aiex.tui.vim import Vim


class _App(App[None]):
    def compose(self) -> ComposeResult:
        yield TextArea()


@pytest.fixture
async def area() -> AsyncIterator[TextArea]:
    app = _App()
    async with app.run_test(size=(60, 20)):
        yield app.query_one(TextArea)


def press(area: TextArea, keys: str) -> str:
    """Type in normal mode, `<` for Escape; the text with a bar at the cursor."""
    vim = Vim()
    vim.is_inserting = False
    for key in keys:
        if not vim.press(area, "escape" if key == "<" else key, None if key == "<" else key) and key != "<":
            area.insert(key)
    row, column = area.cursor_location
    lines = area.text.split("\n")
    lines[row] = f"{lines[row][:column]}|{lines[row][column:]}"
    return "\n".join(lines)


TABLE = [
    ("one two", (0, 0), "w", "one |two"),
    ("one two", (0, 0), "e", "on|e two"),
    ("one two", (0, 6), "b", "one |two"),
    ("one, two", (0, 0), "ww", "one, |two"),
    ("one\n\ntwo", (0, 0), "ww", "one\n\n|two"),
    ("one\ntwo", (1, 0), "b", "|one\ntwo"),
    ("one two", (0, 0), "$", "one tw|o"),
    ("one two", (0, 4), "0", "|one two"),
    ("  one", (0, 4), "^", "  |one"),
    ("one\ntwo", (0, 1), "j", "one\nt|wo"),
    ("one\ntwo", (1, 1), "k", "o|ne\ntwo"),
    ("one", (0, 0), "lll", "on|e"),
    ("one", (0, 0), "x", "|ne"),
    ("one", (0, 2), "x", "o|n"),
    ("one", (0, 0), "2x", "|e"),
    ("one two three", (0, 0), "dw", "|two three"),
    ("one two three", (0, 0), "2dw", "|three"),
    ("one two", (0, 4), "dw", "one| "),
    ("one two", (0, 0), "de", "| two"),
    ("one two", (0, 0), "cwsix", "six| two"),
    ("one two", (0, 4), "D", "one| "),
    ("one two", (0, 4), "Csix", "one six|"),
    ("one\ntwo\nthree", (1, 1), "dd", "one\n|three"),
    ("one\ntwo", (1, 1), "dd", "|one"),
    ("one", (0, 1), "dd", "|"),
    ("one\ntwo", (0, 0), "yyp", "one\n|one\ntwo"),
    ("one\ntwo", (0, 0), "ddp", "two\n|one"),
    ("one two", (0, 0), "dw$p", "twoone| "),
    ("one", (0, 1), "ahi", "onhi|e"),
    ("one", (0, 1), "Ahi", "onehi|"),
    ("  one", (0, 4), "Ihi", "  hi|one"),
    ("one\ntwo", (0, 1), "ohi", "one\nhi|\ntwo"),
    ("one\ntwo", (1, 1), "Ohi", "one\nhi|\ntwo"),
    ("one", (0, 1), "ihi<", "oh|ine"),
    ("one two", (0, 0), "dwu", "|one two"),
    ("one", (0, 0), "d<x", "|ne"),
]


async def test_keys(area: TextArea):
    for text, at, keys, after in TABLE:
        area.load_text(text)
        area.move_cursor(at)
        assert (text, keys, press(area, keys).rstrip()) == (text, keys, after.rstrip())


async def test_any_keys_leave_the_cursor_in_the_text(area: TextArea):
    @given(st.text("ab ,\n", max_size=20), st.text("hjklwbe0$^GiaIAoOxDCdycpPu23<z ", max_size=25))
    def check(text: str, keys: str) -> None:
        area.load_text(text)
        press(area, keys)
        row, column = area.cursor_location
        assert 0 <= row < area.document.line_count
        assert 0 <= column <= len(area.document.get_line(row))

    check()


async def test_other_keys_are_not_taken(area: TextArea):
    vim = Vim()
    assert not vim.press(area, "a", "a")
    assert vim.press(area, "escape", None)
    assert vim.mark == "NORMAL"
    assert not vim.press(area, "f5", None)
    assert not vim.press(area, "escape", None)
