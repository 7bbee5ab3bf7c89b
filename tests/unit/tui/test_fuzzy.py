"""A few letters find the text that was meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiex.tui.fuzzy import Pool

PATHS = ["aiex/tui/app.py", "aiex/tui/widgets/prompt.py", "docs/prompting.md", "tests/test_prompt.py", "README.md"]


def find(query: str) -> list[str]:
    pool = Pool(PATHS)
    return [pool.texts[at] for at in pool.find(query, 3)]


def test_a_name_comes_before_what_begins_with_it():
    assert find("prompt") == ["aiex/tui/widgets/prompt.py", "docs/prompting.md", "tests/test_prompt.py"]


def test_letters_in_their_order_suffice():
    assert find("twprm") == ["aiex/tui/widgets/prompt.py"]


def test_capitals_do_not_count():
    assert find("readme") == ["README.md"]
    assert find("README") == ["README.md"]


def test_nothing_typed_gives_the_first():
    assert find("") == PATHS[:3]


@given(st.lists(st.text(max_size=12), max_size=12), st.text(max_size=6))
def test_what_is_found_has_the_letters(texts: list[str], query: str):
    for at in Pool(texts).find(query, 5):
        rest = iter(texts[at].lower())
        assert all(letter in rest for letter in "".join(query.lower().split()))


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.split() and "\n" not in text))
def test_a_text_finds_itself(text: str):
    assert Pool(["other", text]).find(text, 2)[:1] == [1 if "".join(text.lower().split()) != "other" else 0]
