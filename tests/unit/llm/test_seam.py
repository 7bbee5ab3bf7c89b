"""The words on both sides of a seam fit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.seam import LEAST_OVERLAP, Overlap

BEFORE = "The basket counts what is in it, and the total is the sum"


def join(before: str, after: str, size: int = 3) -> str:
    overlap = Overlap(before)
    pieces = [overlap.feed(after[start : start + size]) for start in range(0, len(after), size)]
    return before + "".join(pieces) + overlap.end()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "after",
    [
        " of all prices.",
        "total is the sum of all prices.",
        "The basket counts what is in it, and the total is the sum of all prices.",
    ],
)
def test_what_is_repeated_is_left_out(after: str, size: int) -> None:
    assert join(BEFORE, after, size) == f"{BEFORE} of all prices."


@pytest.mark.parametrize("after", ["the sum of", "sum", "um"])
def test_a_short_agreement_may_be_chance(after: str) -> None:
    assert join(BEFORE, after) == BEFORE + after


@pytest.mark.parametrize("filler", ["-", " ", "= "])
def test_rules_and_indentation_prove_nothing(filler: str) -> None:
    assert join(filler * 40, filler * 40 + "x") == filler * 80 + "x"


@given(st.text(), st.text(), st.integers(1, 9))
def test_nothing_new_is_lost(before: str, after: str, size: int) -> None:
    joined = join(before, after, size)
    assert joined.startswith(before)
    trimmed = len(before) + len(after) - len(joined)
    assert joined[len(before) :] == after[trimmed:]
    assert trimmed == 0 or (trimmed >= LEAST_OVERLAP and before.endswith(after[:trimmed]))


@given(st.text(alphabet="abcdefghij .", min_size=LEAST_OVERLAP), st.text(), st.integers(1, 9))
def test_how_the_text_was_cut_makes_no_difference(before: str, after: str, size: int) -> None:
    assert join(before, before[-20:] + after, size) == join(before, before[-20:] + after, 1)
