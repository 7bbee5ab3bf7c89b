"""A change in parts: whatever is taken of it, the rest stays as it was."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.edits.applying import FileChange
from aiex.tui.hunks import Review, review, to_after

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d\r\n"]), max_size=14)
TAILS = st.sampled_from([b"", b"end", b"x"])


def contents() -> st.SearchStrategy[bytes]:
    return st.builds(lambda lines, tail: b"".join(lines) + tail, LINES, TAILS)


@given(contents(), contents())
def test_all_taken_gives_what_was_wanted_and_none_what_was_there(before: bytes, after: bytes) -> None:
    made = Review("a.txt", before, after)
    assert made.result() == after
    made.choose("refused")
    assert made.result() == before


@given(contents(), contents(), st.lists(st.booleans(), min_size=30, max_size=30))
def test_any_choice_replaces_these_lines_and_no_others(before: bytes, after: bytes, taken: list[bool]) -> None:
    made = Review("a.txt", before, after)
    for part, is_taken in zip(made.parts, taken, strict=False):
        part.choice = "taken" if is_taken else "refused"
    expected = list(made.old)
    for part in reversed(made.parts):
        if part.choice == "taken":
            expected[part.hunk.old_start : part.hunk.old_end] = made.new[part.hunk.new_start : part.hunk.new_end]
    assert made.result() == b"".join(expected)


@given(contents(), contents())
def test_parts_hold_what_differs_and_nothing_else(before: bytes, after: bytes) -> None:
    made = Review("a.txt", before, after)
    old, new = list(made.old), list(made.new)
    for part in reversed(made.parts):
        del old[part.hunk.old_start : part.hunk.old_end], new[part.hunk.new_start : part.hunk.new_end]
    assert old == new
    matcher = difflib.SequenceMatcher(None, made.old, made.new, autojunk=False)
    assert len(old) >= sum(block.size for block in matcher.get_matching_blocks())


def test_one_of_two_parts() -> None:
    before = b"".join(b"%d\n" % number for number in range(9))
    made = Review("a.txt", before, before.replace(b"1\n", b"one\n").replace(b"7\n", b"seven\n"))
    made.toggle(made.parts[0])
    assert made.result() == before.replace(b"7\n", b"seven\n")
    assert to_after([made]) == {"a.txt": made.result()}


@pytest.mark.parametrize(
    ("wanted", "typed", "expected"),
    [
        (b"a\nB\nc\n", "mine", b"a\nmine\nc\n"),
        (b"a\nB\nc\n", "two\nlines\n", b"a\ntwo\nlines\nc\n"),
        (b"a\nB\nc\n", "", b"a\nc\n"),
        (b"a\nc\n", "kept", b"a\nkept\nc\n"),
        (b"a\nb\nC", "mine", b"a\nb\nmine"),
    ],
)
def test_own_words_stand_in_the_place_of_a_part(wanted: bytes, typed: str, expected: bytes) -> None:
    before = b"a\nb\nc\n"
    made = Review("a.txt", before, wanted)
    made.edit(made.parts[0], typed)
    assert made.result() == expected


def test_own_words_keep_the_line_ends_of_the_file() -> None:
    made = Review("a.txt", b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n")
    made.edit(made.parts[0], "x\ny")
    assert made.result() == b"a\r\nx\r\ny\r\nc\r\n"


def test_words_as_they_were_are_no_words_of_ones_own() -> None:
    made = Review("a.txt", b"a\n", b"b\n")
    made.edit(made.parts[0], "b\n")
    assert made.is_as_wanted
    assert to_after([made]) is None


def test_a_part_in_which_something_hides_is_not_edited() -> None:
    made = Review("a.txt", b"a\n", "b\u202e\n".encode())
    assert not made.can_edit(made.parts[0])


@pytest.mark.parametrize(
    "change",
    [
        FileChange("new.txt", None, b"a\nb\n"),
        FileChange("old.txt", b"a\nb\n", None),
        FileChange("there.txt", b"a\nb\n", b"a\nc\n", None, "here.txt"),
        FileChange("blob", b"\0\1", b"\0\2"),
    ],
)
def test_what_cannot_be_divided_is_taken_or_left_out(change: FileChange) -> None:
    (made,) = review([change])
    assert to_after([made]) is None
    made.toggle(made.parts[0])
    assert to_after([made]) == {}
    assert made.result() == change.before
