"""Keeps the index up to date while somebody works; it ends when it is interrupted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiex.events import Event, Noted, TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.relaying import Events, tell_indexing, to_async

if TYPE_CHECKING:
    from aiex.context.listing import Listing
    from aiex.context.retrieval import Retrieval
    from aiex.context.watching import Changes, Watch

SETTLED_S = 2.1
"""So long after a change a file's time stamp tells of every later one, on the coarsest file systems too: what was read
sooner is looked at once more."""
MOST_NAMED = 3
"""More files are counted."""


async def keep_fresh(
    first: Events, retrieval: Retrieval, open_watch: Callable[[Listing], Watch]
) -> AsyncIterator[Event]:
    """The events of making the index, then those of each change, without end.

    Args:
        first: Brings the index up to date; when that fails, its outcome is the outcome.
        open_watch: Begins to watch for what changes after a listing, by a workspace of its own.
    """
    async for event in to_async(first):
        if isinstance(event, TurnEnded) and event.status == "success":
            yield Noted(event.answer, event.data)
            continue
        yield event
        if isinstance(event, TurnEnded):
            return
    async with aclosing(_follow(retrieval, open_watch(retrieval.index.listing))) as events:
        async for event in events:
            yield event


async def _follow(retrieval: Retrieval, watch: Watch) -> AsyncGenerator[Event, None]:
    """Bring the index up to date whenever something changed, and once more when that has settled."""
    import asyncio

    way, index = watch.way, retrieval.index
    yield Noted(f"watching by {way}{f' ({watch.said})' if watch.said else ''}; Ctrl-C ends it", {"way": way})
    async with aclosing(watch):
        told = dict.fromkeys(index.warnings)
        is_settled = False
        waiting = asyncio.ensure_future(anext(watch))
        try:
            while True:
                done, _ = await asyncio.wait([waiting], timeout=None if is_settled else SETTLED_S)
                is_settled, changes = not done, waiting.result() if done else None
                if done:
                    waiting = asyncio.ensure_future(anext(watch))
                if watch.way != way:
                    way = watch.way
                    yield Warned(watch.said)
                async with aclosing(to_async(tell_indexing(retrieval.refresh()))) as events:
                    async for event in events:
                        yield event
                for warning in dict.fromkeys(index.warnings):
                    if warning not in told:
                        yield warning
                told |= dict.fromkeys(index.warnings)
                index.warnings[:] = told  # each of them once, however long this goes on
                if changes is not None:
                    yield _describe(changes)
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def _describe(changes: Changes) -> Noted:
    read, gone = _name(changes.changed), _name(changes.gone)
    words = [*([f"read {read}"] if read else []), *([f"forgot {gone}"] if gone else [])]
    return Noted("; ".join(words), {"read": list(changes.changed), "gone": list(changes.gone)})


def _name(paths: Sequence[str]) -> str:
    return ", ".join(map(printable_path, paths)) if len(paths) <= MOST_NAMED else f"{len(paths):,} files"
