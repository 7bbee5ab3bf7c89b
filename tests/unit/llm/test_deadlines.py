"""Deadlines follow what was observed, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.deadlines import ENOUGH, FACTOR, FIRST_BYTE_FLOOR_S, IDLE_FLOOR_S, learn
from aiex.llm.endpoints import Deadlines

LIMITS = Deadlines(connect_s=10, first_byte_s=120, idle_s=90, total_s=900)


def test_few_observations_change_nothing() -> None:
    assert learn(LIMITS, [0.1] * (ENOUGH - 1), [0.1] * (ENOUGH - 1)) == LIMITS


def test_a_fast_model_is_waited_for_no_longer_than_the_floor() -> None:
    assert learn(LIMITS, [0.2] * 50, [0.1] * 50) == Deadlines(10, FIRST_BYTE_FLOOR_S, IDLE_FLOOR_S, 900)


def test_a_slow_model_gets_a_multiple_of_what_it_needs() -> None:
    learned = learn(LIMITS, [8.0] * 50, [5.0] * 50)
    assert (learned.first_byte_s, learned.idle_s) == (8 * FACTOR, 5 * FACTOR)


def test_a_deadline_that_passed_makes_the_next_one_longer() -> None:
    before = learn(LIMITS, [1.0] * 50, []).first_byte_s
    assert learn(LIMITS, [1.0] * 50 + [before], []).first_byte_s == before * FACTOR


def test_no_limit_stays_no_limit() -> None:
    unlimited = Deadlines(0, 0, 0, 0)
    assert learn(unlimited, [1.0] * 50, [1.0] * 50) == unlimited


@given(st.lists(st.floats(0, 1e6)), st.lists(st.floats(0, 1e6)), st.floats(0.1, 1000), st.floats(0.1, 1000))
def test_never_above_the_settings(begins: list[float], gaps: list[float], first: float, idle: float) -> None:
    learned = learn(Deadlines(10, first, idle, 900), begins, gaps)
    assert learned.first_byte_s <= first
    assert learned.idle_s <= idle
    assert learned.first_byte_s >= min(first, FIRST_BYTE_FLOOR_S)
    assert learned.idle_s >= min(idle, IDLE_FLOOR_S)


@pytest.mark.parametrize("slow", [1, 10])
def test_one_slow_call_of_many_counts(slow: int) -> None:
    assert learn(LIMITS, [0.1] * 99 + [float(slow)], []).first_byte_s == max(FIRST_BYTE_FLOOR_S, slow * FACTOR)
