"""What is said is kept, in order, and damage to it is seen."""

from pathlib import Path

import pytest

from aiex.events import TextDelta, UserSpoke
from aiex.messages import Text
from aiex.sessions.log import EventLog
from aiex.sessions.stores import Moved
from aiex.sessions.stores.sqlite import SqliteStore

SESSION = "0123456789abcdef"


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(SqliteStore(str(tmp_path / "sessions.db")))


def test_what_was_appended_is_read_back(log: EventLog):
    events = [UserSpoke((Text("hello"),)), TextDelta("good"), TextDelta(" day")]
    said = log.append(SESSION, events, after_seq=0, turn=1, at_ms=1_000)
    assert [one.envelope() for one in log.read(SESSION)] == said
    assert [envelope.event for envelope in said] == events


def test_who_is_late_is_told(log: EventLog):
    log.append(SESSION, [TextDelta("a")], after_seq=0, turn=0, at_ms=1)
    with pytest.raises(Moved):
        log.append(SESSION, [TextDelta("b")], after_seq=0, turn=0, at_ms=1)
