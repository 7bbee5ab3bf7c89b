"""Pieces that are alike come together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.vectors.grouping import MOST_GROUPED, Group, group_similar
from aiex.context.vectors.unit import Vector, dot, to_unit
from aiex.errors import UsageError
from tests.unit.context.vectors.conftest import embed_words


def vectors(*texts: str) -> dict[str, Vector[float]]:
    return {text: to_unit(embed_words(text)) for text in texts}


def test_what_says_the_same_stands_together_under_the_first() -> None:
    pieces = vectors("open the big door", "paint a window", "the big door open", "a window paint blue")
    assert group_similar(pieces, alike=0.8) == [
        Group("open the big door", ("the big door open",)),
        Group("paint a window", ("a window paint blue",)),
    ]
    assert len(group_similar(pieces, alike=0.99)) == 3


def test_a_piece_goes_to_the_leader_it_is_most_alike_to() -> None:
    pieces = vectors("a b c d", "c d e f", "b c d e f")
    assert group_similar(pieces, alike=0.55) == [Group("a b c d", ()), Group("c d e f", ("b c d e f",))]


def test_a_piece_of_zeros_or_of_another_length_stands_alone() -> None:
    pieces = vectors("a b", "") | {"other": to_unit([1.0]), "empty": to_unit([0.0])}
    assert [group.leader for group in group_similar(pieces)] == ["a b", "", "other", "empty"]


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5).map(" ".join)


@given(st.lists(WORDS, unique=True, max_size=15), st.sampled_from([0.6, 0.8, 1.0]))
def test_every_piece_is_in_one_group_and_alike_to_its_leader(texts: list[str], alike: float) -> None:
    pieces = vectors(*texts)
    groups = group_similar(pieces, alike=alike)
    assert sorted(name for group in groups for name in (group.leader, *group.others)) == sorted(texts)
    for group in groups:
        for other in group.others:
            assert dot(pieces[group.leader], pieces[other]) > alike - 1e-5
    leaders = [pieces[group.leader] for group in groups]
    assert all(dot(one, two) <= alike for n, one in enumerate(leaders) for two in leaders[:n])


@pytest.mark.parametrize("alike", [0.0, 1.1, float("nan")])
def test_a_bound_out_of_range_is_refused(alike: float) -> None:
    with pytest.raises(UsageError, match="pieces are alike"):
        group_similar({}, alike=alike)


def test_too_many_pieces_are_refused() -> None:
    one = to_unit([1.0])
    with pytest.raises(UsageError, match="cannot be grouped in time"):
        group_similar({str(number): one for number in range(MOST_GROUPED + 1)})
