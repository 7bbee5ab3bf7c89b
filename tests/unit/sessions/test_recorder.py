"""What a door hands over is in the log when it goes on, in one order, whoever else writes to the session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

import pytest

from aiex import events as told
from aiex.errors import Conflict, Denied, UsageError
from aiex.eventlines import Sequencer, to_line
from aiex.events import Event
from aiex.guard.redact import REMOVED
from aiex.messages import Text, ToolCall
from aiex.sessions.decisions import Fork, GiveApproval, Interrupt, Rename, Speak, StartTool
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import MOST_TOLD, SNAPSHOT_EVENTS, Recorder, fork
from aiex.sessions.requests import conversation
from aiex.sessions.state import STATE_VERSION, fold
from aiex.sessions.stores import Draft, Moved
from aiex.sessions.stores.sqlite import SqliteStore
from tests.unit.sessions.stories import SESSION, answer, said

OTHER = "f" * 16
STORY: list[Event] = [
    told.SessionStarted("1", "/w", "run", "offline", "", "/w"),
    told.Progressed("reading", 1, 2),
    said("hi"),
    told.Started("offline", ""),
    told.TextDelta("hel"),
    told.TextDelta("lo"),
    told.PartEnded(Text("hello")),
    told.Stopped("end_turn"),
    answer(Text("hello")),
    told.TurnEnded("success", "answered", 0),
]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    made = EventLog(SqliteStore(str(tmp_path / "sessions.db")))
    yield made
    made.close()


def open_again(tmp_path: Path) -> EventLog:
    """As another process would."""
    return EventLog(SqliteStore(str(tmp_path / "sessions.db")))


def test_the_numbers_of_the_log_are_those_of_the_lines(log: EventLog) -> None:
    recorder, sequencer = Recorder(log, SESSION, clock=lambda: 1.5), Sequencer(SESSION, clock=lambda: 1.5)
    envelopes = [recorder.record(event) for event in STORY]
    assert envelopes == [sequencer.wrap(event) for event in STORY]
    kept = [one.envelope() for one in log.read(SESSION)]
    assert [one.seq for one in kept] == [envelope.seq for envelope in envelopes if to_line(envelope)]


def test_a_second_run_counts_on(log: EventLog) -> None:
    first = Recorder(log, SESSION)
    for event in STORY:
        first.record(event)
    first.close()
    second = Recorder(log, SESSION)
    begun = second.record(STORY[0])
    assert (begun.seq, begun.turn) == (first.seq + 1, 1)
    assert second.record(said("and?")).turn == 2
    assert second.state == fold(log.read(SESSION))


def test_a_secret_is_shown_but_not_kept(log: EventLog) -> None:
    spoken = said("the password=hunter2-and-more is mine")
    envelope = Recorder(log, SESSION).record(spoken)
    assert envelope.event == spoken
    (kept,) = log.read(SESSION)
    assert kept.event() == said(f"the password={REMOVED} is mine")


def test_what_another_process_wrote_is_in_the_state_and_nothing_is_lost(log: EventLog, tmp_path: Path) -> None:
    one, two = Recorder(log, SESSION), Recorder(open_again(tmp_path), SESSION)
    one.record(said("a"))
    assert two.record(said("b")).seq == 2
    assert one.record(answer(Text("c"))).seq == 3
    assert (one.moved, two.moved) == (1, 1)
    assert [entry.message.parts for entry in conversation(one.state)] == [(Text("a"),), (Text("b"),), (Text("c"),)]
    assert [recorded.turn for recorded in log.read(SESSION)] == [1, 2, 2]


def test_the_state_is_that_of_the_log_whoever_wrote_between_two_looks(log: EventLog, tmp_path: Path) -> None:
    one, other = Recorder(log, SESSION), Recorder(open_again(tmp_path), SESSION)
    for number, writer in enumerate([one, one, other, one, other, other, one, one]):
        writer.record(said(f"{number}"))
        if number % 2:
            assert one.state == fold(log.read(SESSION))
    for number in range(MOST_TOLD + 10):
        one.record(said(f"{number}"))
    assert one.state == fold(log.read(SESSION))
    assert other.state == fold(log.read(SESSION))


def test_many_writers_lose_nothing_and_keep_their_own_order(log: EventLog, tmp_path: Path) -> None:
    def write(name: str) -> None:
        recorder = Recorder(open_again(tmp_path), SESSION)
        for number in range(30):
            recorder.record(told.Noted(f"{name} {number}"))

    writers = [Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    notes = [recorded.event().message for recorded in log.read(SESSION)]  # type: ignore[union-attr]
    assert len(notes) == 120
    for name in "abcd":
        assert [note for note in notes if note.startswith(name)] == [f"{name} {number}" for number in range(30)]


def test_a_command_is_decided_over_what_others_did(log: EventLog, tmp_path: Path) -> None:
    one, two = Recorder(log, SESSION), Recorder(open_again(tmp_path), SESSION)
    for event in (said("go"), answer(ToolCall("1", "run", {})), told.ApprovalAsked("a", "run make", "asks")):
        one.record(event)
    (given,) = two.do(GiveApproval("a", allowed=True), "operator")
    assert (given.seq, given.turn) == (4, 1)
    with pytest.raises(Conflict, match="not open"):
        one.do(GiveApproval("a", allowed=False), "operator")
    one.do(StartTool("1", "run", {}), "operator")
    with pytest.raises(Conflict, match="runs since event 5"):
        two.do(StartTool("1", "run", {}), "operator")


def test_a_refused_command_writes_nothing(log: EventLog) -> None:
    recorder = Recorder(log, SESSION)
    with pytest.raises(Denied):
        recorder.do(Rename("x"), "viewer")
    assert recorder.do(Interrupt("killed"), "editor") == ()
    assert log.head(SESSION) is None


def test_a_question_begins_a_turn(log: EventLog) -> None:
    recorder = Recorder(log, SESSION)
    (asked,) = recorder.do(Speak((Text("go"),)), "editor")
    assert (asked.seq, asked.turn) == (1, 1)


def test_a_long_session_has_a_snapshot_at_the_end_of_a_turn_and_a_short_one_when_it_closes(log: EventLog) -> None:
    recorder = Recorder(log, SESSION)
    recorder.record(said("go"))
    for _ in range(SNAPSHOT_EVENTS):
        recorder.record(told.TextDelta("word\n"))
    assert log.snapshot(SESSION, version=STATE_VERSION) is None
    recorder.record(STORY[-1])
    kept = log.snapshot(SESSION, version=STATE_VERSION)
    assert kept is not None
    recorder.record(said("more"))
    recorder.close()
    later = log.snapshot(SESSION, version=STATE_VERSION)
    assert (kept.seq, later and later.seq) == (SNAPSHOT_EVENTS + 2, SNAPSHOT_EVENTS + 3)
    assert Recorder(log, SESSION).state == fold(log.read(SESSION))


def test_a_fork_goes_its_own_way(log: EventLog) -> None:
    recorder = Recorder(log, SESSION)
    for event in STORY:
        recorder.record(event)
    branch = fork(log, SESSION, 5, OTHER, "editor")
    branch.record(said("other"))
    assert [entry.message.parts for entry in conversation(branch.state)] == [
        (Text("hi"),),
        (Text("hello"),),
        (Text("other"),),
    ]
    origin = branch.state.forked_from
    assert origin is not None
    assert (origin.source, origin.parent_seq, origin.seq) == (SESSION, 5, 6)
    assert recorder.seq == log.head(SESSION).seq == 6  # type: ignore[union-attr]


def test_a_fork_that_cannot_be_is_refused_before_anything_is_written(log: EventLog) -> None:
    recorder = Recorder(log, SESSION)
    recorder.record(said("hi"))
    with pytest.raises(UsageError, match="has no event 2"):
        fork(log, SESSION, 2, OTHER, "editor")
    with pytest.raises(Denied):
        fork(log, SESSION, 1, OTHER, "viewer")
    assert log.sessions() == [SESSION]
    fork(log, SESSION, 1, OTHER, "editor")
    with pytest.raises(Moved):
        fork(log, SESSION, 1, OTHER, "editor")
    with pytest.raises(TypeError):
        recorder.do(Fork(1), "editor")


class Busy(SqliteStore):
    """A file in which somebody else writes right behind each event that is kept."""

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        position = super().append(session, drafts, after_seq=after_seq, synced=synced)
        other = EventLog(SqliteStore(self.path))
        other.append(session, [told.TextDelta("b")], after_seq=after_seq + len(drafts), turn=0, at_ms=1)
        other.close()
        return position


def test_the_end_of_a_turn_has_its_own_number_though_others_wrote_before_its_snapshot(tmp_path: Path) -> None:
    busy = EventLog(Busy(str(tmp_path / "sessions.db")))
    recorder = Recorder(busy, SESSION)
    for _ in range(SNAPSHOT_EVENTS // 2):
        recorder.record(told.TextDelta("a"))
    assert recorder.record(told.TurnEnded("success", "answered", 0)).seq == SNAPSHOT_EVENTS + 1
    assert busy.snapshot(SESSION, version=STATE_VERSION) is not None
    busy.close()
