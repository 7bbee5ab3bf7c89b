"""Hands on what others tell, as the events of a job."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar, cast

from aiex.events import Event, Progressed

if TYPE_CHECKING:
    from aiex.context.search.index import Progress

Result = TypeVar("Result")
Events = Iterator[Event] | AsyncIterator[Event]


def tell_indexing(steps: "Generator[Progress, None, Result]") -> Generator[Progressed, None, Result]:
    """How far an indexing has come, and in the end what it gives."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield Progressed("indexing", step.done, step.total)


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
