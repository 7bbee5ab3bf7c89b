"""The execute stage: draws every event of a job, by hand when nothing waits, in an event loop otherwise."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import cast

from aiex.cli.work import Events
from aiex.events import Event, TurnEnded

Show = Callable[[Event], None]


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def execute(events: Events, show: Show, *, waits: bool) -> TurnEnded:
    """Run a job to its end, showing each event when it happens.

    Args:
        events: The events of the job; the last one is `TurnEnded`.
        show: Receives every event but the last.
        waits: Whether the job waits for the outside world. If not, an async job is stepped by hand, because an event
            loop costs 40 ms to import and is not needed.

    Returns:
        The outcome.

    Raises:
        RuntimeError: if the job ends without an outcome or tells something after it.
    """
    if isinstance(events, Iterator):
        return _watch(events, show)
    if not waits:
        return _watch(step_by_hand(events), show)
    return _execute_in_loop(events, show)


def step_by_hand(events: AsyncIterator[Event]) -> Iterator[Event]:
    """The events of an async job that never waits."""
    try:
        while True:
            step = events.__anext__().__await__()
            try:
                next(step)
                step.throw(RuntimeError("a job that works offline waited for the outside world"))
            except StopIteration as done:
                yield done.value
            except StopAsyncIteration:
                return
    finally:
        _close_by_hand(events)


def _close_by_hand(events: AsyncIterator[Event]) -> None:
    if isinstance(events, AsyncGenerator):
        try:
            events.aclose().__await__().__next__()
        except StopIteration:
            return
        raise RuntimeError("a job that works offline waited while it was closed")


def _watch(events: Iterator[Event], show: Show) -> TurnEnded:
    ended: TurnEnded | None = None
    for event in events:
        ended = _note(event, ended, show)
    return _require(ended)


def _note(event: Event, ended: TurnEnded | None, show: Show) -> TurnEnded | None:
    if ended is not None:
        raise RuntimeError(f"a job told {type(event).__name__} after its outcome")
    if isinstance(event, TurnEnded):
        return event
    show(event)
    return None


def _require(ended: TurnEnded | None) -> TurnEnded:
    if ended is None:
        raise RuntimeError("a job ended without an outcome")
    return ended


def _execute_in_loop(events: AsyncIterator[Event], show: Show) -> TurnEnded:
    import asyncio
    import contextlib
    import signal

    terminated = False

    async def watch() -> TurnEnded:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel() -> None:
            nonlocal terminated
            terminated = True
            cast("asyncio.Task[TurnEnded]", task).cancel()

        with contextlib.suppress(NotImplementedError):  # event loops of Windows take no signal handlers
            loop.add_signal_handler(signal.SIGTERM, cancel)
        ended: TurnEnded | None = None
        async with contextlib.aclosing(cast("AsyncGenerator[Event]", events)) as stream:
            async for event in stream:
                ended = _note(event, ended, show)
        return _require(ended)

    try:
        return asyncio.run(watch())
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
