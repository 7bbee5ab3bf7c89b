"""What a loop may use, and that a part of it never gets more than the whole has."""

from __future__ import annotations

from typing import Any

import pytest

from aiex.agent.meter import Allotment, Meter, Spent
from aiex.events import BudgetHit
from aiex.messages import Usage


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def spent(meter: Meter, act: Any) -> BudgetHit:
    with pytest.raises(Spent) as caught:
        act()
    assert caught.value.exit_code == 5
    return caught.value.event


def test_without_limits_nothing_ends() -> None:
    meter = Meter(Allotment())
    for _ in range(1_000):
        meter.take_turn()
        meter.take_call()
        meter.note(Usage(10**6, 10**6), 100.0)
    assert meter.left_s() is None


def test_each_part_ends_by_itself() -> None:
    clock = Clock()
    meter = Meter(Allotment(turns=1), clock=clock)
    meter.take_turn()
    assert spent(meter, meter.take_turn) == BudgetHit("turns", 1, 1)
    meter = Meter(Allotment(calls=1), clock=clock)
    meter.take_call()
    assert spent(meter, meter.take_call) == BudgetHit("calls", 1, 1)
    meter.take_turn()
    meter = Meter(Allotment(tokens=100), clock=clock)
    meter.note(Usage(90, 15), None)
    assert spent(meter, meter.take_turn) == BudgetHit("tokens", 105, 100)
    meter = Meter(Allotment(cost_usd=0.5), clock=clock)
    meter.note(Usage(90, 15), 0.5)
    assert spent(meter, meter.require_rest) == BudgetHit("money", 0.5, 0.5)
    meter = Meter(Allotment(time_s=10), clock=clock)
    clock.now_s += 4
    assert meter.left_s() == 6
    clock.now_s += 7
    assert meter.left_s() == 0
    assert spent(meter, meter.take_turn) == BudgetHit("time", 11, 10)
    assert spent(meter, meter.take_call) == BudgetHit("time", 11, 10)


def test_what_is_not_counted_costs_nothing() -> None:
    meter = Meter(Allotment(tokens=10, cost_usd=1))
    meter.note(Usage(), None)
    meter.take_turn()
    assert (meter.tokens, meter.cost_usd) == (0, 0)


def test_a_part_spends_of_the_whole_and_ends_with_it() -> None:
    clock = Clock()
    whole = Meter(Allotment(turns=3, calls=2, tokens=50, time_s=9), clock=clock)
    part = Meter(Allotment(turns=30), whole, clock=clock)
    part.take_turn()
    part.take_call()
    part.note(Usage(20, 5), 0.1)
    assert (whole.turns, whole.calls, whole.tokens, whole.cost_usd) == (1, 1, 25, 0.1)
    assert part.left_s() == 9
    whole.take_turn()
    part.take_turn()
    assert spent(part, part.take_turn) == BudgetHit("turns", 3, 3)
    part.take_call()
    assert spent(part, part.take_call) == BudgetHit("calls", 2, 2)
    part.note(Usage(20, 5), None)
    assert spent(part, part.require_rest) == BudgetHit("tokens", 50, 50)


def test_the_end_of_a_part_takes_nothing_from_the_whole() -> None:
    whole = Meter(Allotment(turns=10, calls=10))
    part = Meter(Allotment(turns=1, calls=1), whole)
    part.take_turn()
    part.take_call()
    for act in (part.take_turn, part.take_call):
        spent(part, act)
    assert (whole.turns, whole.calls) == (1, 1)


def test_time_that_is_over_is_that_of_whoever_has_less() -> None:
    clock = Clock()
    whole = Meter(Allotment(time_s=5), clock=clock)
    assert Meter(Allotment(), whole, clock=clock).left_s() == 5
    part = Meter(Allotment(time_s=2), whole, clock=clock)
    clock.now_s += 3
    assert (part.left_s(), part.out_of_time().event) == (0, BudgetHit("time", 3, 2))
    clock.now_s += 3
    assert part.out_of_time().event == BudgetHit("time", 6, 5)


def test_what_ended_says_how_to_go_on() -> None:
    error = Spent("calls", 7, 7)
    assert error.message == "the budget of 7 calls of tools is used up (7 calls of tools)"
    assert error.hint == "what was done is kept: go on with aiex run -c, and allow more with --set budget.tool_calls=N"
