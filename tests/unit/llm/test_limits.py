"""Limits: what is granted, what is given back, and what other processes take."""

from __future__ import annotations

import asyncio
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import sqlite
from aiex.budget import Allotment, Budget
from aiex.errors import BudgetEnded, Transient
from aiex.llm.gates import Gates
from aiex.llm.limits import UNTOLD_BLOCK_S, Limits
from aiex.llm.stores.limits import Bucket, SqliteLimits
from aiex.llm.toll import Toll
from aiex.messages import Usage
from aiex.settings import load

NOW = 1_795_000_000.0
MODEL = "local/m"


class Clock:
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def limits(path: Path, clock: Clock, **amounts: int) -> Limits:
    overrides = ["providers.local.base_url=http://127.0.0.1:1/v1"]
    overrides += [f"providers.local.{name}={amount}" for name, amount in amounts.items()]
    return Limits(load(None, overrides=overrides, environ={}), str(path / "limits.db"), clock=clock)


def take(gate: Any, tokens: int = 0, *, model: str = MODEL, key: str = "k1") -> Any:
    return asyncio.run(gate.before(model, key, tokens))


def grants(gate: Any, most: int, tokens: int = 0) -> int:
    """How many requests pass before one has to wait."""
    for number in range(most):
        try:
            take(gate, tokens)
        except Transient:
            return number
    return most


def test_as_many_requests_pass_as_the_limit_says(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, requests_per_minute=30)
    assert grants(gate, 100) == 30
    clock.now += 20.001
    assert grants(gate, 100) == 10
    clock.now += 3_600
    assert grants(gate, 100) == 30


def test_the_wait_is_told_and_then_there_is_room(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, requests_per_minute=2)
    assert grants(gate, 9) == 2
    with pytest.raises(Transient) as caught:
        take(gate)
    assert caught.value.kind == "rate_limit"
    assert caught.value.retry_after_s == pytest.approx(30)
    clock.now += caught.value.retry_after_s + 0.001
    take(gate)


def test_all_limits_are_taken_together_or_none(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, requests_per_minute=10, tokens_per_minute=1_000)
    assert grants(gate, 9, tokens=400) == 2
    assert grants(gate, 99, tokens=20) == 8  # the refused requests took nothing


def test_what_was_not_used_is_given_back_and_what_was_more_is_taken(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, tokens_per_minute=1_000)
    lease = take(gate, 900)
    asyncio.run(gate.after(lease, Usage(300, 100)))
    lease = take(gate, 600)
    asyncio.run(gate.after(lease, Usage(900, 200)))
    with pytest.raises(Transient) as caught:
        take(gate, 1)
    assert caught.value.retry_after_s == pytest.approx(60 * 501 / 1_000)


def test_an_unknown_use_leaves_the_estimate(tmp_path: Path) -> None:
    gate = limits(tmp_path, Clock(), tokens_per_minute=1_000)
    asyncio.run(gate.after(take(gate, 1_000), Usage(None, 5)))
    with pytest.raises(Transient):
        take(gate, 1)


def test_a_request_larger_than_the_limit_passes_when_nothing_else_was_taken(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, tokens_per_minute=1_000)
    take(gate, 3_000)
    with pytest.raises(Transient):
        take(gate, 1)
    clock.now += 180
    take(gate, 999)


def test_keys_and_models_have_limits_of_their_own(tmp_path: Path) -> None:
    gate = limits(tmp_path, Clock(), requests_per_day=1)
    take(gate)
    take(gate, key="k2")
    take(gate, model="local/other")
    with pytest.raises(Transient):
        take(gate)


@pytest.mark.parametrize(("said", "wait"), [(12.0, 12.0), (None, UNTOLD_BLOCK_S), (1e9, 86_400.0)])
def test_a_429_holds_everybody_back_also_without_limits(tmp_path: Path, said: float | None, wait: float) -> None:
    clock = Clock()
    gate, other = limits(tmp_path, clock), limits(tmp_path, clock)
    take(gate)
    assert not (tmp_path / "limits.db").exists()
    asyncio.run(gate.pushed(MODEL, "k1", said))
    with pytest.raises(Transient) as caught:
        take(other)
    assert caught.value.retry_after_s == pytest.approx(wait)
    clock.now += wait + 0.001
    take(other)


def test_a_clock_that_is_set_back_does_not_block_for_longer_than_the_window(tmp_path: Path) -> None:
    clock = Clock()
    gate = limits(tmp_path, clock, requests_per_minute=1)
    take(gate)
    clock.now -= 10_000_000
    with pytest.raises(Transient) as caught:
        take(gate)
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s <= 60


def _take_all(path: str, amount: int, results: Any) -> None:
    sqlite.BUSY_TIMEOUT_S = 60  # type: ignore[misc]  # a busy machine may keep the other waiting for long
    store = SqliteLimits(path)
    bucket = Bucket("b", amount, 60.0)
    results.put(sum(1 for _ in range(amount) if store.take({bucket: 1.0}, (), NOW) == 0))


def test_two_processes_are_granted_the_arithmetic_amount(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    path, amount = str(tmp_path / "limits.db"), 300
    workers = [context.Process(target=_take_all, args=(path, amount, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    granted = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(granted) == amount


@settings(max_examples=150)
@given(
    amount=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 400), st.integers(1, 60)), max_size=60),
)
def test_never_more_is_granted_than_the_limit_and_the_time_allow(amount: int, steps: list[tuple[float, int]]) -> None:
    store, bucket, now, taken, largest = SqliteLimits(":memory:"), Bucket("b", amount, 60.0), NOW, 0, 0
    for pause, cost in steps:
        now += pause
        if store.take({bucket: float(cost)}, (), now) == 0:
            taken += cost
            largest = max(largest, cost)
        assert taken <= max(amount, largest) + amount * (now - NOW) / 60 + 1e-6
    store.close()


# --- beside a budget --------------------------------------------------------------------------------------------------


def test_a_refusal_of_the_budget_gives_the_tokens_back(tmp_path: Path) -> None:
    clock = Clock()
    shared = limits(tmp_path, clock, tokens_per_minute=1_000)
    gate = Gates(shared, Toll(Budget(Allotment(requests=1)), lambda name, usage: 0.0))
    asyncio.run(gate.after(take(gate, 100), Usage(60, 40)))
    with pytest.raises(BudgetEnded):
        take(gate, 900)
    take(shared, 900)
