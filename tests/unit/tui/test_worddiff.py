"""Words that changed within lines, and which line became which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.tui.worddiff import pair_lines, word_changes


@pytest.mark.parametrize(
    ("old", "new", "gone", "come"),
    [
        ("    return 0", "    return sum(items)", ["0"], ["sum(items)"]),
        ("total = a + b", "total = a - b", ["+"], ["-"]),
        ("x = 1", "x = 1  # one", [], ["  # one"]),
        ("same", "same", [], []),
        ("import os", "class Basket(Thing):", [], []),
    ],
)
def test_what_of_a_line_changed(old: str, new: str, gone: list[str], come: list[str]) -> None:
    was, now = word_changes(old, new)
    assert ([old[a:b] for a, b in was], [new[a:b] for a, b in now]) == (gone, come)


@given(st.text("ab =+\t", max_size=30), st.text("ab =+\t", max_size=30))
def test_what_did_not_change_is_equal_on_both_sides(old: str, new: str) -> None:
    was, now = word_changes(old, new)
    if was or now:
        assert _without(old, was) == _without(new, now)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept, at = "", 0
    for start, end in spans:
        kept += text[at:start]
        at = end
    return kept + text[at:]


def test_a_line_stands_beside_what_became_of_it() -> None:
    old = ["def total(items):", "    return 0"]
    new = ["import math", "", "def total(items, tax):", "    return 0 + tax"]
    assert pair_lines(old, new) == [(None, 0), (None, 1), (0, 2), (1, 3)]


@given(st.lists(st.text("ab ", max_size=6), max_size=8), st.lists(st.text("ab ", max_size=6), max_size=9))
def test_every_line_has_its_place_in_its_order(old: list[str], new: list[str]) -> None:
    pairs = pair_lines(old, new)
    assert [one for one, _ in pairs if one is not None] == list(range(len(old)))
    assert [other for _, other in pairs if other is not None] == list(range(len(new)))
