"""Thinking inside the answer is told apart from the words, however the answer was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.thoughts import Splitter


def split(*pieces: str) -> tuple[str, str]:
    """Words and thinking."""
    splitter, found = Splitter(), []
    for piece in pieces:
        found += splitter.feed(piece)
    found += splitter.end()
    told = {kind: "".join(text for other, text in found if other == kind) for kind in ("text", "reasoning")}
    return told["text"], told["reasoning"]


@pytest.mark.parametrize(
    ("answer", "words", "thought"),
    [
        ("", "", ""),
        ("hello", "hello", ""),
        ("<think>hm</think>hello", "hello", "hm"),
        (" \n<think>hm</think>\r\n\n hello", " hello", "hm"),
        ("<think></think>hello", "hello", ""),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
        ("<think>cut off", "", "cut off"),
        ("<think>cut off</thi", "", "cut off</thi"),
        ("<thinking>", "<thinking>", ""),
        ("a <think>b</think>", "a <think>b</think>", ""),
        ("<think>a</b></think>c", "c", "a</b>"),
        ("  ", "  ", ""),
    ],
)
def test_only_thinking_at_the_very_beginning_counts(answer: str, words: str, thought: str) -> None:
    assert split(answer) == (words, thought)
    assert split(*answer) == (words, thought)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "</", "\n", " ", "a", "é"]), max_size=12))
def test_the_pieces_do_not_matter(pieces: list[str]) -> None:
    assert split(*pieces) == split("".join(pieces)) == split(*"".join(pieces))
