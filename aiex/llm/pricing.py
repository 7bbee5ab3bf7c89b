"""What calls cost, told with their usage."""

from __future__ import annotations

import os
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aiex.errors import StoreError
from aiex.events import Started, UsageUpdated
from aiex.llm.catalogue import Catalogue, cost_usd, open_catalogue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aiex.events import StreamEvent
    from aiex.llm.wire import Stream
    from aiex.messages import Request, Usage


def open_prices(folder: str) -> Callable[[str, Usage], float | None]:
    """A function from `provider/model` and a usage to US dollars, None when unknown.

    Args:
        folder: Where a catalogue lies that was fetched; when it is damaged, the packaged one is used, as
            `aiex list models` says.
    """

    def cost_of(name: str, usage: Usage) -> float | None:
        provider, _, model = name.partition("/")
        return cost_usd(usage, find_catalogue(folder).find(provider, model))

    return cost_of


def find_catalogue(folder: str) -> Catalogue:
    """The catalogue that was fetched into a folder, else the packaged one."""
    try:
        return open_catalogue(os.path.join(folder, "models.json"))
    except StoreError:
        return open_catalogue()


def with_costs(stream: Stream, cost_of: Callable[[str, Usage], float | None]) -> Stream:
    """The same stream, whose every usage says what it cost."""

    def priced(request: Request) -> AsyncGenerator[StreamEvent, None]:
        return _priced(stream, request, cost_of)

    return priced


async def _priced(
    stream: Stream, request: Request, cost_of: Callable[[str, Usage], float | None]
) -> AsyncGenerator[StreamEvent, None]:
    name = ""
    async with aclosing(cast("Any", stream(request))) as events:
        async for event in events:
            if isinstance(event, Started):
                name = f"{event.provider}/{event.model}"
            elif isinstance(event, UsageUpdated) and event.cost_usd is None:
                yield replace(event, cost_usd=cost_of(name, event.usage))
                continue
            yield event
