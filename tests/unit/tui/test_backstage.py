"""The thread of the work: its line of wishes, its end, and what breaks in it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aiex.cli.hosting import CommandLine
from aiex.cli.main import parse
from aiex.cli.work import Work
from aiex.events import Event, Noted, SessionStarted, TurnEnded, UserSpoke
from aiex.messages import Text
from aiex.runs.opening import Opening
from aiex.sessions.keeping import FILE, open_sessions
from aiex.tui.backstage import Backstage
from aiex.tui.bus import Bus
from aiex.tui.sent import Sent
from aiex.tui.told import Began, Held, Idle, Printed, Queued, Ready, Unable
from aiex.wiring import Services

PATIENCE_S = 60.0
DONE = TurnEnded("success", "answered", 0, "done")
Job = Callable[[], AsyncIterator[Event]]


class Behind:
    """The work behind a screen, and all that it told."""

    def __init__(self, root: Path, opening: Opening | None = None) -> None:
        invocation = parse(["chat", "-C", str(root), "--offline"])
        self.host = CommandLine(invocation)
        self.told: list[Any] = []
        self._news = threading.Condition()
        bus: Bus[Any] = Bus()
        self.backstage = Backstage(self.host, self.host.open({}), opening or Opening(), bus)
        bus.listen(lambda: self._take(bus))

    def _take(self, bus: Bus[Any]) -> None:
        with self._news:
            self.told += bus.take()
            self._news.notify_all()

    def until(self, is_so: Callable[[], object]) -> None:
        with self._news:
            assert self._news.wait_for(is_so, PATIENCE_S), self.told

    def send(self, text: str, job: Job) -> None:
        self.backstage.send(Sent(text, lambda _: Work(text, lambda _: job)))

    def kinds(self, *kinds: type) -> list[Any]:
        return [one for one in self.told if isinstance(one, kinds)]


@pytest.fixture
def open_behind(workspace: Path) -> Iterator[Callable[..., Behind]]:
    opened: list[Behind] = []

    def open_one(opening: Opening | None = None) -> Behind:
        opened.append(Behind(workspace, opening))
        return opened[-1]

    yield open_one
    for one in opened:
        assert one.backstage.close(PATIENCE_S)


@pytest.fixture
def behind(open_behind: Callable[..., Behind]) -> Behind:
    one = open_behind()
    one.backstage.start()
    return one


async def say_done() -> AsyncIterator[Event]:
    yield DONE


def waiting(begun: threading.Event) -> Job:
    async def job() -> AsyncIterator[Event]:
        begun.set()
        yield Noted("begun")
        await asyncio.Event().wait()
        yield DONE

    return job


def test_what_is_sent_before_the_start_is_done_after_it(open_behind: Callable[..., Behind]) -> None:
    behind = open_behind()
    behind.send("one", say_done)
    behind.send("two", say_done)
    behind.backstage.start()
    behind.until(lambda: len(behind.kinds(Printed)) == 2)
    assert [one.name for one in behind.kinds(Printed)] == ["one", "two"]


def test_who_never_began_ends_at_once(open_behind: Callable[..., Behind]) -> None:
    behind = open_behind()
    behind.send("one", say_done)
    assert behind.backstage.close(0)


def test_after_the_end_nothing_is_waited_for(behind: Behind) -> None:
    behind.until(lambda: behind.kinds(Ready))
    assert behind.backstage.close(PATIENCE_S)
    behind.send("late", say_done)
    with pytest.raises(CancelledError):
        behind.backstage.ask(lambda services: services.root).result(PATIENCE_S)
    assert behind.kinds(Began) == []


def test_a_stopped_wish_lets_the_next_in_line_run(behind: Behind) -> None:
    begun = threading.Event()
    behind.send("one", waiting(begun))
    behind.send("two", say_done)
    assert begun.wait(PATIENCE_S)
    behind.until(lambda: behind.kinds(Queued))
    behind.backstage.interrupt()
    behind.until(lambda: len(behind.kinds(Printed)) == 2)
    assert [(one.name, one.ended.subtype) for one in behind.kinds(Printed)] == [
        ("one", "interrupted"),
        ("two", "answered"),
    ]
    behind.until(lambda: behind.kinds(Idle)[-1:] == [Idle(0)])


def test_a_bug_in_a_wish_leaves_a_report_and_the_next_runs(behind: Behind, home: Path) -> None:
    async def fail() -> AsyncIterator[Event]:
        yield Noted("begun")
        raise ZeroDivisionError

    behind.send("one", fail)
    behind.send("two", say_done)
    behind.until(lambda: len(behind.kinds(Printed)) == 2)
    first, second = behind.kinds(Printed)
    assert (first.ended.exit_code, second.ended.exit_code) == (70, 0)
    (report,) = (home / "state" / "reports").iterdir()
    assert str(report) in first.ended.error
    assert behind.backstage.fallen is None


def test_what_does_not_stop_is_named(behind: Behind) -> None:
    begun, may_end = threading.Event(), threading.Event()

    async def hang() -> AsyncIterator[Event]:
        begun.set()
        may_end.wait(PATIENCE_S)
        yield DONE

    behind.send("endless", hang)
    assert begun.wait(PATIENCE_S)
    assert not behind.backstage.close(0.01)
    assert behind.backstage.doing == "endless"
    may_end.set()


def test_other_settings_count_from_the_next_wish_on(behind: Behind) -> None:
    begun = threading.Event()
    modes: list[str] = []

    def noting(text: str, job: Job) -> Sent:
        def make(services: Any) -> Work:
            modes.append(services.settings.get("policy.mode"))
            return Work(text, lambda _: job)

        return Sent(text, make)

    behind.backstage.send(noting("one", waiting(begun)))
    assert begun.wait(PATIENCE_S)
    behind.backstage.change({"policy.mode": "plan"}).result(PATIENCE_S)
    now = behind.backstage.ask(lambda services: services.settings.get("policy.mode")).result(PATIENCE_S)
    behind.backstage.interrupt()
    behind.backstage.send(noting("two", say_done))
    behind.until(lambda: behind.kinds(Printed) and behind.kinds(Printed)[-1].name == "two")
    assert (now, modes) == ("ask", ["ask", "plan"])


def test_settings_that_are_wrong_change_nothing(behind: Behind) -> None:
    from aiex.errors import AiexError

    with pytest.raises(AiexError):
        behind.backstage.change({"model": "nobody/nothing"}).result(PATIENCE_S)
    behind.send("one", say_done)
    behind.until(lambda: behind.kinds(Printed))
    assert behind.backstage.ask(lambda services: services.model).result(PATIENCE_S) == "offline"


def test_the_session_is_left_only_when_nothing_runs(behind: Behind) -> None:
    begun = threading.Event()
    behind.send("one", waiting(begun))
    assert begun.wait(PATIENCE_S)
    behind.backstage.switch(Opening())
    behind.until(lambda: behind.kinds(Unable))
    assert behind.kinds(Unable)[0].exit_code == 6


def test_a_session_that_is_not_there_is_told_and_nothing_is_asked(open_behind: Callable[..., Behind]) -> None:
    behind = open_behind(Opening("do it", resumes="nosuch"))
    behind.backstage.start()
    behind.until(lambda: behind.kinds(Ready))
    assert any("do it" in one.message for one in behind.kinds(Unable))
    assert behind.kinds(Began) == []


def test_a_file_that_another_process_has_is_told_of_and_waited_for_no_longer_than_one_likes(
    open_behind: Callable[..., Behind], home: Path, workspace: Path
) -> None:
    session = "5e55000000000001"
    begin = SessionStarted("1", str(workspace), "run", "one", "small", root=str(workspace))
    events: list[Event] = [begin, UserSpoke((Text("What is this?"),)), TurnEnded("success", "answered", 0)]
    with closing(open_sessions(Services(str(workspace)).settings)) as sessions:
        sessions.log.append(session, events, after_seq=0, turn=1, at_ms=1_795_000_000_000)
    with closing(sqlite3.connect(next(home.rglob(FILE)), isolation_level=None)) as other:
        other.execute("begin immediate")
        behind = open_behind(Opening(resumes=session))
        behind.backstage.start()
        behind.until(lambda: behind.kinds(Held))
        assert behind.backstage.held_up == "waiting for the file of sessions"
        behind.backstage.interrupt()
        behind.until(lambda: behind.kinds(Unable))
        assert "another process holds" in behind.kinds(Unable)[0].message
        assert behind.backstage.held_up == ""


def test_what_is_told_by_another_thread_comes_too(behind: Behind) -> None:
    behind.until(lambda: behind.kinds(Ready))
    tell = behind.backstage.ask(lambda services: services.tell).result(PATIENCE_S)
    tell(Noted("from aside"))
    behind.until(lambda: Noted("from aside") in behind.told)
