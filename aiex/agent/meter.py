"""What one loop may use and what it used; the meter of a subagent is a part of the one it was given by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from aiex.errors import BudgetEnded
from aiex.events import BudgetHit
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.messages import Usage

Unit = Literal["money", "tokens", "turns", "time", "calls"]


@record
class Allotment:
    """The most of each; 0 means no limit."""

    turns: int = 0
    """Answers of the model."""
    calls: int = 0
    """Of tools."""
    tokens: int = 0
    """In and out."""
    cost_usd: float = 0.0
    time_s: float = 0.0


_FLAGS = {
    "money": ("${:.4f}", "--max-cost"),
    "tokens": ("{:,.0f} tokens", "--max-tokens"),
    "turns": ("{:.0f} answers of the model", "--max-turns"),
    "time": ("{:.0f} s", "--time-limit"),
    "calls": ("{:.0f} calls of tools", "--set budget.tool_calls=N"),
}


class Spent(BudgetEnded):
    """Which part ended, how much was used of it and how much there was."""

    def __init__(self, unit: Unit, used: float, limit: float) -> None:
        form, flag = _FLAGS[unit]
        super().__init__(
            f"the budget of {form.format(limit)} is used up ({form.format(used)})",
            hint=f"what was done is kept: go on with aiex run -c, and allow more with {flag}",
        )
        self.event = BudgetHit(unit, used, limit)


class Meter:
    """Counts what a loop uses. What it counts, the meter above it counts as well, and it ends where that one does."""

    def __init__(
        self, allotment: Allotment, above: Meter | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.allotment = allotment
        self.turns = 0
        self.calls = 0
        self.tokens = 0
        self.cost_usd = 0.0
        self._above = above
        self._clock = clock
        self._began_s = clock()

    def take_turn(self) -> None:
        """Count an answer that is about to be asked for. Raises Spent."""
        self.require_rest()
        chain = self._chain()
        for meter in chain:
            meter._require("turns", meter.turns, meter.allotment.turns)
        for meter in chain:
            meter.turns += 1

    def take_call(self) -> None:
        """Count a call of a tool that is about to begin. Raises Spent."""
        chain = self._chain()
        for meter in chain:
            meter._require("calls", meter.calls, meter.allotment.calls)
            meter._require("time", meter._clock() - meter._began_s, meter.allotment.time_s)
        for meter in chain:
            meter.calls += 1

    def note(self, usage: Usage, cost_usd: float | None) -> None:
        """Add what an answer used; what is not known counts nothing."""
        if self._above:
            self._above.note(usage, cost_usd)
        self.tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self.cost_usd += cost_usd or 0.0

    def require_rest(self) -> None:
        """Raise Spent where tokens, money or time are used up."""
        if self._above:
            self._above.require_rest()
        self._require("time", self._clock() - self._began_s, self.allotment.time_s)
        self._require("tokens", self.tokens, self.allotment.tokens)
        self._require("money", self.cost_usd, self.allotment.cost_usd)

    def left_s(self) -> float | None:
        """Seconds that are left; None without a limit."""
        own = self.allotment.time_s - (self._clock() - self._began_s) if self.allotment.time_s else None
        above = self._above.left_s() if self._above else None
        both = [left for left in (own, above) if left is not None]
        return max(min(both), 0.0) if both else None

    def out_of_time(self) -> Spent:
        """The error for what took longer than was left."""
        if self._above and (not self.allotment.time_s or self._above.left_s() == 0.0):
            return self._above.out_of_time()
        return Spent("time", self._clock() - self._began_s, self.allotment.time_s)

    def _chain(self) -> list[Meter]:
        """The meters that count what this one counts, the widest first."""
        return [*(self._above._chain() if self._above else ()), self]

    def _require(self, unit: Unit, used: float, limit: float) -> None:
        if limit and used >= limit:
            raise Spent(unit, used, limit)
