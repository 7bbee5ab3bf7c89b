"""Hands on what others tell, as the events of a job."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import cast

from aiex.context.gathering import tell_indexing
from aiex.events import Event

__all__ = ["Events", "tell_indexing", "to_async"]

Events = Iterator[Event] | AsyncIterator[Event]


async def to_async(events: Events) -> AsyncGenerator[Event, None]:
    """The same events, whichever way they come; the stream is closed with this one."""
    import asyncio

    if isinstance(events, Iterator):
        for event in events:
            yield event
            await asyncio.sleep(0)  # Ctrl-C comes through here
        return
    async with aclosing(cast("AsyncGenerator[Event]", events)) as stream:
        async for event in stream:
            yield event
