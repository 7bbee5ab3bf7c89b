"""What keeps a run, when it cannot."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex.cli.work import Work
from aiex.errors import StoreError
from aiex.eventlines import has_line
from aiex.events import (
    AssistantSpoke,
    Event,
    Noted,
    Started,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UnknownEvent,
    UsageUpdated,
    UserSpoke,
    Warned,
)
from aiex.guard.owners import OwnerLock
from aiex.guard.private import write_private
from aiex.messages import Text, ToolCall, Usage
from aiex.runs.recording import Kept, open_recording
from aiex.sessions.archive import archive
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.sealing import Sealing, open_session_keys
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.wiring import Services

SESSION = "5e55105e55105e55"
ENDED = TurnEnded("success", "answered", 0)


def test_a_run_is_kept_where_nobody_can_tell_which_sessions_were_cut_off(tmp_path: Path) -> None:
    first = Services(str(tmp_path), overrides=("sessions.encrypt=on",))
    Recorder(first.sessions.log, SESSION).record(UserSpoke((Text("Anybody?"),)))
    archive(first.sessions.log, first.sessions.store, SESSION, at_ms=1)
    folder = Path(first.sessions.folder)
    first.close()
    (folder / "locks").mkdir(mode=0o700)
    write_private(str(folder / "locks" / f"{SESSION}.owner"), b'[1073741824, "1", "elsewhere", 1]')
    (folder / "sessions.keys").chmod(0o644)
    services = Services(str(tmp_path))
    work = Work("ask", lambda _: lambda: (), waits=True, keeps=True)
    recording, (warned,) = open_recording(work, services, lambda _: ENDED)
    assert isinstance(recording, Kept)
    assert warned.message.startswith("which sessions were cut off here cannot be told: cannot use")
    with recording:
        assert services.sessions.owner(services.session) is not None
    services.close()


def test_an_outcome_that_cannot_be_kept_is_told_of(tmp_path: Path) -> None:
    keys = open_session_keys(str(tmp_path), str(tmp_path / "kek"))
    log = EventLog(SqliteStore(str(tmp_path / "sessions.db")), seal=Sealing(keys, new_sessions=True))
    recorder = Recorder(log, SESSION)
    recorder.record(UserSpoke((Text("Anybody?"),)))
    told: list[Event] = []
    lock = OwnerLock(str(tmp_path / "locks"), SESSION)
    with Kept(recorder, lock, lambda _: ENDED, tell=told.append, is_required=False) as kept:
        log.erase(SESSION)
        assert kept.end(ENDED).status == "success"
    (warned,) = told
    assert isinstance(warned, Warned)
    assert warned.message.startswith("from here on this run is not kept")
    log.close()


# --- together, in an event loop ---------------------------------------------------------------------------------------

PIECES: list[Event] = [
    TextDelta("I\n"), TextDelta("look.\n"), UsageUpdated(Usage(1, 2)),
    AssistantSpoke((Text("I look."), ToolCall("1", "read", {"path": "a"})), "p", "m"),
    ToolStarted("1", "read", {"path": "a"}), ToolFinished("1", "read", "text"),
]  # fmt: skip


class Desk:
    """A run that is kept, and what was shown of it with how much of it the log had then."""

    def __init__(self, folder: Path, *, is_required: bool = True) -> None:
        self.log = EventLog(SqliteStore(str(folder / "sessions.db")))
        self.recorder = Recorder(self.log, SESSION)
        self.shown: list[Event] = []
        self.is_required = is_required
        self.kept = Kept(self.recorder, None, lambda _: ENDED, tell=self.show, is_required=is_required)

    def show(self, event: Event) -> None:
        self.shown.append(event)
        if self.is_required and has_line(event):
            lines = [one for one in self.shown if has_line(one)]
            assert len(self.in_log()) >= len(lines), "shown, and not in the log"

    def tell(self, *events: Event) -> None:
        for event in events:
            self.kept.tell(event, self.show)

    def in_log(self) -> list[Event | UnknownEvent]:
        return [one.event() for one in self.log.read(SESSION)]

    def break_disk(self) -> None:
        with closing(sqlite3.connect(self.log.store.path)) as other, other:  # type: ignore[attr-defined]
            other.execute("create trigger full before insert on events begin select raise(abort, 'full'); end")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.log.close()


async def test_what_comes_at_once_is_written_together_before_anything_is_waited_for(desk: Desk) -> None:
    desk.tell(UserSpoke((Text("look"),)))
    assert len(desk.in_log()) == len(desk.shown) == 1  # on disk before anything goes on
    before = desk.log.store.follow(0, limit=100)[-1].position
    desk.tell(Started("p", "m"), *PIECES)
    assert desk.shown[1:] == [Started("p", "m")]
    await asyncio.sleep(0)
    assert desk.in_log()[1:] == PIECES
    assert desk.shown[2:] == PIECES
    assert [row.position for row in desk.log.store.follow(before, limit=100)] == list(range(before + 1, before + 7))


async def test_what_an_effect_follows_takes_all_before_it_along(desk: Desk) -> None:
    begun = ToolStarted("2", "run", {"command": "make"})
    desk.tell(*PIECES, begun)
    assert desk.in_log() == [*PIECES, begun] == desk.shown


async def test_whoever_looks_at_the_session_sees_what_waited(desk: Desk) -> None:
    desk.tell(UserSpoke((Text("look"),)), *PIECES)
    assert [node.kind for node in desk.recorder.state.chat.path()] == ["user", "assistant", "begun", "tool"]
    assert desk.recorder.seq == len(PIECES) + 1 == len(desk.in_log())
    await asyncio.sleep(0)
    assert desk.shown[1:] == PIECES


async def test_a_new_wish_does_not_draw_what_waited_into_its_turn(desk: Desk) -> None:
    desk.tell(UserSpoke((Text("one"),)), TextDelta("half"), UserSpoke((Text("two"),)))
    assert [one.turn for one in desk.log.read(SESSION)] == [1, 1, 2]


async def test_what_others_wrote_meanwhile_stays_before_what_waited(desk: Desk) -> None:
    desk.tell(UserSpoke((Text("one"),)), *PIECES)
    other = Recorder(desk.log, SESSION)
    other.record(Noted("from elsewhere"))
    await asyncio.sleep(0)
    assert desk.in_log()[1:] == [Noted("from elsewhere"), *PIECES]


async def test_nobody_is_shown_what_could_not_be_kept_and_the_next_event_says_so(desk: Desk) -> None:
    desk.tell(UserSpoke((Text("one"),)), *PIECES)
    desk.break_disk()
    await asyncio.sleep(0)
    assert len(desk.shown) == 1
    with pytest.raises(StoreError):
        desk.tell(TextDelta("more"))


async def test_where_the_work_goes_on_without_the_person_is_told_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, is_required=False)
    desk.tell(TextDelta("one\n"))
    desk.break_disk()
    desk.shown = []
    await asyncio.sleep(0)
    first, warned = desk.shown
    assert (first, type(warned)) == (TextDelta("one\n"), Warned)
    desk.tell(TextDelta("two\n"))
    assert desk.shown[2:] == [TextDelta("two\n")]
    desk.log.close()


async def test_a_failure_to_show_is_raised_where_it_is_heard(desk: Desk) -> None:
    def fail(_: Event) -> None:
        raise BrokenPipeError

    desk.kept.tell(TextDelta("one\n"), fail)
    await asyncio.sleep(0)
    with pytest.raises(BrokenPipeError):
        desk.kept.end(ENDED)
    desk.kept.end(ENDED)
    assert desk.in_log()[0] == TextDelta("one\n")
    assert type(desk.in_log()[-1]) is TurnEnded


def test_without_an_event_loop_each_event_is_kept_by_itself(desk: Desk) -> None:
    for number, event in enumerate(PIECES, 1):
        desk.tell(event)
        assert len(desk.in_log()) == len(desk.shown) == number
