"""What one run may spend: money, tokens, calls and time; asked before each request."""

import time
from collections.abc import Callable
from typing import Literal

from aiex.errors import BudgetEnded, ConfigError
from aiex.messages import Usage
from aiex.record import record

CostOf = Callable[[str, Usage], float | None]
"""What a usage of `provider/model` costs in US dollars; None when that is unknown."""


@record
class Allowance:
    """The most of each; 0 means no limit."""

    cost_usd: float = 0.0
    tokens: int = 0
    calls: int = 0
    time_s: float = 0.0


class Exhausted(BudgetEnded):
    """Which budget ended, how much was used of it and how much was allowed."""

    def __init__(self, budget: Literal["money", "tokens", "calls", "time"], used: float, limit: float) -> None:
        super().__init__(
            f"the budget of {_UNITS[budget].format(limit)} is used up ({_UNITS[budget].format(used)})",
            hint=f"allow more with {_FLAGS[budget]}",
        )
        self.budget = budget
        self.used = used
        self.limit = limit


_UNITS = {"money": "${:.4f}", "tokens": "{:,.0f} tokens", "calls": "{:.0f} calls", "time": "{:.0f} s"}
_FLAGS = {"money": "--max-cost", "tokens": "--max-tokens", "calls": "--set budget.calls=N", "time": "--time-limit"}


class Budget:
    """A gate that counts what a run spends; one object is shared by everything that spends for it."""

    def __init__(self, allowance: Allowance, cost_of: CostOf, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.allowance = allowance
        self.cost_usd = 0.0
        self.tokens = 0
        self.calls = 0
        self._cost_of = cost_of
        self._clock = clock
        self._began_s = clock()

    async def before(self, target_name: str, key_id: str, tokens: int) -> str:
        """Count one call.

        Raises:
            Exhausted: if a budget is used up, or the request alone would go past the tokens that are left.
            ConfigError: if money is to be kept and the price of the model is unknown.
        """
        allowed = self.allowance
        if allowed.calls and self.calls >= allowed.calls:
            raise Exhausted("calls", self.calls, allowed.calls)
        if allowed.tokens and self.tokens + tokens > allowed.tokens:
            raise Exhausted("tokens", self.tokens + tokens, allowed.tokens)
        elapsed_s = self._clock() - self._began_s
        if allowed.time_s and elapsed_s >= allowed.time_s:
            raise Exhausted("time", elapsed_s, allowed.time_s)
        if allowed.cost_usd:
            self._check_money(target_name, tokens)
        self.calls += 1
        return target_name

    def _check_money(self, target_name: str, tokens: int) -> None:
        asking = self._cost_of(target_name, Usage(tokens, 0))
        if asking is None:
            raise ConfigError(
                f"a budget in money cannot be kept: the price of {target_name} is unknown",
                hint="use --max-tokens instead of --max-cost",
            )
        if self.cost_usd + asking > self.allowance.cost_usd:
            raise Exhausted("money", self.cost_usd + asking, self.allowance.cost_usd)

    async def after(self, lease: object, usage: Usage | None) -> None:
        """Add what the call used; what the vendor did not count is not added."""
        if usage is None:
            return
        self.tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self.cost_usd += self._cost_of(str(lease), usage) or 0.0

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """A vendor's limit spends nothing."""
