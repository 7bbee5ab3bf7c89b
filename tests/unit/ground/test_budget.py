"""What a run may use, and that a part of it never gets more than the whole has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.budget import KINDS, Allotment, Budget, Exhausted, Reading, open_budget
from aiex.settings import load


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def send(budget: Budget, tokens: int, cost_usd: float = 0.0, *, least: int = 1, least_usd: float = 0.0) -> None:
    """A request from its beginning to its end."""
    budget.settle(asyncio.run(budget.hold(least, least_usd)), tokens, cost_usd)


def ended(act: Callable[[], Any]) -> tuple[str, float, float]:
    with pytest.raises(Exhausted) as caught:
        act()
    assert (caught.value.exit_code, "used up" in caught.value.message) == (5, True)
    return caught.value.budget, caught.value.used, caught.value.limit


def test_without_limits_nothing_ends() -> None:
    budget = Budget()
    for _ in range(300):
        budget.take_turn()
        budget.take_call()
        send(budget, 10**9, 10**6)
    assert [budget.left(kind) for kind in KINDS] == [None] * 6
    assert (budget.used("turns"), budget.used("requests"), budget.used("tokens")) == (300, 300, 300 * 10**9)


def test_every_kind_ends_in_the_same_way() -> None:
    clock = Clock()
    budget = Budget(Allotment(turns=1), clock=clock)
    budget.take_turn()
    assert ended(budget.take_turn) == ("turns", 1, 1)
    budget = Budget(Allotment(calls=1), clock=clock)
    budget.take_call()
    assert ended(budget.take_call) == ("calls", 1, 1)
    budget.take_turn()
    budget = Budget(Allotment(requests=2), clock=clock)
    send(budget, 5)
    send(budget, 5)
    assert ended(lambda: send(budget, 5)) == ended(budget.take_turn) == ("requests", 2, 2)
    budget = Budget(Allotment(tokens=100), clock=clock)
    send(budget, 105)
    assert ended(lambda: send(budget, 1)) == ended(budget.take_turn) == ("tokens", 105, 100)
    budget.take_call()  # what was answered is done
    budget = Budget(Allotment(cost_usd=0.5), clock=clock)
    send(budget, 5, 0.5)
    assert ended(lambda: send(budget, 1)) == ended(budget.take_turn) == ("money", 0.5, 0.5)
    budget = Budget(Allotment(time_s=10), clock=clock)
    clock.now_s += 11
    assert ended(budget.take_turn) == ended(budget.take_call) == ended(lambda: send(budget, 1)) == ("time", 11, 10)


def test_a_request_that_alone_would_go_past_a_limit_is_not_sent() -> None:
    budget = Budget(Allotment(tokens=250, cost_usd=1))
    send(budget, 200, 0.8)
    with pytest.raises(Exhausted, match=r"^the budget of 250 tokens is used up \(200 tokens, and the next .* 100 tok"):
        send(budget, 1, least=100)
    with pytest.raises(Exhausted, match=r"^the budget of \$1.0000 is used up \(\$0.8000, and .* at least \$0.3000\)$"):
        send(budget, 1, least_usd=0.3)
    assert (budget.used("tokens"), budget.used("requests"), budget.left("tokens")) == (200, 1, 50)
    assert (budget.ended and budget.ended.budget) == "money"


def test_an_estimate_counts_until_more_is_known() -> None:
    budget = Budget(Allotment(tokens=100))
    hold = asyncio.run(budget.hold(60, 0.0))
    assert (budget.used("tokens"), budget.left("tokens")) == (60, 40)
    budget.settle(hold, 25, 0.01)
    assert (budget.used("tokens"), budget.used("money")) == (25, 0.01)
    budget.settle(asyncio.run(budget.hold(60, 0.0)))
    assert budget.used("tokens") == 85


def test_a_part_counts_on_all_above_it_and_ends_with_them() -> None:
    clock = Clock()
    whole = Budget(Allotment(turns=3, calls=2, tokens=50, time_s=9), clock=clock)
    part = whole.part(Allotment(turns=30)).part(Allotment())
    whole.take_turn()
    part.take_turn()
    part.take_call()
    send(part, 40)
    assert [whole.used(kind) for kind in ("turns", "calls", "tokens", "requests")] == [2, 1, 40, 1]
    assert [part.used(kind) for kind in ("turns", "calls", "tokens", "requests")] == [1, 1, 40, 1]
    assert [part.left(kind) for kind in KINDS] == [None, 10, None, 1, 1, 9]
    part.take_turn()
    assert ended(part.take_turn) == ("turns", 3, 3)
    whole.take_call()
    assert ended(part.take_call) == ("calls", 2, 2)
    assert (part.used("turns"), part.used("calls")) == (2, 1)


def test_a_part_that_is_used_up_leaves_the_whole_alone() -> None:
    whole = Budget(Allotment(turns=10))
    part = whole.part(Allotment(turns=1, tokens=10))
    part.take_turn()
    assert ended(part.take_turn) == ("turns", 1, 1)
    send(whole, 30)
    send(whole.part(Allotment()), 30)
    assert (whole.used("tokens"), part.used("tokens"), whole.left("turns")) == (60, 0, 9)


def test_time_is_that_of_the_nearest_end() -> None:
    clock = Clock()
    whole = Budget(Allotment(time_s=5), clock=clock)
    clock.now_s += 1
    part = whole.part(Allotment(time_s=2))
    assert (part.left("time"), whole.left("time"), whole.part(Allotment()).left("time")) == (2, 4, 4)
    clock.now_s += 3
    assert (part.left("time"), part.out_of_time().limit, whole.left("time")) == (0, 2, 1)
    clock.now_s += 3
    assert whole.part(Allotment()).out_of_time().limit == 5


def test_a_view_reads_every_kind_at_any_time() -> None:
    clock = Clock()
    budget = Budget(Allotment(cost_usd=0.5, turns=4), clock=clock)
    part = budget.part(Allotment(turns=30))
    asyncio.run(part.hold(7, 0.125))
    part.take_turn()
    clock.now_s += 2
    assert budget.readings() == (
        Reading("money", 0.125, 0.5, 0.375),
        Reading("tokens", 7, 0, None),
        Reading("requests", 1, 0, None),
        Reading("turns", 1, 4, 3),
        Reading("calls", 0, 0, None),
        Reading("time", 2, 0, None),
    )
    assert part.readings()[3] == Reading("turns", 1, 30, 3)


def test_the_settings_say_how_much() -> None:
    given_ = ("cost_usd=0.5", "tokens=1", "calls=2", "turns=3", "tool_calls=4", "time_s=9")
    readings = open_budget(load(None, environ={}, overrides=[f"budget.{one}" for one in given_])).readings()
    assert [one.limit for one in readings] == [0.5, 1, 2, 3, 4, 9]


async def test_with_a_limit_on_tokens_requests_wait_for_each_other() -> None:
    whole = Budget(Allotment(tokens=10))
    first = await whole.part(Allotment()).hold(3, 0.0)
    second = asyncio.create_task(whole.part(Allotment()).hold(3, 0.0))
    given_up = asyncio.create_task(whole.hold(3, 0.0))
    await asyncio.sleep(0)
    given_up.cancel()
    assert not second.done()
    whole.settle(first, 12, 0.0)
    with pytest.raises(Exhausted, match="12 tokens"):
        await second
    assert whole.used("requests") == 1


async def test_without_one_they_go_beside_each_other() -> None:
    whole = Budget(Allotment(turns=3, requests=2))
    holds = [await whole.part(Allotment()).hold(3, 0.0) for _ in range(2)]
    assert whole.used("tokens") == 6
    for hold in holds:
        whole.settle(hold, 5, 0.0)
    assert whole.used("tokens") == 10


# --- any tree of parts ------------------------------------------------------------------------------------------------


class Asks(NamedTuple):
    """What one who works for a run does next."""

    what: str
    """turn, call, request or wait."""
    least: int = 0
    tokens: int = 0
    steps: int = 0
    """How long it takes."""


class Works(NamedTuple):
    """A budget of a tree, and what happens on it."""

    parent: int
    """Below the budget of this number, counted from those before it."""
    allotment: Allotment
    asks: list[Asks]


LIMIT = st.integers(0, 30)
ALLOTMENTS = st.builds(
    lambda tokens, requests, turns, calls, cents: Allotment(cents / 100, tokens, requests, turns, calls),
    LIMIT, LIMIT, LIMIT, LIMIT, LIMIT,
)  # fmt: skip
ASKS = st.builds(
    Asks, st.sampled_from(("turn", "call", "request", "request", "wait")), st.integers(0, 9), st.integers(0, 20),
    st.integers(0, 3),
)  # fmt: skip
TREES = st.lists(st.builds(Works, st.integers(0, 9), ALLOTMENTS, st.lists(ASKS, max_size=12)), min_size=1, max_size=6)


@given(TREES)
def test_no_tree_goes_past_a_limit_by_more_than_one_request(tree: list[Works]) -> None:
    """Tokens and cents are the same here. What a request takes beyond its estimate is known only at its end."""
    budgets = [Budget(tree[0].allotment)]
    for number, works in enumerate(tree[1:], 1):
        budgets.append(budgets[works.parent % number].part(works.allotment))
    took: list[list[int]] = [[] for _ in tree]
    counts = [{"turn": 0, "call": 0, "request": 0} for _ in tree]

    async def do(number: int, asks: Asks) -> None:
        budget = budgets[number]
        if asks.what == "turn":
            budget.take_turn()
        elif asks.what == "call":
            budget.take_call()
        elif asks.what == "request":
            hold = await budget.hold(asks.least, asks.least / 100)
            for _ in range(asks.steps):
                await asyncio.sleep(0)
            budget.settle(hold, asks.tokens, asks.tokens / 100)
            took[number].append(asks.tokens)
        if asks.what in counts[number]:
            counts[number][asks.what] += 1

    async def work(number: int) -> None:
        for asks in tree[number].asks:
            for _ in range(asks.steps):
                await asyncio.sleep(0)
            with suppress(Exhausted):
                await do(number, asks)

    async def work_all() -> None:
        await asyncio.wait_for(asyncio.gather(*map(work, range(len(tree)))), 60)

    asyncio.run(work_all())
    for budget, works in zip(budgets, tree, strict=True):
        below = [at for at, other in enumerate(budgets) if budget in other._chain]
        requests = [tokens for at in below for tokens in took[at]]
        allotment = works.allotment
        assert budget.used("tokens") == sum(requests)
        assert budget.used("money") == pytest.approx(sum(requests) / 100)
        for what, used, limit in (
            ("turn", budget.used("turns"), allotment.turns),
            ("call", budget.used("calls"), allotment.calls),
            ("request", budget.used("requests"), allotment.requests),
        ):
            assert used == sum(counts[at][what] for at in below)
            assert not limit or used <= limit
        largest = max(requests, default=0)
        assert not allotment.tokens or sum(requests) <= allotment.tokens + largest
        assert not allotment.cost_usd or sum(requests) / 100 <= allotment.cost_usd + largest / 100 + 1e-9


def test_a_new_wish_has_its_turns_calls_and_time_and_what_is_left_of_the_rest() -> None:
    now = 0.0
    budget = Budget(Allotment(tokens=100, turns=1, calls=1, time_s=10), clock=lambda: now)
    budget.take_turn()
    budget.take_call()
    budget._add("tokens", 60)
    now = 30.0
    with pytest.raises(Exhausted):
        budget.take_turn()
    budget.begin_wish()
    budget.take_turn()
    budget.take_call()
    assert budget.left("tokens") == 40


def test_other_limits_do_not_begin_anew() -> None:
    before, after = Budget(Allotment(tokens=100)), Budget(Allotment(tokens=150))
    before._add("tokens", 90)
    after.go_on_from(before)
    assert (after.used("tokens"), after.left("tokens")) == (90, 60)
