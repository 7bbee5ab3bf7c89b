"""A session is open at once with a snapshot, and the same without one, or with one that is of no use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aiex import events as told
from aiex.errors import StoreError
from aiex.jsonform import Malformed
from aiex.messages import Text
from aiex.sessions.log import EventLog
from aiex.sessions.opening import from_bytes, keep_state, open_state, to_bytes
from aiex.sessions.requests import conversation
from aiex.sessions.state import STATE_VERSION, SessionState, fold
from aiex.sessions.stores import Snapshot
from aiex.sessions.stores.sqlite import SqliteStore
from tests.unit.sessions.stories import SESSION, answer, said, state_of

STORY: list[told.Event] = [said("one"), told.TextDelta("tw"), answer(Text("two")), said("three"), answer(Text("four"))]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    made = EventLog(SqliteStore(str(tmp_path / "sessions.db")))
    made.append(SESSION, STORY, after_seq=0, turn=1, at_ms=1_000)
    yield made
    made.close()


def folded(log: EventLog, *, upto_seq: int | None = None) -> SessionState:
    return fold(log.read(SESSION, upto_seq=upto_seq))


@pytest.mark.parametrize("kept", [1, 2, 4, 5])
def test_a_session_is_the_same_with_a_snapshot_of_any_place(log: EventLog, kept: int) -> None:
    keep_state(log, folded(log, upto_seq=kept))
    assert open_state(log, SESSION) == folded(log)
    assert open_state(log, SESSION, upto_seq=3) == folded(log, upto_seq=3)


def test_what_the_snapshot_holds_is_not_read_again(log: EventLog, tmp_path: Path) -> None:
    keep_state(log, folded(log, upto_seq=4))
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as other, other:
        other.execute("update events set data = x'00' where seq = 2")
    assert open_state(log, SESSION).seq == 5


def test_a_session_that_does_not_exist_is_empty(log: EventLog) -> None:
    assert open_state(log, "f" * 16) == SessionState()


def test_a_snapshot_that_was_damaged_or_is_of_another_form_is_not_used(log: EventLog) -> None:
    state = folded(log)
    good = to_bytes(state)
    for version, data in ((STATE_VERSION, good[:-1]), (STATE_VERSION, b""), (STATE_VERSION + 1, b"later")):
        log.keep_snapshot(SESSION, Snapshot(5, state.link, version, data))
        assert open_state(log, SESSION) == state


def test_a_snapshot_survives_bytes_and_no_change_of_them() -> None:
    state = state_of(*STORY)
    kept = to_bytes(state)
    assert from_bytes(kept) == state
    for place in range(0, len(kept), 37):
        with pytest.raises(Malformed):
            from_bytes(kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :])


def test_a_snapshot_leaves_to_the_log_what_a_summary_stands_for(log: EventLog) -> None:
    log.append(SESSION, [told.Compacted(9, 1, "in short"), said("five")], after_seq=5, turn=3, at_ms=2_000)
    opened = open_state(log, SESSION)
    keep_state(log, opened)
    kept = log.snapshot(SESSION, version=STATE_VERSION)
    assert kept is not None
    assert b"in short" in kept.data
    assert b"four" not in kept.data
    again = open_state(log, SESSION)
    for seq in range(8):
        assert conversation(again, at_seq=seq) == conversation(folded(log), at_seq=seq)
    log.remove(SESSION)
    with pytest.raises(StoreError, match=r"event 1 of session .* not there any more"):
        conversation(again, at_seq=5)


def test_a_snapshot_that_leaves_something_to_a_log_is_read_only_with_one(log: EventLog) -> None:
    log.append(SESSION, [told.Compacted(9, 1, "in short")], after_seq=5, turn=3, at_ms=2_000)
    with pytest.raises(Malformed):
        from_bytes(to_bytes(open_state(log, SESSION)))
