"""What is near is found, exactly or by sketches, and what would take too long is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.stores.vectors import VectorStore
from aiex.context.vectors import nearest
from aiex.context.vectors.nearest import Nearest, VectorIndex, find_closest
from aiex.context.vectors.unit import dot, to_sketch, to_unit
from tests.unit.context.vectors.conftest import embed_words

TEXTS = {
    "door": "open the front door with a key",
    "window": "paint the window frame blue",
    "both": "open the window then the front door",
    "none": "",
}
NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4)


def index(store: VectorStore, texts: dict[str, str], *, use_numpy: bool = False) -> VectorIndex:
    store.save("m", {digest: to_unit(embed_words(text)) for digest, text in texts.items()})
    return VectorIndex(store, "m", texts, use_numpy=use_numpy)


def names(answer: Nearest) -> list[str]:
    return [digest for digest, _ in answer.found]


def many(count: int) -> dict[str, str]:
    """Texts in tens that share most of their words."""
    return {f"{n:05}": " ".join(f"word{n // 10}x{shift}" for shift in range(9)) + f" own{n}" for n in range(count)}


def test_the_nearest_come_first_with_their_cosine(store: VectorStore) -> None:
    answer = index(store, TEXTS).nearest(embed_words("open the front door"), 2)
    assert (names(answer), answer.way, answer.said) == (["both", "door"], "numbers", "")
    assert all(0 < cosine <= 1 + 1e-6 for _, cosine in answer.found)


def test_the_same_text_has_cosine_one(store: VectorStore) -> None:
    ((digest, cosine),) = index(store, TEXTS).nearest(embed_words(TEXTS["window"]), 1).found
    assert digest == "window"
    assert math.isclose(cosine, 1.0, abs_tol=1e-6)


def test_only_given_contents_of_the_same_length_are_compared(store: VectorStore) -> None:
    index(store, TEXTS)
    store.save("m", {"short": to_unit([1.0, 1.0])})
    given_two = VectorIndex(store, "m", ["door", "short", "unknown"])
    assert names(given_two.nearest(embed_words("door"), 9)) == ["door"]
    assert given_two.nearest([1.0, 1.0], 9).found == [("short", pytest.approx(1.0))]


def test_nothing_is_near_where_nothing_is_known(store: VectorStore) -> None:
    assert index(store, {}).nearest([1.0], 5) == Nearest([], "")


@pytest.mark.parametrize("question", [[], [math.nan]])
def test_a_question_must_be_a_vector(store: VectorStore, question: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        index(store, TEXTS).nearest(question, 1)


def test_sketches_find_what_numbers_find(store: VectorStore) -> None:
    texts = many(1_200)
    known = index(store, texts)
    vectors = store.vectors("m", list(texts))
    for asked in ("00017", "00700", "01199"):
        question = embed_words(texts[asked])
        answer = known.nearest(question, 10)
        exact = sorted(
            ((dot(to_unit(question), vector), digest) for digest, vector in vectors.items()),
            key=lambda item: (-item[0], item[1]),
        )
        assert answer.way == "sketches"
        assert set(names(answer)) == {digest for _, digest in exact[:10]}
        assert names(answer)[0] == asked


def test_too_many_vectors_are_refused_with_a_word(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "EXACT_NUMBERS", 100)
    monkeypatch.setattr(nearest, "MOST_SKETCHES", 3)
    answer = index(store, TEXTS).nearest(embed_words("door"), 5)
    assert (answer.found, answer.way) == ([], "")
    assert answer.said == (
        "4 vectors are more than the 3 that can be compared in time without numpy: pip install aiex[vector]"
    )


def test_numpy_finds_the_same(store: VectorStore) -> None:
    pytest.importorskip("numpy")
    texts = many(1_200)
    quick = index(store, texts, use_numpy=True)
    for asked in ("00017", "00700"):
        question = embed_words(texts[asked])
        answer = quick.nearest(question, 10)
        assert answer.way == "numpy"
        assert set(names(answer)) == set(names(index(store, texts).nearest(question, 10)))


@given(st.dictionaries(st.text("ab", max_size=3), st.integers(0, 255), max_size=12), st.integers(1, 6))
def test_the_closest_sketches_are_found(sketches: dict[str, int], count: int) -> None:
    found = find_closest(0b10101010, sketches, count)
    by_distance = sorted(
        sketches, key=lambda name: ((0b10101010 ^ sketches[name]).bit_count(), [*sketches].index(name))
    )
    assert set(found) == set(by_distance[:count])
    assert len(found) == min(count, len(sketches))


@given(NUMBERS)
def test_a_unit_vector_has_length_one_or_none(numbers: list[float]) -> None:
    length = math.sqrt(sum(number * number for number in to_unit(numbers)))
    assert math.isclose(length, 1.0, abs_tol=1e-5) if any(numbers) else length == 0.0


def test_numbers_of_any_size_have_a_direction() -> None:
    assert list(to_unit([3e300, 4e300])) == pytest.approx([0.6, 0.8])
    assert list(to_unit([3e-300, -4e-300])) == pytest.approx([0.6, -0.8])


def test_a_sketch_has_a_bit_for_each_sign() -> None:
    assert to_sketch([0.5, -0.5, 0.0, 2.0]) == 0b1001
    assert to_sketch([]) == 0
