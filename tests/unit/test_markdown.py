"""Markdown in pieces: closed blocks, each once; styled words; nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.markdown import Block, Blocks, Span, spans, table_rows

PAGE = """# Title

A paragraph
of two lines.
- one
- two
  goes on
  1. inner

> said
> twice

| a | b |
|---|---|
| 1 | 2 |

```python
def f():

    pass
```
---
last"""


def blocks_of(text: str, *, size: int = 10_000) -> list[Block]:
    blocks = Blocks()
    found = [block for at in range(0, len(text), size) for block in blocks.feed(text[at : at + size])]
    return [*found, *blocks.close()]


def test_a_page_becomes_its_blocks() -> None:
    assert blocks_of(PAGE) == [
        Block("heading", "Title", level=1),
        Block("paragraph", "A paragraph of two lines."),
        Block("item", "one", mark="-"),
        Block("item", "two goes on", mark="-"),
        Block("item", "inner", level=2, mark="1."),
        Block("quote", "said twice"),
        Block("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        Block("code", "def f():\n\n    pass", mark="python"),
        Block("rule", ""),
        Block("paragraph", "last"),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_of_any_size_give_the_same_blocks(size: int) -> None:
    assert blocks_of(PAGE, size=size) == blocks_of(PAGE)


def test_a_block_is_given_as_soon_as_it_is_closed() -> None:
    blocks = Blocks()
    assert list(blocks.feed("# A\npara")) == [Block("heading", "A", level=1)]
    assert list(blocks.feed("graph\n")) == []
    assert list(blocks.feed("\n")) == [Block("paragraph", "paragraph")]


def test_an_open_fence_ends_with_the_text() -> None:
    assert blocks_of("```\na\n# b") == [Block("code", "a\n# b")]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    assert blocks_of("````\n```\n````") == [Block("code", "```")]


@given(st.text(alphabet="ab #-*`|>_1.\n[]()"), st.integers(1, 5))
def test_no_word_is_lost_and_pieces_do_not_matter(text: str, size: int) -> None:
    found = blocks_of(text, size=size)
    assert found == blocks_of(text)
    letters = "".join(block.mark + block.text for block in found)
    assert sorted(sign for sign in letters if sign in "ab") == sorted(sign for sign in text if sign in "ab")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a `b` c", [Span("a ", "plain"), Span("b", "code"), Span(" c", "plain")]),
        ("**a `b`**", [Span("a ", "bold"), Span("b", "code")]),
        ("*a* _b_", [Span("a", "slant"), Span(" ", "plain"), Span("b", "slant")]),
        ("snake_case_name", [Span("snake_case_name", "plain")]),
        ("__init__.py", [Span("__init__.py", "plain")]),
        ("2 * 3 * 4", [Span("2 * 3 * 4", "plain")]),
        ("[a](b)", [Span("a", "plain"), Span(" (b)", "link")]),
        ("``a`b``", [Span("a`b", "code")]),
        (r"\*a\*", [Span("*", "plain"), Span("a", "plain"), Span("*", "plain")]),
    ],
)
def test_marks_become_styles(text: str, wanted: list[Span]) -> None:
    assert list(spans(text)) == wanted


def test_table_cells_lose_the_line_of_dashes_and_keep_escaped_bars() -> None:
    assert table_rows("| a | b |\n|:-:|---|\n| x \\| y | |") == [["a", "b"], ["x | y", ""]]
