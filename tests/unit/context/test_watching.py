"""What is told of a workspace that changes under watch."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.context.listing import list_files
from aiex.context.watching import (
    LONGEST_S,
    MOST_LOOKS,
    NOTHING,
    SETTLE_S,
    SHORTEST_S,
    Changes,
    Pace,
    Poller,
    Watch,
    watch,
)
from aiex.guard.sandbox.files import Entries, Workspace


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def poller(workspace: Path) -> Poller:
    made = Poller(Workspace(str(workspace)))
    assert made.look() == NOTHING
    return made


# --- looking


def test_what_was_written_made_and_removed_is_told(workspace: Path, poller: Poller) -> None:
    write(workspace / "shop/basket.py", "longer than it was? " * 99)
    write(workspace / "new/deep/file.py", "")
    (workspace / "web/app.js").unlink()
    assert poller.look() == Changes(("new/deep/file.py", "shop/basket.py"), ("web/app.js",))
    assert poller.look() == NOTHING


def test_a_folder_that_is_renamed_takes_its_files_along(workspace: Path, poller: Poller) -> None:
    (workspace / "web").rename(workspace / "site")
    assert poller.look() == Changes(("site/app.js", "site/sum.js"), ("web/app.js", "web/sum.js"))


def test_what_the_listing_ignores_is_not_told(workspace: Path, poller: Poller) -> None:
    for name in ("build/out.js", "trace.log", "node_modules/x/index.js", ".git/HEAD", ".env"):
        write(workspace / name, "x")
    assert poller.look() == NOTHING


def test_a_changed_rule_lets_files_go_and_come(workspace: Path, poller: Poller) -> None:
    write(workspace / "build/out.js", "x")
    write(workspace / ".gitignore", "web/\n")
    assert poller.look() == Changes((".gitignore", "build/out.js"), ("web/app.js", "web/sum.js"))


def test_patterns_given_are_ignored_too(workspace: Path) -> None:
    poller = Poller(Workspace(str(workspace)), ignore=["*.js"])
    poller.look()
    write(workspace / "web/app.js", "changed")
    assert poller.look() == NOTHING


def test_what_changed_since_a_listing_is_told_at_the_first_look(workspace: Path) -> None:
    place = Workspace(str(workspace))
    listing = list_files(place)
    write(workspace / "a.py", "x")
    assert Poller(place, since=listing).look() == Changes(("a.py",), ())


def test_a_file_the_system_tells_of_counts_although_it_looks_the_same(workspace: Path, poller: Poller) -> None:
    assert poller.look(["web/app.js", "build/out.js", "gone.js"]) == Changes(("web/app.js",), ())


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take names in UTF-8 only")
def test_a_name_that_is_not_text_is_told(workspace: Path, poller: Poller) -> None:
    Path(os.fsdecode(bytes(workspace) + b"/caf\xe9.py")).write_bytes(b"x")
    assert poller.look() == Changes(("caf\udce9.py",), ())


def test_a_workspace_that_is_gone_is_told_as_such(workspace: Path, poller: Poller) -> None:
    workspace.rename(workspace.parent / "elsewhere")
    workspace.mkdir()
    looked = Poller(Workspace(str(workspace)), since=list_files(Workspace(str(workspace.parent / "elsewhere")))).look()
    assert looked.changed == ()
    assert "shop/basket.py" in looked.gone


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("shop/basket.py", True),
        ("new.py", True),
        ("build/out.js", False),
        ("build", False),
        ("build/deep/out.js", False),
        ("trace.log", False),
        (".git/index.lock", False),
        ("vendor/.git/HEAD", False),
        ("shop/.git", False),
    ],
)
def test_only_what_a_look_could_see_is_worth_one(workspace: Path, path: str, matters: bool) -> None:
    for name in ("build/deep/out.js", "trace.log"):
        write(workspace / name, "x")
    poller = Poller(Workspace(str(workspace)))
    poller.look()
    assert poller.may_matter(path) is matters


# --- batches and pace


def test_batches_join_to_what_is_true_in_the_end() -> None:
    first = Changes(("a", "b"), ("c", "d"))
    assert first.then(Changes(("c", "e"), ("b",))) == Changes(("a", "c", "e"), ("b", "d"))


def test_looks_become_seldom_when_nothing_happens_and_frequent_when_something_does() -> None:
    pace = Pace()
    waits = [pace.next_s(0.001, is_busy=False) for _ in range(10)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S
    assert pace.next_s(0.001, is_busy=True) == SHORTEST_S


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans())))
def test_looking_never_takes_more_than_its_share(looks: list[tuple[float, bool]]) -> None:
    pace = Pace()
    for cost_s, is_busy in looks:
        assert pace.next_s(cost_s, is_busy=is_busy) >= 25 * cost_s


# --- watching


class Clock:
    """Time that passes when the test says so; a pause says how long it is."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self.passed: asyncio.Queue[None] = asyncio.Queue()

    async def pause(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self.passed.get()

    async def tick(self) -> float:
        """Wait until somebody pauses, and let that pause pass."""
        seconds = await self.asked.get()
        self.passed.put_nowait(None)
        return seconds


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aiex-watch")]


async def test_a_change_is_a_batch_with_what_follows_closely(workspace: Path) -> None:
    clock = Clock()
    async with aclosing(watch(Workspace(str(workspace)), way="polling", pause=clock.pause)) as batches:
        assert (batches.way, batches.said) == ("polling", "")
        first = asyncio.ensure_future(anext(batches))
        assert await clock.tick() == SHORTEST_S  # nothing changed yet
        waited = await clock.asked.get()
        write(workspace / "a.py", "x")
        write(workspace / "c.py", "x")
        clock.passed.put_nowait(None)
        settling = await clock.asked.get()
        write(workspace / "b.py", "x")
        (workspace / "c.py").unlink()
        clock.passed.put_nowait(None)
        await clock.tick()
        assert await first == Changes(("a.py", "b.py"), ("c.py",))
        assert waited > SHORTEST_S
        assert settling == SETTLE_S
    assert threads() == []


async def test_changes_without_end_are_told_in_pieces(workspace: Path) -> None:
    clock = Clock()
    async with aclosing(watch(Workspace(str(workspace)), way="polling", pause=clock.pause)) as batches:
        first = asyncio.ensure_future(anext(batches))
        for number in range(1 + MOST_LOOKS):
            await clock.asked.get()
            write(workspace / f"{number}.py", "x")
            clock.passed.put_nowait(None)
        assert len((await first).changed) == 1 + MOST_LOOKS


async def test_cancelling_leaves_no_thread(workspace: Path) -> None:
    clock = Clock()
    batches = watch(Workspace(str(workspace)), way="polling", pause=clock.pause)
    waiting = asyncio.ensure_future(anext(batches))
    await clock.asked.get()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await batches.aclose()
    assert threads() == []


class Slow(Workspace):
    """A workspace on a drive that answers when the test says so."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.entered, self.leave = threading.Event(), threading.Event()

    def scan(self, path: str = ".") -> Entries:
        self.entered.set()
        self.leave.wait()
        return super().scan(path)


async def test_cancelling_waits_for_a_look_that_is_under_way(workspace: Path) -> None:
    slow = Slow(str(workspace))
    waiting = asyncio.ensure_future(anext(watch(slow, way="polling")))
    await asyncio.to_thread(slow.entered.wait)
    waiting.cancel()
    for _ in range(5):  # turns of the loop
        await asyncio.wait([waiting], timeout=0)
    assert not waiting.done()
    slow.leave.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert threads() == []


async def test_without_watchfiles_polling_is_told(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    batches = watch(Workspace(str(workspace)))
    assert batches.way == "polling"
    assert batches.said == "watchfiles is not installed: changes are looked for every few seconds"
    await batches.aclose()


STANDS_IN = """
from queue import Queue

told = Queue()

def watch(*paths, watch_filter, debounce, step, stop_event, rust_timeout, yield_on_timeout, raise_interrupt,
          ignore_permission_denied):
    while not stop_event.is_set():
        if told.empty():
            stop_event.wait(step / 1000)
            continue
        item = told.get()
        if isinstance(item, Exception):
            raise item
        yield {(2, f"{paths[0]}/{name}") for name in item}
"""


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Puts a module with the interface of `watchfiles` in its place, which tells what the test tells it."""
    library = ModuleType("watchfiles")
    exec(STANDS_IN, library.__dict__)
    monkeypatch.setitem(sys.modules, "watchfiles", library)
    put: Callable[[object], None] = library.told.put
    return put


async def next_of(batches: Watch) -> Changes:
    return await asyncio.wait_for(anext(batches), 60)


async def test_word_from_the_system_makes_a_batch(workspace: Path, tell: Callable[[object], None]) -> None:
    place = Workspace(str(workspace))
    write(workspace / "build/x", "x")
    async with aclosing(watch(place, since=list_files(place))) as batches:
        assert (batches.way, batches.said) == ("watchfiles", "")
        write(workspace / "a.py", "x")
        tell({"build/x", ".git/index"})
        tell({"web/app.js", "a.py", "build/x"})
        assert await next_of(batches) == Changes(("a.py", "web/app.js"), ())
    assert threads() == []


async def test_silence_at_first_is_worth_a_look(workspace: Path, tell: Callable[[object], None]) -> None:
    place = Workspace(str(workspace))
    async with aclosing(watch(place, since=list_files(place))) as batches:
        write(workspace / "a.py", "x")
        tell(())
        assert await next_of(batches) == Changes(("a.py",), ())


async def test_a_system_that_gives_up_is_told_and_polled(workspace: Path, tell: Callable[[object], None]) -> None:
    clock = Clock()
    async with aclosing(watch(Workspace(str(workspace)), pause=clock.pause)) as batches:
        tell(OSError(28, "OS file watch limit reached"))
        waiting = asyncio.ensure_future(next_of(batches))
        await clock.asked.get()
        write(workspace / "a.py", "x")
        clock.passed.put_nowait(None)
        await clock.tick()
        assert await waiting == Changes(("a.py",), ())
        assert batches.way == "polling"
        assert "OS file watch limit reached" in batches.said


async def test_cancelling_stops_the_system(workspace: Path, tell: Callable[[object], None]) -> None:
    batches = watch(Workspace(str(workspace)))
    tell({"shop/basket.py"})
    assert await next_of(batches) == Changes(("shop/basket.py",), ())
    waiting = asyncio.ensure_future(anext(batches))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert threads() == []


async def test_the_real_library_tells_of_a_change(workspace: Path) -> None:
    pytest.importorskip("watchfiles")
    place = Workspace(str(workspace))
    async with aclosing(watch(place, since=list_files(place))) as batches:
        assert batches.way == "watchfiles"
        waiting = asyncio.ensure_future(next_of(batches))
        write(workspace / "a.py", "x")
        assert "a.py" in (await waiting).changed
    assert threads() == []
