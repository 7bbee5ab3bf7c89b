"""What is said is kept, in order, and damage to it is seen."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from aiex.errors import StoreError
from aiex.eventforms import to_json
from aiex.eventlines import to_body
from aiex.events import (
    AssistantSpoke,
    CheckRan,
    Event,
    Retrying,
    SessionArchived,
    SessionRenamed,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    UnknownEvent,
    UsageUpdated,
    UserSpoke,
)
from aiex.jsonform import dump
from aiex.messages import Text, ToolCall, Usage
from aiex.sessions.log import DamagedSession, EventLog, Lasting, Recorded, write_event
from aiex.sessions.stores import Draft, Moved, Snapshot
from aiex.sessions.stores.sqlite import SqliteStore

SESSION, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def log(path: Path) -> EventLog:
    return EventLog(SqliteStore(str(path)))


def say(log: EventLog, *words: str, session: str = SESSION, after_seq: int = 0) -> None:
    log.append(session, [SessionRenamed(word) for word in words], after_seq=after_seq, turn=2, at_ms=1_000)


def titles(log: EventLog, session: str = SESSION) -> list[object]:
    return [one.event() for one in log.read(session)]


def change(path: Path, statement: str) -> None:
    """As another program would."""
    with sqlite3.connect(path) as file:
        assert file.execute(statement).rowcount > 0
    file.close()


def test_what_was_appended_is_read_back(log: EventLog):
    events = [
        UserSpoke((Text("hello \ud83d"),)),
        TextDelta("good"),
        TextDelta(" däy\0"),
        UnknownEvent("dreamt", {"a": [1]}),
    ]
    assert log.append(SESSION, events, after_seq=0, turn=1, at_ms=1_700_000_000_123) == 4
    said = [one.envelope() for one in log.read(SESSION)]
    assert [(one.event, one.seq) for one in said] == list(zip(events, (1, 2, 3, 4), strict=True))
    assert said[0].ts == "2023-11-14T22:13:20.123Z"


def test_numbers_are_those_of_the_lines(log: EventLog):
    events = [SessionRenamed("a"), TextDelta("b")]
    assert log.append(SESSION, events, after_seq=0, turn=1, at_ms=1) == log.head(SESSION).seq == 2
    assert all(to_body(event) is not None for event in events)


def test_who_is_late_is_told_and_goes_on_after_reading(path: Path, log: EventLog):
    other = EventLog(SqliteStore(str(path)))
    say(log, "a")
    say(other, "b", after_seq=1)
    with pytest.raises(Moved):
        say(log, "lost", after_seq=1)
    say(log, "c", after_seq=log.head(SESSION).seq)
    assert titles(other) == [SessionRenamed(word) for word in "abc"]


def test_reading_from_the_middle_is_checked_as_well(path: Path, log: EventLog):
    say(log, *"abcdef")
    assert [one.seq for one in log.read(SESSION, after_seq=2, upto_seq=4)] == [3, 4]
    change(path, "update events set at_ms = 7 where seq = 3")
    with pytest.raises(DamagedSession) as caught:
        list(log.read(SESSION, after_seq=2))
    assert caught.value.seq == 3


@pytest.mark.parametrize(
    "harm",
    [
        "update events set data = cast(replace(cast(data as text), 'c', 'x') as blob) where seq = 3",
        "update events set type = 'session_forked' where seq = 3",
        "update events set turn = 9 where seq = 3",
        "update events set v = 2 where seq = 3",
        "update events set link = zeroblob(16) where seq = 3",
        "delete from events where seq = 3",
        "update events set seq = 99 where seq = 3",
        "update events set data = cast('{}' as blob), link = (select link from events where seq = 2) where seq = 3",
    ],
)
def test_what_was_changed_is_not_given_out_nor_what_follows(path: Path, log: EventLog, harm: str):
    say(log, *"abcde")
    change(path, harm)
    read: list[int] = []
    with pytest.raises(DamagedSession, match="event 3") as caught:
        read.extend(one.seq for one in log.read(SESSION))
    assert (read, caught.value.session, caught.value.seq) == ([1, 2], SESSION, 3)


def test_an_event_of_one_session_cannot_stand_in_another(path: Path, log: EventLog):
    say(log, "a")
    change(path, f"update events set session = '{OTHER}'")
    with pytest.raises(DamagedSession):
        list(log.read(OTHER))


def test_a_fork_begins_with_a_copy(log: EventLog):
    say(log, *"abc")
    head = log.copy(SESSION, 2, OTHER)
    say(log, "d", session=OTHER, after_seq=head.seq)
    assert titles(log, OTHER) == [SessionRenamed(word) for word in "abd"]
    assert [(one.copied, one.at_ms, one.turn) for one in log.read(OTHER)] == [
        (True, 1_000, 2),
        (True, 1_000, 2),
        (False, 1_000, 2),
    ]
    assert titles(log) == [SessionRenamed(word) for word in "abc"]


def test_a_copy_onto_a_session_that_is_there_is_refused(log: EventLog):
    say(log, "a")
    say(log, "b", session=OTHER)
    with pytest.raises(Moved):
        log.copy(SESSION, 1, OTHER)


def test_a_copy_of_nothing_is_refused(log: EventLog):
    with pytest.raises(StoreError, match="no events"):
        log.copy(SESSION, 5, OTHER)
    assert log.sessions() == []


@pytest.mark.parametrize(
    "odd",
    [{"type": "\ud800"}, {"type": "x" * 70_000}, {"at_ms": 2**70}, {"turn": -(2**70)}, {"v": -1}, {"data": "text"}],
)
def test_what_no_event_can_be_is_refused_whole(log: EventLog, odd: dict[str, object]):
    good = Recorded(SESSION, 1, 1, 1, 1, "noted", 1, b"{}")
    with pytest.raises(StoreError, match="event 2"):
        log.put(OTHER, [good, good._replace(**odd)])
    assert log.head(OTHER) is None


def test_following_gives_events_of_all_sessions(log: EventLog):
    say(log, "a")
    say(log, "b", session=OTHER)
    say(log, "c", after_seq=1)
    followed = log.follow(0, limit=2)
    followed += log.follow(followed[-1].position, limit=2)
    assert [one.event() for one in followed] == [SessionRenamed(word) for word in "abc"]


def test_a_snapshot_counts_for_its_history_and_version_only(path: Path, log: EventLog):
    say(log, "a", "b")
    snapshot = Snapshot(2, log.head(SESSION).link, 3, b"state")
    log.keep_snapshot(SESSION, snapshot)
    assert log.snapshot(SESSION, version=3) == log.snapshot(SESSION, version=3, upto_seq=2) == snapshot
    assert (log.snapshot(SESSION, version=4), log.snapshot(SESSION, version=3, upto_seq=1)) == (None, None)
    log.remove(SESSION)
    say(log, "other", "history")
    log.keep_snapshot(SESSION, snapshot)
    assert log.snapshot(SESSION, version=3) is None


def test_a_removed_session_can_begin_again(log: EventLog):
    say(log, *"abc")
    assert (log.remove(SESSION), log.remove(SESSION)) == (True, False)
    say(log, "d")
    assert titles(log) == [SessionRenamed("d")]


def test_a_store_that_fails_is_asked_anew_for_the_end(path: Path, log: EventLog):
    say(log, "a")
    change(path, "delete from events")
    with pytest.raises(Moved):
        say(log, "b", after_seq=1)
    say(log, "c")
    assert titles(log) == [SessionRenamed("c")]


@pytest.mark.parametrize(
    "event", [CheckRan("tests", True, False, "4 passed"), Retrying("odd", 1, math.inf), TurnEnded("success", "a", 0)]
)
def test_an_event_is_written_as_its_json_form_has_it(log: EventLog, event: Event):
    log.append(SESSION, [event], after_seq=0, turn=1, at_ms=1)
    (one,) = log.read(SESSION)
    assert {"type": one.type, **json.loads(one.data)} == to_json(event)
    assert one.event() == event


def test_who_wrote_last_sees_when_another_removed_what_it_wrote(path: Path, log: EventLog):
    say(log, *"ab")
    EventLog(SqliteStore(str(path))).remove(SESSION)
    with pytest.raises(Moved):
        say(log, "c", after_seq=2)


@pytest.mark.parametrize(
    "event",
    [
        TextDelta('a "b"\\\n\x01 däy\x7f\u2028'),
        TextDelta("half \ud83d"),
        ToolFinished("c", "run", "done", is_error=True, duration_ms=12),
        ToolFinished("c", "run", "", duration_ms=None),
        CheckRan("tests", True, False, "ok", None),
        UsageUpdated(Usage(1, None), 0.25),
        SessionArchived(),
        UserSpoke((Text("hello"),)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_are_written_in_their_one_json_form(event: Event):
    fields = to_json(event)
    assert write_event(event) == (fields.pop("type"), dump(fields).encode())


class Watched(SqliteStore):
    """Says of each append when it was to last."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.lasting: list[Lasting] = []

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        self.lasting.append("now" if synced else "later")
        return super().append(session, drafts, after_seq=after_seq, synced=synced)

    def sync_soon(self) -> None:
        self.lasting[-1] = "soon"
        super().sync_soon()


CALLS = AssistantSpoke((Text("I look."), ToolCall("1", "read", {})), "p", "m")


@pytest.mark.parametrize(
    ("event", "lasts"),
    [
        (UserSpoke((Text("hello"),)), "now"),
        (TextDelta("a"), "later"),
        (AssistantSpoke((Text("done"),), "p", "m"), "now"),
        (CALLS, "soon"),
        (ToolStarted("1", "read", {}), "soon"),
        (ToolFinished("1", "read", "text"), "soon"),
        (ToolStarted("1", "run", {"command": "ls"}), "now"),
        (ToolFinished("1", "run", "text"), "now"),
        (ToolStarted("1", "fetch", {}), "now"),
        (ToolStarted("1", "of_a_plugin", {}), "now"),
    ],
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
def test_what_has_effects_is_on_the_disk_before_it_begins_and_what_looks_soon(path: Path, event: Event, lasts: Lasting):
    store = Watched(str(path))
    EventLog(store).append(SESSION, [event], after_seq=0, turn=1, at_ms=1)
    assert store.lasting == [lasts]


def test_an_effect_brings_what_was_told_before_it_along(path: Path):
    store = Watched(str(path))
    EventLog(store).append(SESSION, [CALLS, ToolStarted("2", "run", {})], after_seq=0, turn=1, at_ms=1)
    assert store.lasting == ["now"]


def test_what_was_added_is_told_as_it_is_read(log: EventLog):
    say(log, "a")
    told = log.add(SESSION, [CALLS, ToolStarted("1", "read", {})], after_seq=1, turn=2, at_ms=3)
    assert told == list(log.read(SESSION, after_seq=1))
