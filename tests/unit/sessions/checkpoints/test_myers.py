"""The difference is the smallest there is, and people and other programs can read it."""

from __future__ import annotations

import shutil
import subprocess
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.sessions.checkpoints.myers import Hunk, diff_lines, render_unified, split_lines

LINES = st.lists(st.integers(0, 4), max_size=30)
TEXTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"a\r\n", b"\xff\n", b"- x\n"]), max_size=30).map(
    b"".join
)


def apply(old, new, hunks):
    made, place = [], 0
    for hunk in hunks:
        made += old[place : hunk.old_start] + new[hunk.new_start : hunk.new_end]
        place = hunk.old_end
    return made + old[place:]


def changed(hunks):
    return sum(hunk.old_end - hunk.old_start + hunk.new_end - hunk.new_start for hunk in hunks)


def common(old, new):
    """Length of a longest common subsequence, by the table of all prefixes."""
    row = [0] * (len(new) + 1)
    for line in old:
        before = row[:]
        for place, other in enumerate(new):
            row[place + 1] = before[place] + 1 if line == other else max(before[place + 1], row[place])
    return row[-1]


@given(LINES, LINES)
def test_difference_is_the_smallest(old, new):
    hunks = diff_lines(old, new)
    assert apply(old, new, hunks) == new
    assert changed(hunks) == len(old) + len(new) - 2 * common(old, new)


def test_difference_is_the_smallest_for_all_short_sequences():
    short = [list(letters) for size in range(5) for letters in product("ab", repeat=size)]
    for old, new in product(short, short):
        hunks = diff_lines(old, new)
        assert (apply(old, new, hunks), changed(hunks)) == (new, len(old) + len(new) - 2 * common(old, new))


@given(LINES, LINES)
def test_bounded_search_gives_a_difference_all_the_same(old, new):
    assert apply(old, new, diff_lines(old, new, most_steps=1)) == new
    assert apply(old, new, diff_lines(old, new, most_work=9)) == new


@given(LINES, LINES)
def test_hunks_are_in_order_and_do_not_touch(old, new):
    for one, other in zip(hunks := diff_lines(old, new), hunks[1:], strict=False):
        assert one.old_end < other.old_start
        assert one.new_end < other.new_start


def test_equal_sequences_have_no_hunks():
    assert diff_lines("same", "same") == []


def test_two_edits_far_apart_are_two_hunks():
    old = [f"line {number}" for number in range(10_000)]
    new = [*old[:10], "new", *old[10:9_000], "other", *old[9_001:]]
    assert diff_lines(old, new) == [Hunk(10, 10, 10, 11), Hunk(9_000, 9_001, 9_001, 9_002)]


def test_unlike_texts_of_few_words_are_compared_in_bounded_steps():
    old, new = [number % 7 for number in range(6_000)], [number * number % 11 % 7 for number in range(6_000)]
    assert apply(old, new, diff_lines(old, new, most_steps=16)) == new


def test_only_a_line_feed_ends_a_line():
    assert split_lines(b"a\rb\x0bc\n\nd") == [b"a\rb\x0bc\n", b"\n", b"d"]


def test_unified_diff_is_as_people_know_it():
    old = b"".join(b"%d\n" % number for number in range(1, 21))
    new = old.replace(b"3\n", b"three\n", 1).replace(b"18\n", b"")
    assert render_unified(old, new, old_name=b"a/x", new_name=b"b/x", around=1) == (
        b"--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n@@ -17,3 +17,2 @@\n 17\n-18\n 19\n"
    )


def test_unified_diff_of_equal_texts_is_empty():
    assert render_unified(b"a\n", b"a\n", old_name=b"a", new_name=b"b") == b""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("seed", range(6))
def test_git_applies_a_unified_diff(tmp_path, seed):
    old = b"".join(b"%d\n" % (number * (seed + 3) % 7) for number in range(60))
    new = old[: 20 * seed] + b"one\ntwo" + (b"\n" if seed % 2 else b"") + old[30 + 5 * seed : -1]
    (tmp_path / "x").write_bytes(old)
    patch = render_unified(old, new, old_name=b"a/x", new_name=b"b/x")
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, check=True)
    assert (tmp_path / "x").read_bytes() == new


@given(TEXTS, TEXTS)
def test_unified_diff_holds_both_sides(old, new):
    shown = render_unified(old, new, old_name=b"a", new_name=b"b", around=10_000)
    if old == new:
        assert shown == b""
        return
    body = shown.split(b"\n", 3)[3].replace(b"\n\\ No newline at end of file\n", b"")
    lines = body.split(b"\n")
    assert b"\n".join(line[1:] for line in lines if line[:1] in (b" ", b"-")).strip(b"\n") == old.strip(b"\n")
