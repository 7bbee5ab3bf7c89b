"""What requests used whose answers are told nowhere: those of a helper, and those for a summary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aiex.agent.answering import add_usage
from aiex.events import Failed, Started, Stopped, UsageUpdated
from aiex.messages import Usage

if TYPE_CHECKING:
    from aiex.events import Event


class Bills:
    """Makes one word on each request, once it is over, and adds them up.

    Args:
        call_id: The call of a tool that the requests are made for.
    """

    def __init__(self, call_id: str = "") -> None:
        self.requests = 0
        self.usage = Usage(0, 0)
        """Of all; a count is None when one of them did not tell it."""
        self.cost_usd: float | None = 0.0
        self._call_id = call_id
        self._running: UsageUpdated | None = None

    def note(self, event: Event) -> UsageUpdated | None:
        """Take in what happened; what is to be told of it, if anything."""
        match event:
            case UsageUpdated(model=model) if model:
                return self._add(event)
            case UsageUpdated(usage, cost_usd) if self._running:
                self._running = replace(self._running, usage=usage, cost_usd=cost_usd)
            case Started(provider, model):
                last = self.close()
                self._running = UsageUpdated(Usage(), None, f"{provider}/{model}")
                return last
            case Stopped() | Failed():
                return self.close()
            case _:
                pass
        return None

    def close(self) -> UsageUpdated | None:
        """The word on the request that goes on, as far as it came; None without one."""
        running, self._running = self._running, None
        return self._add(running) if running else None

    def describe(self) -> str:
        """All of it in words."""
        tokens = (self.usage.input_tokens or 0) + (self.usage.output_tokens or 0)
        cost = "at an unknown price" if self.cost_usd is None else f"${self.cost_usd:.4f}"
        return f"{self.requests:,} request{'s' * (self.requests != 1)}, {tokens:,} tokens, {cost}"

    def _add(self, one: UsageUpdated) -> UsageUpdated:
        self.requests += 1
        self.usage = add_usage(self.usage, one.usage)
        known = None not in (self.cost_usd, one.cost_usd)
        self.cost_usd = (self.cost_usd or 0.0) + (one.cost_usd or 0.0) if known else None
        return replace(one, call_id=self._call_id)
