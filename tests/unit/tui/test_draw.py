"""How blocks look at a width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aiex.guard.neutral import neutralise
from aiex.markdown import Block as Piece
from aiex.markdown import Blocks
from aiex.tui.blocks import Block, Call, Closing, Note, Output, Prose, Said, Thought
from aiex.tui.draw import Drawer, estimate
from aiex.tui.highlight import warm
from aiex.tui.story import BLOCK_CHARS, BLOCK_LINES
from aiex.tui.theme import PALETTES, styles_of

HOSTILE = st.text(
    st.one_of(
        st.sampled_from("ab \t\n中😀❤️‍🔥é\u200b\u202e\x1b[31m\r\u0301\ud800\udc80|*_`#>-1."),
        st.characters(),
    ),
    max_size=120,
)
KINDS = ["heading", "paragraph", "item", "quote", "code", "table", "rule"]


@pytest.fixture(scope="module", autouse=True)
def warmth() -> None:
    warm("python")


def drawer() -> Drawer:
    return Drawer(styles_of("dark"), PALETTES["dark"].syntax)


def texts(block: Block, width: int = 60) -> list[str]:
    return [row.text.rstrip() for row in drawer().draw(block, width)]


def blocks_of(text: str, other: str) -> list[Block]:
    """One of each kind, saying what is hostile."""
    one, two = neutralise(text), neutralise(other)
    call = Call("1", one.replace("\n", " "), two.replace("\n", " "), result=one, output=two.split("\n"), rule=one)
    call.edits.append((two, "changed", 1, 2))
    opened = Call("2", "run", one.replace("\n", " "), state="failed", result=two, duration_ms=12_000, exit_code=1)
    opened.fold(False)
    thought = Thought(one, is_open=False)
    thought.fold(False)
    note = Note(one, "warning", two)
    note.fold(False)
    return [
        *(Prose(piece) for piece in [*Blocks().feed(f"{one}\n{two}\n\n"), Piece("paragraph", one), Piece("quote", two),
                                     Piece("code", one, mark="python"), Piece("table", f"| {one} | {two} |\n| {two} |"),
                                     Piece("item", one, 3, "-"), Piece("heading", two, 1), Piece("rule", "")]),
        Prose(Piece("code", two, mark="python"), is_open=True),
        Said(one, 1, (two.replace("\n", " "),)), Said("\n".join([one] * 40)), thought, Thought(two), call, opened, note,
        Output("list", one), Closing(((one, "error"), (two, "note")), 1200, 10, 0.1),
    ]  # fmt: skip


@given(HOSTILE, HOSTILE, st.integers(1, 200))
def test_no_row_is_wider_than_the_screen_and_nothing_steers_it(text: str, other: str, width: int) -> None:
    one = drawer()
    for block in blocks_of(text, other):
        rows = one.draw(block, width)
        assert all(cell_len(row.text) <= width for row in rows)
        assert not any(sign in row.text for row in rows for sign in "\x1b\r\n\t\x9b\u202e")
        assert estimate(block, width) >= 1


@pytest.mark.parametrize("width", [1, 7, 80])
def test_a_line_without_end_is_drawn_in_pieces(width: int) -> None:
    markdown = Blocks(most_lines=BLOCK_LINES, most_chars=BLOCK_CHARS)
    pieces = [*markdown.feed("x" * 100_000), *markdown.close()]
    assert "".join(piece.text for piece in pieces) == "x" * 100_000
    assert max(len(piece.text) for piece in pieces) <= BLOCK_CHARS
    assert max(map(len, texts(Prose(pieces[0]), width))) <= width


def test_markdown_is_read_without_its_marks() -> None:
    assert texts(Prose(Piece("paragraph", "some **bold** and `code` [here](x)"))) == ["", "some bold and code here (x)"]
    assert texts(Prose(Piece("table", "| a | b |\n|---|---|\n| 1 | 22 |"))) == ["", "a  b", "─  ──", "1  22"]
    assert texts(Prose(Piece("code", "if x:\n\n    y", mark="python"))) == ["", "  if x:", "", "      y"]


def test_a_wide_table_is_wrapped_in_its_cells() -> None:
    table = "| what | why |\n|---|---|\n| one | because it is so long that it has to be wrapped |"
    assert texts(Prose(Piece("table", table)), 24) == [
        "", "what  why", "────  ──────────────────", "one   because it is so", "      long that it has",
        "      to be wrapped",
    ]  # fmt: skip


def test_a_call_says_on_one_line_what_it_is_and_how_it_ended() -> None:
    call = Call("1", "run", "pytest -q", state="failed", result="exit code 1\nE assert 1 == 2", exit_code=1)
    call.duration_ms = 2_500
    assert texts(call) == ["", "✗ run pytest -q  exit 1  2.5 s", "  E assert 1 == 2"]
    call.fold(False)
    assert texts(call) == [
        "",
        "✗ run pytest -q  exit 1  2.5 s",
        "  run pytest -q",
        "  exit code 1",
        "  E assert 1 == 2",
    ]


def test_a_call_that_runs_shows_the_last_of_what_it_writes() -> None:
    call = Call("1", "run", "make")
    call.write("".join(f"line {number}\n" for number in range(500)))
    assert texts(call)[:2] == ["", "● run make"]
    assert texts(call)[2:6] == [f"  line {number}" for number in range(496, 500)]
    call.fold(False)
    assert "  … 101 lines before" in texts(call)


def test_edits_are_counted_below_their_call() -> None:
    call = Call("1", "edit", "a.py", state="done")
    call.edits.append(("a.py", "changed", 3, 1))
    assert texts(call) == ["", "✓ edit a.py", "  changed a.py +3 -1"]


def test_a_long_wish_is_folded() -> None:
    said = Said("\n".join(f"line {number}" for number in range(100)))
    assert texts(said)[-1] == "  ▸ 70 more lines"
    said.fold(False)
    assert texts(said)[-1] == "  line 99"


def test_a_thought_is_folded_to_a_line() -> None:
    thought = Thought()
    thought.add("one two three")
    assert texts(thought) == ["", "▸ thinking, 3 words"]
    thought.fold(False)
    assert texts(thought) == ["", "▾ thinking, 3 words", "  one two three"]
