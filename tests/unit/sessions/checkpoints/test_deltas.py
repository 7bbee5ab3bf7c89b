"""A delta makes the content of its base again, whatever the bytes, and is small where little changed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.sessions.checkpoints import deltas
from aiex.sessions.checkpoints.deltas import apply_delta, make_delta

LINES = st.lists(st.sampled_from([b"a\n", b"bb\n", b"\n", b"\xff\0\n", b"end"]), max_size=40).map(b"".join)


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_any_bytes_come_back(base, content):
    assert apply_delta(base, make_delta(base, content)) == content


@given(LINES, LINES)
def test_any_lines_come_back(base, content):
    assert apply_delta(base, make_delta(base, content)) == content


@given(LINES, LINES)
def test_contents_of_too_many_lines_come_back(base, content):
    most, deltas.MOST_LINES = deltas.MOST_LINES, 3
    try:
        assert apply_delta(base, make_delta(base, content)) == content
    finally:
        deltas.MOST_LINES = most


def test_one_changed_letter_costs_a_few_bytes():
    base = b"".join(b"a line of the text, number %d\n" % number for number in range(4_000))
    assert len(make_delta(base, base.replace(b"number 2000\n", b"number 2OOO\n"))) < 10


def test_a_letter_within_one_long_line_costs_a_few_bytes():
    base = Random(1).randbytes(300_000).replace(b"\n", b"")
    assert len(make_delta(base, base[:100_000] + b"!" + base[100_000:])) < 10


def test_changes_far_apart_cost_only_themselves():
    base = b"".join(b"%d\n" % number for number in range(20_000))
    content = base.replace(b"\n5\n", b"\nfive\n").replace(b"\n19990\n", b"\n")
    assert len(make_delta(base, content)) < 30


@pytest.mark.parametrize("delta", [b"\x05", b"\x00\x00\x05ab", b"\x7f\x00\x00", b"\x80" * 12, b"\x00\x7f\x00"])
def test_damaged_delta_is_refused(delta):
    with pytest.raises(ValueError, match="delta"):
        apply_delta(b"base", delta)
