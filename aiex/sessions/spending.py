"""What the calls to models took: tokens and money, added up from what providers told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from operator import attrgetter

from aiex.messages import Usage

_COUNTS = tuple(count.name for count in fields(Usage))
_counts_of = attrgetter(*_COUNTS)


@dataclass(slots=True)
class Spending:
    """Sums over calls. A later word on a call replaces the one before; what ends a call makes it count."""

    usage: Usage = field(default_factory=Usage)
    """Of the calls that ended; None where no call told."""
    cost_usd: float | None = None
    """Of the calls whose price is known; None when there is none."""
    calls: int = 0
    unpriced: int = 0
    """Calls whose price is unknown: with them the cost is higher than `cost_usd`."""
    running: str = ""
    """The last word on the call that goes on, as JSON; empty between calls."""

    def note(self, text: str) -> None:
        """Take a word on a call, as JSON: the next one on that which goes on, or the only one on a call of its own."""
        if '"model":' not in text or '"model":""' in text or not _names_model(text):
            self.running = text
        else:
            self._add(text)

    def settle(self) -> None:
        """The call that goes on ended."""
        running, self.running = self.running, ""
        if running:
            self._add(running)

    def _add(self, text: str) -> None:
        usage, cost = _read(text)
        self.calls += 1
        self.usage = _plus(self.usage, usage)
        if cost is None:
            self.unpriced += 1
        else:
            self.cost_usd = (self.cost_usd or 0.0) + cost

    def total(self) -> Spending:
        """With the call that goes on."""
        sums = Spending(self.usage, self.cost_usd, self.calls, self.unpriced, self.running)
        sums.settle()
        return sums


def _names_model(text: str) -> bool:
    try:
        return bool(json.loads(text).get("model"))
    except (ValueError, AttributeError):
        return False


def _read(text: str) -> tuple[Usage, float | None]:
    try:
        data = json.loads(text)
        counts, cost = data["usage"], data.get("cost_usd")
        known = [counts.get(name) for name in _COUNTS]
    except (ValueError, TypeError, KeyError, AttributeError):
        return Usage(), None
    usage = Usage(*(count if type(count) is int else None for count in known))
    return usage, float(cost) if isinstance(cost, int | float) else None


def _plus(one: Usage, other: Usage) -> Usage:
    pairs = zip(_counts_of(one), _counts_of(other), strict=True)
    return Usage(*(first if second is None else second + (first or 0) for first, second in pairs))
