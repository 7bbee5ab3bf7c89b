"""What others tell is handed on whole, in order, and no longer than somebody listens."""

from collections.abc import AsyncIterator, Generator
from contextlib import aclosing

import pytest

from aiex.context.search.index import Progress
from aiex.events import Event, Noted, Progressed
from aiex.jobs.relaying import tell_indexing, to_async

EVENTS: list[Event] = [Noted("one"), Noted("two"), Noted("three")]


async def tell(heard: list[str]) -> AsyncIterator[Event]:
    """The events, and a note when nobody listens any more."""
    try:
        for event in EVENTS:
            yield event
    finally:
        heard.append("closed")


def index() -> Generator[Progress, None, str]:
    yield Progress(0, 2)
    yield Progress(2, 2)
    return "found"


def test_an_indexing_is_told_and_gives_what_it_found() -> None:
    steps = tell_indexing(index())
    assert [next(steps), next(steps)] == [Progressed("indexing", 0, 2), Progressed("indexing", 2, 2)]
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value == "found"


async def test_events_are_the_same_whichever_way_they_come() -> None:
    assert [event async for event in to_async(iter(EVENTS))] == EVENTS
    assert [event async for event in to_async(tell([]))] == EVENTS


async def test_the_source_is_closed_with_the_stream() -> None:
    heard: list[str] = []
    async with aclosing(to_async(tell(heard))) as events:
        assert await anext(events) == EVENTS[0]
        assert heard == []
    assert heard == ["closed"]
