"""An index is kept up to date by what a watch tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from aiex.context.listing import Listing
from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.context.watching import Watch, watch
from aiex.errors import Denied
from aiex.events import Event, Noted, Progressed, TurnEnded, Warned
from aiex.guard.sandbox.files import Workspace
from aiex.jobs.watching import MOST_NAMED, keep_fresh
from tests.unit.jobs.conftest import Files, write_files

DONE = TurnEnded("success", "answered", 0, "1 file read", {"read": 1})


class Refusing(Workspace):
    """A workspace with a file that may be seen and not read."""

    def read(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        if path == "closed.py":
            raise Denied("cannot read closed.py: it is closed")
        return super().read(path, limit_bytes=limit_bytes)


async def never(seconds: float) -> None:
    await asyncio.Event().wait()


def polling(root: Path) -> Callable[[Listing], Watch]:
    """A watch that looks as often as it can."""
    return lambda listing: watch(
        Workspace(str(root)), since=listing, way="polling", pause=lambda seconds: asyncio.sleep(0)
    )


async def next_of(events: AsyncIterator[Event], *kinds: type) -> Any:
    """The next event that is no progress, which must be one of these kinds."""
    async for event in events:
        if not isinstance(event, Progressed):
            assert isinstance(event, kinds), event
            return event
    raise AssertionError("the events ended")


async def test_the_index_is_made_then_each_change_is_read(
    open_retrieval: Callable[[Files], Retrieval], tmp_path: Path
) -> None:
    retrieval, root = open_retrieval({"a.py": "def alpha():\n    return 1\n"}), tmp_path / "tree"
    async with aclosing(keep_fresh(iter([DONE]), retrieval, polling(root))) as events:
        assert await next_of(events, Noted) == Noted("1 file read", {"read": 1})
        assert await next_of(events, Noted) == Noted("watching by polling; Ctrl-C ends it", {"way": "polling"})
        write_files(root, {"b.py": "def beta():\n    return 2\n"})
        assert await next_of(events, Noted) == Noted("read b.py", {"read": ["b.py"], "gone": []})
        assert [result.symbol for result in retrieval.rank("beta")] == ["beta"]
        (root / "b.py").unlink()
        assert await next_of(events, Noted) == Noted("forgot b.py", {"read": [], "gone": ["b.py"]})
        assert retrieval.rank("beta") == []


async def test_many_files_are_counted(open_retrieval: Callable[[Files], Retrieval], tmp_path: Path) -> None:
    retrieval, root = open_retrieval({"a.py": "x = 1\n"}), tmp_path / "tree"
    tick = asyncio.Event()

    async def pause(seconds: float) -> None:
        await tick.wait()

    opened = lambda listing: watch(Workspace(str(root)), since=listing, way="polling", pause=pause)  # noqa: E731
    async with aclosing(keep_fresh(iter([DONE]), retrieval, opened)) as events:
        for _ in range(2):
            await next_of(events, Noted)
        write_files(root, {f"{number}.py": "y = 2\n" for number in range(MOST_NAMED + 1)})
        tick.set()
        assert (await next_of(events, Noted)).message == f"read {MOST_NAMED + 1} files"


async def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    write_files(tmp_path / "tree", {"closed.py": "x = 1\n"})
    index = Index(Refusing(str(tmp_path / "tree")), None, version="v", workers=1, limit_bytes=1_000_000)
    retrieval = Retrieval(index)
    events = keep_fresh(iter([DONE]), retrieval, polling(tmp_path / "tree"))
    async with aclosing(events):
        for _ in range(2):
            await next_of(events, Noted)
        write_files(tmp_path / "tree", {"a.py": "y = 2\n"})
        assert "closed.py" in (await next_of(events, Warned)).message
        assert (await next_of(events, Noted)).message == "read a.py"
        write_files(tmp_path / "tree", {"b.py": "y = 2\n"})
        assert (await next_of(events, Noted)).message == "read b.py"
        assert len(index.warnings) == 1
    retrieval.close()


async def test_when_the_index_cannot_be_made_nothing_is_watched(
    open_retrieval: Callable[[Files], Retrieval],
) -> None:
    failed = TurnEnded("error", "StoreError", 74, error="no place")

    def unwanted(listing: Listing) -> Watch:
        raise AssertionError("a watch was begun")

    events = [event async for event in keep_fresh(iter([failed]), open_retrieval({}), unwanted)]
    assert events == [failed]


async def test_cancelling_ends_the_watch(open_retrieval: Callable[[Files], Retrieval], tmp_path: Path) -> None:
    retrieval = open_retrieval({"a.py": "x = 1\n"})
    opened: list[Watch] = []

    def begin(listing: Listing) -> Watch:
        opened.append(watch(Workspace(str(tmp_path / "tree")), since=listing, way="polling", pause=never))
        return opened[-1]

    async def run() -> None:
        async for _ in keep_fresh(iter([DONE]), retrieval, begin):
            pass

    task = asyncio.create_task(run())
    while not opened:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1
    with pytest.raises(StopAsyncIteration):
        await anext(opened[0])
