"""What requests take of a budget: at least what is sent, and in the end what the vendor counted."""

from __future__ import annotations

import asyncio

import pytest

from aiex.budget import Allotment, Budget, Exhausted
from aiex.errors import ConfigError
from aiex.llm.toll import Toll
from aiex.messages import Usage


def price(name: str, usage: Usage) -> float | None:
    """A thousandth for a token in, five for one out."""
    if name == "local/free" or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return (usage.input_tokens + 5 * usage.output_tokens) / 1_000


def spend(budget: Budget, tokens: int, usage: Usage | None, name: str = "local/m") -> None:
    toll = Toll(budget, price)
    lease = asyncio.run(toll.before(name, "", tokens))
    asyncio.run(toll.after(lease, usage))


@pytest.mark.parametrize(
    ("allotment", "kind", "used"),
    [
        (Allotment(requests=2), "requests", 2),
        (Allotment(tokens=250), "tokens", 200),
        (Allotment(cost_usd=0.65), "money", 0.6),
        (Allotment(cost_usd=0.6), "money", 0.6),
    ],
)
def test_a_budget_ends_before_it_is_passed(allotment: Allotment, kind: str, used: float) -> None:
    budget = Budget(allotment)
    for _ in range(2):
        spend(budget, 50, Usage(50, 50))
    with pytest.raises(Exhausted) as caught:
        spend(budget, 100, Usage(1, 1))
    assert (str(caught.value.budget), caught.value.exit_code) == (kind, 5)
    assert caught.value.used == pytest.approx(used)


def test_what_came_to_nothing_counts_as_a_request_alone() -> None:
    budget = Budget(Allotment(cost_usd=1))
    spend(budget, 100, None)
    assert [budget.used(kind) for kind in ("requests", "tokens", "money")] == [1, 0, 0]


def test_where_a_vendor_does_not_count_the_estimate_stays() -> None:
    budget = Budget(Allotment(cost_usd=1))
    spend(budget, 100, Usage())
    assert [budget.used(kind) for kind in ("tokens", "money")] == [100, pytest.approx(0.1)]
    spend(budget, 100, Usage(90, None))
    assert [budget.used(kind) for kind in ("tokens", "money")] == [190, pytest.approx(0.2)]


def test_money_cannot_be_kept_for_a_model_without_a_price() -> None:
    whole = Budget(Allotment(cost_usd=1))
    for budget in (whole, whole.part(Allotment())):
        with pytest.raises(ConfigError, match="price of local/free is unknown"):
            spend(budget, 1, Usage(1, 1), "local/free")
    assert whole.used("requests") == 0


def test_without_a_limit_in_money_no_price_is_needed() -> None:
    budget = Budget(Allotment(tokens=50))
    spend(budget, 10, Usage(20, 5), "local/free")
    assert (budget.used("tokens"), budget.used("money")) == (25, 0)
