"""Events told again, as they were."""

from __future__ import annotations

import json

from aiex.eventlines import to_line
from aiex.events import Noted, TextDelta, TurnEnded, UnknownEvent, Warned
from aiex.jobs.sessions.replaying import replay
from tests.fakes.histories import START_MS
from tests.unit.jobs.sessions.conftest import ONE, damage


def told(sessions, telling, first=1, last=16):
    *events, end = replay(sessions, ONE, first, last, telling)
    assert isinstance(end, TurnEnded)
    return events, end.data


def lines_of(sessions):
    return [to_line(one.envelope()) for one in sessions.log.read(ONE)]


def test_lines_are_those_of_the_run_with_their_numbers_and_times(sessions, story):
    events, data = told(sessions, "lines")
    lines = [json.loads(event.text) for event in events if isinstance(event, TextDelta)]
    assert lines == lines_of(sessions)
    assert [line["seq"] for line in lines] == [*range(1, 17)]
    assert (lines[0]["type"], lines[-1]["type"], lines[-1]["session_id"]) == ("init", "result", story)
    assert data == {"session": story, "from": 1, "events": 16}


def test_a_part_is_told_alone(sessions, story):
    events, data = told(sessions, "progress", 6, 8)
    assert [event.data for event in events if isinstance(event, Noted)] == lines_of(sessions)[5:8]
    assert data == {"session": story, "from": 6, "events": 3}
    assert told(sessions, "data", 6, 8) == ([], {**data, "lines": lines_of(sessions)[5:8]})


def test_a_person_reads_a_line_for_each_event(sessions, story, tell):
    tell(story, UnknownEvent("teleported", {"to": "the\x1b moon", "seq": 99}))
    events, _ = told(sessions, "words", 1, 17)
    lines = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(lines) == 17
    assert all(line.endswith("\n") and line[:-1].isprintable() for line in lines)
    assert lines[1].split() == [
        "2",
        "2026-09-21",
        "14:13:21",
        "message",
        "You:",
        "why",
        "does",
        "the",
        "parser",
        "fail?",
    ]
    assert "Because of" in lines[2]
    assert "a.py" in lines[10]
    assert "teleported" in lines[16]
    assert START_MS == 1_790_000_000_000


def test_a_field_of_a_later_version_never_stands_for_the_number(sessions, story, tell):
    tell(story, UnknownEvent("teleported", {"to": "moon", "seq": 99, "type": "result"}))
    (event,), _ = told(sessions, "lines", 17, 17)
    assert json.loads(event.text)["seq"] == 17
    assert json.loads(event.text)["type"] == "teleported"
    assert story == ONE


def test_a_damaged_session_is_told_as_far_as_it_is_whole(sessions, story):
    damage(sessions, 9)
    events, data = told(sessions, "lines")
    assert [type(event) for event in events] == [TextDelta] * 8 + [Warned]
    assert data == {"session": story, "from": 1, "events": 8}
