"""Rows of styled text."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from aiex.guard.neutral import neutralise
from aiex.tui.wrap import Row, wrap

PLAIN, BOLD = Style(), Style(bold=True)
TEXT = st.text(st.one_of(st.sampled_from("ab \t中😀é"), st.characters(codec="utf-8", exclude_characters="\r\n"))).map(
    neutralise
)


def texts(rows: list[Row]) -> list[str]:
    return [row.text for row in rows]


def test_a_long_line_is_broken_at_spaces() -> None:
    rows = wrap([("one two ", PLAIN), ("three", BOLD), (" four", PLAIN)], 9)
    assert texts(rows) == ["one two", "three", "four"]
    assert [segment.style for segment in rows[1].segments] == [BOLD]
    assert [row.joint for row in rows] == ["\n", " ", " "]


def test_a_long_word_is_broken_anywhere_and_joins_without_a_space() -> None:
    rows = wrap([("abcdefgh", PLAIN)], 3)
    assert texts(rows) == ["abc", "def", "gh"]
    assert [row.joint for row in rows] == ["\n", "", ""]


def test_an_indent_of_code_is_no_place_to_break_at() -> None:
    assert texts(wrap([("    abcdefgh", PLAIN)], 8)) == ["    abcd", "efgh"]


def test_each_row_begins_with_what_stands_before() -> None:
    rows = wrap([("one two three", PLAIN)], 7, ("> ", BOLD), ("  ", BOLD))
    assert texts(rows) == ["> one", "  two", "  three"]
    assert {row.indent for row in rows} == {2}


def test_wide_characters_are_never_cut_in_half() -> None:
    assert texts(wrap([("中文字符", PLAIN)], 5)) == ["中文", "字符"]


def test_tabs_stop_at_each_eighth_cell() -> None:
    assert texts(wrap([("a\tb", PLAIN), ("c\td", BOLD)], 40)) == ["a       bc      d"]


@given(st.lists(st.tuples(TEXT, st.sampled_from([PLAIN, BOLD])), max_size=5), st.integers(1, 60))
def test_no_row_is_too_wide_and_no_word_is_lost(pieces: list[tuple[str, Style]], width: int) -> None:
    rows = wrap(pieces, width, ("> ", BOLD), ("  ", BOLD))
    assert all(cell_len(row.text) <= width for row in rows)
    assert rows
    if width >= 6:
        said = "".join(row.text[row.indent :] for row in rows)
        words = "".join(text for text, _ in pieces)
        assert said.replace(" ", "") == words.replace("\t", "").replace(" ", "")
