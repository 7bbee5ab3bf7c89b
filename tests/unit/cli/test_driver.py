"""The execute stage: jobs are stepped by hand or in a loop, and end with exactly one outcome."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from aiex.cli.driver import execute
from aiex.events import Event, TextDelta, TurnEnded, Warned

DONE = TurnEnded("success", "answered", 0)


async def tell(*events: Event) -> AsyncIterator[Event]:
    for event in events:
        yield event


@pytest.mark.parametrize("waits", [False, True])
def test_events_are_shown_in_order_and_the_outcome_is_returned(waits: bool) -> None:
    shown: list[Event] = []
    ended = execute(tell(Warned("a"), TextDelta("b"), DONE), shown.append, waits=waits)
    assert (shown, ended) == ([Warned("a"), TextDelta("b")], DONE)


def test_a_plain_iterator_is_a_job_too() -> None:
    assert execute(iter([DONE]), print, waits=True) is DONE


@pytest.mark.parametrize("waits", [False, True])
def test_a_job_without_an_outcome_is_a_bug(waits: bool) -> None:
    with pytest.raises(RuntimeError, match="without an outcome"):
        execute(tell(Warned("a")), lambda _event: None, waits=waits)


def test_news_after_the_outcome_are_a_bug() -> None:
    with pytest.raises(RuntimeError, match="after its outcome"):
        execute(tell(DONE, Warned("late")), lambda _event: None, waits=False)


def test_a_job_that_waits_offline_is_a_bug_and_is_closed() -> None:
    closed = []

    async def waiting() -> AsyncIterator[Event]:
        try:
            await asyncio.sleep(0)
            yield DONE
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="waited"):
        execute(waiting(), lambda _event: None, waits=False)
    assert closed == [True]


@pytest.mark.parametrize("waits", [False, True])
def test_the_job_is_closed_when_showing_fails(waits: bool) -> None:
    closed = []

    async def job() -> AsyncIterator[Event]:
        try:
            yield Warned("a")
            yield DONE
        finally:
            closed.append(True)

    def fail(_event: Event) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        execute(job(), fail, waits=waits)
    assert closed == [True]


def test_a_failing_plain_job_passes_its_error_on() -> None:
    def job() -> Iterator[Event]:
        yield Warned("a")
        raise ValueError("b")

    with pytest.raises(ValueError, match="b"):
        execute(job(), lambda _event: None, waits=False)
