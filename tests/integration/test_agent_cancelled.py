"""A turn that is stopped, at whatever event: a legal history, whole files, nothing left behind, and a way on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from aiex.events import Event, FileEdited, ToolStarted, TurnEnded
from aiex.guard.sandbox.tree import is_temporary
from tests.conftest import WORKSPACE_FILES
from tests.fakes.legality import faults_of_session
from tests.fakes.scripted_model import Bench, says

OLD = WORKSPACE_FILES["shop/prices.py"]
NEW = OLD.replace('"apple": 40', '"apple": 45')
STORY = (
    says("I look.", ("list", {"path": "shop"}), ("read", {"path": "shop/prices.py"})),
    says("", ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}),
         ("run", {"command": "echo one; echo x >> effects; sleep 0.01; echo two", "background": False})),
    says("", ("run", {"command": "sleep 4321.5", "background": True}), ("task", {"task": "look"})),
    says("", ("list", {"path": "web"})),
    says("Nothing."),
    says("Done."),
)  # fmt: skip
MOST_EVENTS = 52
INTERRUPTED = TurnEnded("error", "interrupted", 130, error="interrupted")


def processes_of(root: Path) -> list[str]:
    """What still runs of the commands of a run."""
    found: list[str] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes()
                if b"4321.5" in words and os.readlink(folder / "cwd") == str(root):
                    found.append(words.decode())
    return found


def make_shop(root: Path) -> Path:
    for name in ("shop/prices.py", "shop/basket.py", "web/app.js"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(WORKSPACE_FILES[name])
    return root


@pytest.fixture
def benches(tmp_path: Path) -> Iterator[list[Bench]]:
    opened: list[Bench] = []
    yield opened
    for one in opened:
        one.close()


async def close_at(bench: Bench, number: int) -> list[Event]:
    """Close the turn after so many events, where it tells one."""
    told: list[Event] = []
    async with aclosing(bench.begin("raise the price")) as events:
        async for event in events:
            told.append(event)
            if len(told) == number:
                break
    return told


async def cancel_at(bench: Bench, number: int) -> list[Event]:
    """Cancel the turn after so many events, where it waits next."""
    told: list[Event] = []

    async def listen() -> None:
        async with aclosing(bench.begin("raise the price")) as events:
            async for event in events:
                told.append(event)
                if len(told) == number:
                    task.cancel()

    task = asyncio.create_task(listen())
    with suppress(asyncio.CancelledError):
        await task
    return told


@pytest.mark.parametrize("stop", [close_at, cancel_at])
async def test_stopped_at_any_event_it_can_be_gone_on_with(stop: object, tmp_path: Path, benches: list[Bench]) -> None:
    assert callable(stop)
    ended_by_itself = 0
    for number in range(1, MOST_EVENTS):
        root = make_shop(tmp_path / str(number))
        bench = Bench(root, *STORY, steps=number % 4 == 0)
        benches.append(bench)
        told = await stop(bench, number)
        if isinstance(told[-1], TurnEnded):
            ended_by_itself += 1
        else:
            bench.recorder.record(INTERRUPTED)
        where = f"event {number}: {told[-1]}"
        await require_whole(bench, root, told, where)
        await go_on(bench, root, where)
        if ended_by_itself > 1:
            break
    else:
        raise AssertionError("the story has more events than were tried")


async def require_whole(bench: Bench, root: Path, told: list[Event], where: str) -> None:
    """Nothing is half, nothing is left, and the record is complete."""
    assert faults_of_session(bench.state) == [], where
    assert bench.ledger.left_open == [], where
    text = (root / "shop/prices.py").read_text()
    assert text in (OLD, NEW), where
    edited = [event.path for event in told if isinstance(event, FileEdited)]
    assert "shop/prices.py" not in edited or text == NEW, where
    assert [path for path in root.rglob("*") if is_temporary(path.name)] == [], where
    effects = (root / "effects").read_text() if (root / "effects").exists() else ""
    assert effects in ("", "x\n"), where
    began = [event for event in told if isinstance(event, ToolStarted)]
    assert not effects or len(began) >= 4, where
    assert processes_of(root) == [], where


async def go_on(bench: Bench, root: Path, where: str) -> None:
    """The next wish finds the conversation as it was left, and ends well."""
    bench.script.answers = [
        says("", ("write", {"path": "shop/notes.md", "content": "# Notes\n"})),
        says("On I went."),
    ]
    seen = len(bench.requests)
    ran = await bench.work("go on")
    assert (ran.end.exit_code, ran.end.answer) == (0, "On I went."), where
    assert ran.end.files_changed == ("shop/notes.md",), where
    assert not seen or bench.requests[seen].messages[:2] == bench.requests[0].messages, where
    assert (root / "shop/notes.md").read_text() == "# Notes\n"
