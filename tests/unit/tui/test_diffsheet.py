"""A diff on paper: every line has its place, whatever the width, and nothing in it steers a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.tui.colouring import NO_COLOURS, Colouring, colour
from aiex.tui.diffsheet import Sheet
from aiex.tui.hunks import Review
from aiex.tui.theme import styles_of
from aiex.tui.widgets.diff import REVIEWING

LINE = st.sampled_from(
    [b"a\n", b"\tif x:\n", "\u202e界界\n".encode(), b"\xff\r\n", b"word " * 30 + b"\n", b"\n", b"\x1b[2J\n"]
)
CONTENT = st.builds(
    lambda lines, tail: b"".join(lines) + tail, st.lists(LINE, max_size=30), st.sampled_from([b"", b"x"])
)


def sheet_of(*reviews: Review, width: int = 80, is_split: bool = False) -> Sheet:
    made = Sheet(reviews, styles_of("dark"), Colouring(NO_COLOURS), REVIEWING)
    made.wants_split = is_split
    made.lay(width)
    return made


def lines_of(sheet: Sheet) -> list[str]:
    return [sheet.line(number).text.rstrip() for number in range(sheet.height)]


@given(CONTENT, CONTENT, st.sampled_from([1, 7, 40, 80, 100, 131]), st.booleans())
def test_every_line_is_as_wide_as_the_paper_and_steers_nothing(
    before: bytes, after: bytes, width: int, is_split: bool
) -> None:
    sheet = sheet_of(Review("a.txt", before, after), Review("b", b"\0", None), width=width, is_split=is_split)
    for number in range(sheet.height):
        line = sheet.line(number)
        assert line.cell_length == width
        assert not {"\x1b", "\u202e", "\r", "\n", "\t"} & set(line.text)


@given(CONTENT, CONTENT)
def test_a_unified_diff_shows_each_changed_line_once(before: bytes, after: bytes) -> None:
    review = Review("a.txt", before, after)
    rows = sheet_of(review).rows
    added, removed = review.counts
    assert [row.kind for row in rows].count("new") == added
    assert [row.kind for row in rows].count("old") == removed


def test_unchanged_stretches_are_folded_and_open_again() -> None:
    before = b"".join(b"%d\n" % number for number in range(30))
    sheet = sheet_of(Review("a.txt", before, before.replace(b"15\n", b"fifteen\n")))
    assert lines_of(sheet) == [
        "changed a.txt +1 -1",
        "  ⋯ 12 lines are as they were",
        " 13  13   12",
        " 14  14   13",
        " 15  15   14",
        "▶ [x] the change: will be written",
        " 16     - 15",
        "     16 + fifteen",
        " 17  17   16",
        " 18  18   17",
        " 19  19   18",
        "  ⋯ 11 lines are as they were",
    ]
    sheet.opened.add((0, 0))
    sheet.lay(80)
    assert lines_of(sheet)[1] == "  1   1   0"


def test_side_by_side_what_became_of_a_line_stands_beside_it() -> None:
    sheet = sheet_of(Review("a.py", b"def f():\n    return 0\n", b"import os\n\ndef f(x):\n    return 0 + x\n"),
                     width=100, is_split=True)  # fmt: skip
    halves = [[half.strip() for half in line.split("│")] for line in lines_of(sheet)[2:]]
    assert halves == [
        ["", "1 + import os"],
        ["", "2 +"],
        ["1 - def f():", "3 + def f(x):"],
        ["2 -     return 0", "4 +     return 0 + x"],
    ]


def test_side_by_side_takes_a_wide_paper() -> None:
    sheet = sheet_of(Review("a.py", b"a\n", b"b\n"), width=99, is_split=True)
    assert not sheet.is_split


@pytest.mark.parametrize(("name", "is_known"), [("a.py", True), ("Makefile", True), ("a.nobody-knows", False)])
def test_code_has_colours_where_its_language_is_known(name: str, is_known: bool) -> None:
    found = colour(f"src/{name}", ["if x:", '\t"text"'], "monokai")
    assert any(found) is is_known


def test_a_line_end_that_is_missing_on_one_side_is_named() -> None:
    assert "(no line end)" in "\n".join(lines_of(sheet_of(Review("a.txt", b"a\n", b"a"))))


def test_words_are_found_from_line_to_line_and_from_the_top_again() -> None:
    sheet = sheet_of(Review("a.txt", b"Apple\npear\n", b"Apple pie\npear\nAPPLE\n"))
    sheet.needle = "apple"
    found = [sheet.find(-1)]
    for _ in range(3):
        found.append(sheet.find(found[-1] or 0))
    assert [sheet.rows[at or 0].kind for at in found] == ["old", "new", "new", "old"]
    sheet.needle = "plum"
    assert sheet.find(0) is None


def test_what_was_drawn_before_its_colours_were_known_is_drawn_anew_and_the_rest_stays() -> None:
    before = b"".join(b"value_%d = 1\n" % number for number in range(2000))
    sheet = Sheet(
        [Review("a.py", before, before.replace(b"= 1", b"= 2"))], styles_of("dark"), Colouring("monokai"), REVIEWING
    )
    sheet.lay(80)
    first, far = sheet.line(5), sheet.line(3500)
    wanted = sheet.colouring.next()
    assert wanted is not None
    sheet.colouring.keep(wanted, colour(wanted.path, wanted.lines(), "monokai"))
    sheet.forget_plain()
    assert sheet.colouring.is_settled, "nothing is wanted that only flew by"
    assert sheet.line(3500) != far
    assert sheet.line(5) == first
    assert sheet.colouring.next() is not None
