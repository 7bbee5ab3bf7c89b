"""The gate of a run: the limits that all runs share, then a budget of its own."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiex import dirs
from aiex.errors import AiexError
from aiex.llm.gate import Gate
from aiex.llm.limits import Limits
from aiex.llm.toll import CostOf, Toll
from aiex.messages import Usage

if TYPE_CHECKING:
    from aiex.budget import Budget
    from aiex.settings import Settings


class Gates:
    """Several gates as one; when a later one refuses, the earlier ones get back what they counted in tokens."""

    def __init__(self, *gates: Gate) -> None:
        self._gates = gates

    async def before(self, target_name: str, key_id: str, tokens: int) -> object:
        """Ask all in order; the leases of all. Raises what the first raises that refuses."""
        leases: list[object] = []
        for gate in self._gates:
            try:
                leases.append(await gate.before(target_name, key_id, tokens))
            except AiexError:
                await self.after(leases, Usage(0, 0))
                raise
        return leases

    async def after(self, lease: object, usage: Usage | None) -> None:
        """Tell each with its own lease."""
        leases = lease if isinstance(lease, list) else []
        for gate, own in zip(self._gates, leases, strict=False):
            await gate.after(own, usage)

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """Tell all."""
        for gate in self._gates:
            await gate.pushed(target_name, key_id, retry_after_s)


def open_gate(settings: "Settings", budget: "Budget", cost_of: CostOf, environ: Mapping[str, str]) -> Gate:
    """What is asked before each request that counts on a budget."""
    limits = Limits(settings, os.path.join(dirs.state_dir(environ), "limits.db"))
    return Gates(limits, Toll(budget, cost_of))
