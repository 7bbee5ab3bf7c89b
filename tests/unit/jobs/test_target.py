"""Targets: what people and editors type, and names that look like something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import UsageError
from aiex.jobs.target import Target, parse_target

NAMES = st.text(alphabet=st.sampled_from("ab1:/.-#L\\ é"), min_size=1, max_size=12).filter(lambda text: text != "-")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a/b.py", Target("a/b.py")),
        ("a.py:12", Target("a.py", 12, 12)),
        ("a.py:12:", Target("a.py", 12, 12)),
        ("a.py:12:5", Target("a.py", 12, 12)),
        ("a.py:12:5:", Target("a.py", 12, 12)),
        ("a.py:12-20", Target("a.py", 12, 20)),
        ("a.py#L12", Target("a.py", 12, 12)),
        ("a.py#L12-L20", Target("a.py", 12, 20)),
        ("a.py#L12-20", Target("a.py", 12, 20)),
        ("a.py#L12C3-L20C9", Target("a.py", 12, 20)),
        ("a.py::Basket.add", Target("a.py", symbol="Basket.add")),
        ("a.cpp::net::Socket::open", Target("a.cpp", symbol="net::Socket::open")),
        (r"C:\code\a.py", Target(r"C:\code\a.py")),
        (r"C:\code\a.py:7", Target(r"C:\code\a.py", 7, 7)),
        (r"C:\code\a.py::f", Target(r"C:\code\a.py", symbol="f")),
        ("dir/", Target("dir/")),
        ("-", Target("-")),
        ("-:3", Target("-", 3, 3)),
        ("-::f", Target("-", symbol="f")),
        ("a b.py:3", Target("a b.py", 3, 3)),
    ],
)
def test_each_form_is_read(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no target"),
        (":12", "no path"),
        ("a.py::", "no symbol"),
        ("a.py:0", "line 0"),
        ("a.py:0-4", "line 0"),
        ("a.py:9-3", "backwards"),
        ("a\0b", "NUL"),
    ],
)
def test_nonsense_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_target(text)


def test_a_range_that_runs_backwards_is_offered_the_other_way_round() -> None:
    with pytest.raises(UsageError) as raised:
        parse_target("a.py:9-3")
    assert "a.py:3-9" in raised.value.hint


@pytest.mark.parametrize("name", ["notes:12", "a::b.py", "x:1:2", "log#L3"])
def test_an_existing_file_wins_over_every_other_reading(name: str) -> None:
    assert parse_target(name, {name}.__contains__) == Target(name)


def test_of_two_existing_files_the_longer_name_wins() -> None:
    there = {"a", "a:1"}
    assert parse_target("a:1:2", there.__contains__) == Target("a:1", 2, 2)


@given(path=NAMES, first=st.integers(1, 99999), more=st.integers(0, 500))
def test_a_written_range_is_read_back(path: str, first: int, more: int) -> None:
    target = Target(path, first, first + more)
    assert parse_target(str(target), {path}.__contains__) == target


@given(path=NAMES, symbol=NAMES)
def test_a_written_symbol_is_read_back(path: str, symbol: str) -> None:
    target = Target(path, symbol=symbol)
    assert parse_target(str(target), {path}.__contains__) == target


@given(st.text(max_size=40))
def test_any_text_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError:
        return
    assert target.path
    assert text.startswith(target.path)


def test_a_line_number_of_any_length_is_one() -> None:
    assert parse_target(f"a.py:{'0' * 5000}7").start_line == 7
    assert parse_target(f"a.py:{'9' * 5000}").start_line == 10**12
