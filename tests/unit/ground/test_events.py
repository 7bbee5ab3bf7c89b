"""Events and parts: one JSON form that survives a round trip, and the lines that other programs read."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import eventlines, events, messages
from aiex.eventforms import from_json, to_json
from aiex.eventlines import Sequencer, to_line
from aiex.events import Envelope, Event, UnknownEvent
from aiex.jsonform import Malformed, dump, form_of
from aiex.messages import Message, Part, Request, Text, Usage
from tests.fakes.tables import each

EVENTS = get_args(Event)
PARTS = get_args(Part)

TEXTS = st.text(alphabet=st.characters())  # every code point, lone surrogates too
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
st.register_type_strategy(str, TEXTS)
st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(Mapping, st.dictionaries(TEXTS, JSON_VALUES, max_size=3))


def values_of(kind: type) -> st.SearchStrategy[Any]:
    """Values of a record, from the annotations of its fields: a new class or field needs nothing here."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: st.from_type(hints[field.name]) for field in dataclasses.fields(kind)})


for nested in (*PARTS, Message, messages.ToolDefinition, Usage):
    st.register_type_strategy(nested, values_of(nested))


def joined(value: Any) -> Any:
    """The value after JSON text: two adjacent surrogate halves are one character there."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, dict):
        return {joined(key): joined(entry) for key, entry in value.items()}
    return [joined(entry) for entry in value] if isinstance(value, list) else value


def all_records(module: Any) -> set[type]:
    return {
        value
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__ == module.__name__
    }


def test_every_record_of_the_vocabulary_belongs_to_a_union_or_is_held_by_one() -> None:
    assert all_records(events) == {*EVENTS, Envelope, UnknownEvent}
    assert all_records(messages) == {*PARTS, Message, Request, messages.ToolDefinition, Usage}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_an_event_survives_json_text(kind: type, data: st.DataObject) -> None:
    event = data.draw(values_of(kind))
    text = dump(to_json(event))
    assert "\n" not in text
    assert json.loads(text.encode("utf-8")) == joined(to_json(event))
    assert from_json(to_json(event)) == event


@pytest.mark.parametrize("kind", [*PARTS, Message, Request], ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_parts_messages_and_requests_survive_the_form(kind: type, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    assert form_of(kind).read(form_of(kind).write(value), "value") == value


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_an_event_in_its_envelope_makes_a_line_or_none(kind: type, data: st.DataObject) -> None:
    envelope = Sequencer("s1", clock=lambda: 0.0).wrap(data.draw(values_of(kind)))
    line = to_line(envelope)
    assert line is None or json.loads(dump(line).encode("utf-8"))["type"] == line["type"]
    assert envelope.seq == int(line is not None) == int(eventlines.has_line(envelope.event))


@settings(max_examples=50)
@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=4), st.sampled_from(["", "later", "tool_exploded"]))
def test_an_unknown_event_is_kept_and_written_as_it_came(fields: dict[str, Any], name: str) -> None:
    data = {**fields, "type": name}
    event = from_json(data)
    assert event == UnknownEvent(name, {key: value for key, value in fields.items() if key != "type"})
    assert to_json(event) == data


def test_an_event_with_a_part_of_a_later_version_is_kept_whole() -> None:
    data = {"type": "user_spoke", "parts": [{"type": "video", "data": "AA"}]}
    assert from_json(data) == UnknownEvent("user_spoke", {"parts": [{"type": "video", "data": "AA"}]})


def test_a_stop_reason_of_a_later_version_makes_an_unknown_event() -> None:
    assert from_json({"type": "stopped", "reason": "bored"}) == UnknownEvent("stopped", {"reason": "bored"})


def test_unknown_fields_are_ignored() -> None:
    assert from_json({"type": "text_delta", "text": "a", "colour": "red"}) == events.TextDelta("a")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"type": "text_delta"}, "cannot read event.text_delta: text is missing"),
        ({"type": "text_delta", "text": 3}, "cannot read event.text_delta.text: found a number, expected a string"),
        ({"type": "user_spoke", "parts": {}}, "cannot read event.user_spoke.parts: found an object, expected a list"),
        (
            {"type": "user_spoke", "parts": [{"type": "text", "text": None}]},
            "cannot read event.user_spoke.parts[0].text.text: found null, expected a string",
        ),
        (
            {"type": "usage_updated", "usage": {"input_tokens": True}},
            "cannot read event.usage_updated.usage.input_tokens: found a boolean, expected a whole number",
        ),
        ([], "cannot read event: found a list, expected an object with a type"),
        ({"type": None}, "cannot read event: found an object, expected an object with a type"),
    ],
)
def test_malformed_events_say_where_and_what(data: Any, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        from_json(data)
    assert caught.value.message == said


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinite_numbers_survive_as_words(number: float) -> None:
    event = events.Retrying("busy", 1, number)
    assert from_json(json.loads(dump(to_json(event)))) == event


def test_a_lone_surrogate_gives_ascii_text_and_clean_text_is_written_as_it_is() -> None:
    assert dump({"a": "grün"}) == '{"a":"grün"}'
    assert dump({"a": "grün \udcff"}) == '{"a":"gr\\u00fcn \\udcff"}'


def test_sequence_numbers_of_the_lines_have_no_gap() -> None:
    sequencer = Sequencer("s1", clock=lambda: 1_700_000_000.1239)
    story: list[Event] = [
        events.SessionStarted("1", "/w", "explain", "offline", ""),
        events.Progressed("reading", 1, 2),
        events.UserSpoke((Text("hi"),)),
        events.Started("offline", ""),
        events.TextDelta("a"),
        events.PartEnded(Text("a")),
        events.Stopped("end_turn"),
        events.TurnEnded("success", "answered", 0),
    ]
    lines = [line for line in map(to_line, map(sequencer.wrap, story)) if line]
    assert [(line["seq"], line["turn"], line["type"]) for line in lines] == [
        (1, 0, "init"),
        (2, 1, "message"),
        (3, 1, "message"),
        (4, 1, "result"),
    ]
    assert {(line["v"], line["ts"], line["session_id"]) for line in lines} == {(1, "2023-11-14T22:13:20.123Z", "s1")}


def line_of(event: Event) -> dict[str, Any]:
    line = to_line(Sequencer("s1").wrap(event))
    assert line is not None
    return {key: value for key, value in line.items() if key not in ("v", "seq", "ts", "session_id", "turn")}


def test_the_result_line_has_the_published_fields() -> None:
    ended = events.TurnEnded("error", "ConfigError", 78, answer="", error="no", hint="do", usage=Usage(input_tokens=3))
    line = line_of(ended)
    assert list(line) == [
        *("type", "status", "subtype", "exit_code", "is_error", "result", "structured_output", "error", "hint"),
        *("usage", "num_turns", "duration_ms", "total_cost_usd", "files_changed", "checks", "failovers", "resume"),
    ]
    assert (line["type"], line["is_error"], line["exit_code"], line["usage"]["input_tokens"]) == ("result", True, 78, 3)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.TextDelta("a"),
            {"type": "message", "role": "assistant", "delta": True, "text": "a"},
        ),
        (
            events.AssistantSpoke((Text("a"), Text("b")), "openai", "m"),
            {
                **{"type": "message", "role": "assistant", "delta": False, "text": "ab"},
                "parts": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                **{"provider": "openai", "model": "m"},
            },
        ),
        (
            events.ToolStarted("1", "read", {"path": "a"}),
            {"type": "tool_use", "call_id": "1", "name": "read", "arguments": {"path": "a"}},
        ),
        (
            events.ApprovalGiven("1", True, "once", "person"),
            {
                **{"type": "permission", "subtype": "given", "approval_id": "1", "allowed": True},
                **{"scope": "once", "decided_by": "person"},
            },
        ),
        (
            events.Failed("Transient", "cut", "try again", 75),
            {
                **{"type": "error", "severity": "error", "error": "Transient", "message": "cut"},
                **{"hint": "try again", "exit_code": 75},
            },
        ),
        (
            events.FailedOver("a", "b", "down", mid_answer=True),
            {
                **{"type": "failover", "subtype": "provider", "from_provider": "a", "to_provider": "b"},
                **{"reason": "down", "mid_answer": True},
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_lines_hold_what_their_type_promises(event: Event, line: dict[str, Any]) -> None:
    assert line_of(event) == line


LINE_TYPES = {
    *("init", "message", "tool_use", "tool_result", "permission", "checkpoint", "session", "usage"),
    *("compaction", "failover", "budget", "check", "progress", "error", "result"),
}


def test_the_lines_have_the_published_types_and_no_other() -> None:
    fixed = {heading["type"] for heading in eventlines._HEADINGS.values()}
    assert fixed | {"message", "usage", "result"} == LINE_TYPES


@each("kind", eventlines._HEADINGS, ids=lambda kind: kind.__name__)
def test_the_fields_of_a_line_do_not_hide_its_heading(kind: type) -> None:
    names = {field.name for field in dataclasses.fields(kind)}
    assert names.isdisjoint({"v", "seq", "ts", "session_id", "turn", *eventlines._HEADINGS[kind]})


def test_importing_events_loads_nothing_heavy() -> None:
    code = "import sys, aiex.events, aiex.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"json", "asyncio", "tomllib", "logging", "hashlib", "pathlib", "sqlite3", "platformdirs", "difflib"}
    assert heavy.isdisjoint(loaded)
