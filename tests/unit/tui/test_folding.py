"""What is long becomes a token in the prompt and opens again when it is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.tui.folding import Fold, Folds, find_pictures, find_tokens, unfold


def test_short_pastes_stay_as_they_are():
    assert Folds().fold("a\nb\nc\n") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("pasted", "token"),
    [
        ("x\n" * 120, "[pasted 120 lines]"),
        ("x" * 2_500, "[pasted 2,500 characters]"),
        ("1\n2\n3\n4\n5\n6", "[pasted 6 lines]"),
        ("/home/me/shot.png", "[picture shot.png]"),
        ("'/home/me/my shot.PNG'", "[picture my shot.PNG]"),
        (r"/home/me/my\ shot.jpg", "[picture my shot.jpg]"),
        ("file:///tmp/a%20b.webp\n", "[picture a b.webp]"),
        ("/a/one.png /b/two.gif", "[picture one.png] [picture two.gif]"),
    ],
)
def test_what_is_long_or_a_picture_is_folded(pasted: str, token: str):
    assert Folds().fold(pasted) == token


@pytest.mark.parametrize(
    "pasted", ["logo.png", "see /a/b.png", "/a/b.txt", "https://x/y.png", "", " ", "'", "/.png\n/"]
)
def test_words_that_only_speak_of_pictures_stay_words(pasted: str):
    assert find_pictures(pasted) == []


def test_two_pastes_of_one_length_are_two_tokens():
    folds = Folds()
    first, second = folds.fold("a\n" * 9), folds.fold("b\n" * 9)

    text = f"{first} and {second}"

    assert second == "[pasted 9 lines #2]"
    assert unfold(text, folds.of(text)) == "a\n" * 9 + " and " + "b\n" * 9


def test_the_same_paste_is_the_same_token():
    folds = Folds()
    assert folds.fold("a\n" * 9) == folds.fold("a\n" * 9)


def test_a_token_that_nobody_made_is_words():
    assert Folds().of("[pasted 3 lines]") == {}
    assert unfold("[pasted 3 lines]", {}) == "[pasted 3 lines]"


def test_pictures_stay_tokens_in_a_command():
    assert unfold("! [picture a.png]", {"[picture a.png]": Fold(picture="/a.png")}) == "! [picture a.png]"


@given(st.text(max_size=3_000), st.text(max_size=40))
def test_whatever_is_pasted_opens_to_itself(pasted: str, before: str):
    folds = Folds()
    token = folds.fold(pasted)

    assert all(token[start:end] == found for start, end, found in find_tokens(token))
    known = folds.of(before + token)
    assert (
        unfold(token, known) == pasted
        or [fold.picture for fold in known.values()] == find_pictures(pasted)
        or not known
    )
