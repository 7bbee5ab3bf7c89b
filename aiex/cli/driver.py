"""The execute stage: draws every event of a job, by hand when nothing waits, in an event loop otherwise."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, cast

from aiex.cli.work import Events
from aiex.events import Event, TurnEnded
from aiex.runs.outcomes import Terminated

Show = Callable[[Event], None]
RunLoop = Callable[[Coroutine[Any, Any, TurnEnded]], TurnEnded]

TOGETHER_S = 0.5
"""Signals so near to each other are one wish: `timeout` and shells tell a process and then its whole group."""
LOOK_UP_S = 0.01
"""So often a job that tells events looks up; each time costs as much as an event."""
DEAF_S = 1.0
"""A loop that has not looked up for so long, because a step of it blocks, is interrupted in the middle after all."""


def execute(events: Events, show: Show, *, waits: bool, run: RunLoop | None = None) -> TurnEnded:
    """Run a job to its end, showing each event when it happens.

    Args:
        events: The events of the job; the last one is `TurnEnded`.
        show: Receives every event but the last.
        waits: Whether the job waits for the outside world. If not, an async job is stepped by hand, because an event
            loop costs 40 ms to import and is not needed.
        run: Runs the event loop to the end of one job; None for a loop that is closed with the job.

    Returns:
        The outcome.

    Raises:
        RuntimeError: if the job ends without an outcome or tells something after it.
    """
    if isinstance(events, Iterator):
        return _watch(events, show)
    if not waits:
        return _watch(step_by_hand(events), show)
    return _execute_in_loop(events, show, run)


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


def _execute_in_loop(events: AsyncIterator[Event], show: Show, run: RunLoop | None) -> TurnEnded:
    import asyncio
    import gc

    gc.freeze()  # what was loaded stays: no look for garbage goes through it
    stops = _Stops()

    async def watch() -> TurnEnded:
        ended: TurnEnded | None = None
        with stops.heeded():
            async with aclosing(cast("AsyncGenerator[Event]", events)) as stream:
                looked_up_s = time.monotonic()
                async for event in stream:
                    ended = _note(event, ended, show)
                    if ended is None and time.monotonic() - looked_up_s > LOOK_UP_S:
                        await asyncio.sleep(0)  # a job that does not wait hears of a signal here
                        looked_up_s = time.monotonic()
        return _require(ended)

    try:
        return (run or asyncio.run)(watch())
    except asyncio.CancelledError:
        if stops.cause is not None:
            raise stops.cause from None
        raise


class _Stops:
    """SIGINT and SIGTERM while a task runs: they cancel it where it waits, and raise nothing in the middle of it.

    What asyncio does by itself with a second SIGINT is to raise it wherever the loop happens to be, between making a
    thing and noting that it is there to be removed.
    """

    def __init__(self) -> None:
        self.cause: BaseException | None = None
        """What the first signal asked for; None as long as there was none."""
        self._at_s = 0.0
        self._is_heard = True

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Inside, signals cancel the task that entered. Each cancels again, so that no clean-up can hang."""
        import asyncio

        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[object]", asyncio.current_task())
        process = os.getpid()

        def cancel() -> None:
            self._is_heard = True
            task.cancel()

        def heed(number: int, _frame: object) -> None:
            if os.getpid() != process:  # a forked worker inherits this, and has nothing to wind up
                os._exit(128 + number)
            if self._counts(number):
                loop.call_soon_threadsafe(cancel)

        token = _HEEDED.set(self)
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            # A signal just before the loop waits interrupts nothing: the loop's own way is to be woken by a byte.
            with suppress(NotImplementedError):  # on Windows it is woken so anyway
                loop.add_signal_handler(number, lambda: None)
            signal.signal(number, heed)
        try:
            yield
        finally:
            _HEEDED.reset(token)
            for number, handler in before.items():
                with suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _counts(self, number: int) -> bool:
        """Whether a signal is a wish of its own; raises it if the loop does not look up from what it does."""
        after_s = time.monotonic() - self._at_s
        cause = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        if not self._is_heard and after_s > DEAF_S:
            raise cause
        if self.cause is not None and after_s < TOGETHER_S:
            return False
        self.cause = self.cause or cause
        if self._is_heard:
            self._at_s, self._is_heard = time.monotonic(), False
        return True


_HEEDED: ContextVar[_Stops | None] = ContextVar("aiex.cli.driver.stops", default=None)


def wanted_stop() -> BaseException | None:
    """What a signal asked for, for something that holds up the event loop and may be left where it is."""
    stops = _HEEDED.get()
    return stops.cause if stops is not None else None
