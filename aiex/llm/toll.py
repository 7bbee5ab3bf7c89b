"""The gate of a budget: counts each request on it, in tokens and money, before it is sent and when it is over."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import ConfigError
from aiex.messages import Usage

if TYPE_CHECKING:
    from aiex.budget import Budget, Hold

CostOf = Callable[[str, Usage], float | None]
"""What a usage of `provider/model` costs in US dollars; None when that is unknown."""


class Lease(NamedTuple):
    """One request on its way."""

    target_name: str
    hold: "Hold"


class Toll:
    """Counts the requests of whoever works within one budget."""

    def __init__(self, budget: "Budget", cost_of: CostOf) -> None:
        self._budget = budget
        self._cost_of = cost_of

    async def before(self, target_name: str, key_id: str, tokens: int) -> Lease:
        """Count a request by what is sent.

        Raises:
            Exhausted: if the budget is used up, or the request alone would go past it.
            ConfigError: if money is to be kept and the price of the model is unknown.
        """
        cost_usd: float | None = 0.0
        if self._budget.left("money") is not None:
            cost_usd = self._cost_of(target_name, Usage(tokens, 0))
            if cost_usd is None:
                raise ConfigError(
                    f"a budget in money cannot be kept: the price of {target_name} is unknown",
                    hint="use --max-tokens instead of --max-cost",
                )
        return Lease(target_name, await self._budget.hold(tokens, cost_usd or 0.0))

    async def after(self, lease: object, usage: Usage | None) -> None:
        """Count what the request used in place of the estimate.

        Nothing came back, nothing counts. Where a vendor answered and did not count, what was sent counts as estimated.
        """
        if not isinstance(lease, Lease):
            return
        if usage is None:
            self._budget.settle(lease.hold, 0, 0.0)
            return
        sent = lease.hold.tokens if usage.input_tokens is None else usage.input_tokens
        self._budget.settle(lease.hold, sent + (usage.output_tokens or 0), self._cost_of(lease.target_name, usage))

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """A vendor's limit spends nothing."""
