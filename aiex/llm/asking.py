"""Ways to ask one model for a run: each counts on a budget, tells what answers cost, and learns how tokens count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.llm.counting import learning
from aiex.llm.gates import open_gate
from aiex.llm.router import open_stream
from aiex.llm.structured import ask_for_data

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.budget import Budget
    from aiex.llm.counting import TokenCounter
    from aiex.llm.toll import CostOf
    from aiex.llm.visits import Visiting
    from aiex.llm.wire import Stream
    from aiex.settings import Settings


def open_asking(
    settings: Settings,
    model: str,
    *,
    environ: Mapping[str, str],
    cost_of: CostOf,
    counter: TokenCounter,
    visit: Visiting,
    record: str = "",
    replay: str = "",
) -> Callable[[Budget], Stream]:
    """A way to ask `model` for each budget; all of them share sockets. As `open_stream` otherwise."""
    router = open_stream(
        settings,
        model,
        environ=environ,
        count=lambda request: counter.estimate(request, model, quick=True).tokens,
        cost_of=cost_of,
        visit=visit,
        record=record,
        replay=replay,
    )

    def within(budget: Budget) -> Stream:
        asking = router.past(open_gate(settings, budget, cost_of, environ))
        return ask_for_data(learning(asking, counter))

    return within
