"""Anthropic's answers, as its server and those that imitate it really send them, become the one stream of events."""

import json
import re
from dataclasses import astuple
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.errors import AiexError
from aiex.events import (
    PartEnded,
    ReasoningDelta,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    UsageUpdated,
)
from aiex.llm.answer import AnswerReader
from aiex.llm.calls import parse_arguments
from aiex.llm.protocols.anthropic.quirks import find_quirks
from aiex.llm.providers.anthropic import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Opaque, Reasoning, Refusal, Text, ToolCall
from tests.fakes.tables import each
from tests.unit.llm.anthropic_streams import (
    BEGIN,
    CASES,
    END,
    HALF,
    TOOLS,
    call,
    end,
    start,
    stop,
    text,
    thinking,
    thought,
)

PROFILE = Profile("test", "m", "http://127.0.0.1")
Outcome = tuple[list[StreamEvent], AiexError | None]
RECORDED = {
    "words": BEGIN + text(0, "Grüße", ", 😀!") + END,
    "calls": BEGIN + thinking(0, "hm") + text(1, "Wait.") + call(2, "a", "read", '{"pa', 'th": "é"}') + TOOLS,
    "two calls in CRLF": (BEGIN + call(0, "a", "f", "{}") + call(1, "b", "g") + TOOLS).replace(b"\n", b"\r\n"),
}


def decode(*chunks: bytes, profile: Profile = PROFILE) -> Outcome:
    """All events, and the error after them."""
    reader, events = AnswerReader(PROVIDER.decoder(profile)), []
    try:
        for piece in chunks:
            for event in reader.feed(piece):
                events.append(event)
            if reader.ended:
                break
        for event in reader.end():
            events.append(event)
    except AiexError as error:
        return events, error
    return events, None


def told(outcome: Outcome) -> tuple[list[StreamEvent], str]:
    events, failure = outcome
    return events, repr(failure)


@cache
def told_at_once(name: str) -> tuple[list[StreamEvent], str]:
    """What comes of the answer in one piece."""
    return told(decode(CASES[name].body))


def parts(events: list[StreamEvent], kind: type[Any]) -> list[Any]:
    return [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, kind)]


@each("name", CASES)
def test_an_answer_is_understood(name: str) -> None:
    case = CASES[name]
    events, failure = decode(case.body)
    if case.error:
        assert type(failure) is case.error
        assert failure.kind == case.kind or not case.kind
        assert re.search(case.match, str(failure))
    else:
        assert failure is None
        assert events[-1] == Stopped(case.stop)  # type: ignore[arg-type]
    assert [part.text for part in parts(events, Text)] == case.texts
    assert [part.text for part in parts(events, Reasoning)] == case.thoughts
    assert [(part.id, part.name, part.arguments) for part in parts(events, ToolCall)] == case.calls
    assert [part.text for part in parts(events, Refusal)] == ([case.refusal] if case.refusal else [])
    assert [(part.covers, part.data) for part in parts(events, Opaque)] == case.opaque
    usages = [astuple(event.usage) for event in events if isinstance(event, UsageUpdated)]
    assert (usages[-1] if usages else None) == case.usage


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 1_000_000), max_size=10))
@each("name", CASES)
def test_the_events_do_not_depend_on_how_the_bytes_were_cut(name: str, cuts: list[int]) -> None:
    body = CASES[name].body
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert told(decode(*chunks)) == told_at_once(name)


@each("name", CASES)
def test_the_events_are_the_same_byte_by_byte(name: str) -> None:
    body = CASES[name].body
    assert told(decode(*(bytes([byte]) for byte in body))) == told_at_once(name)


@each("name", CASES)
def test_deltas_join_to_their_parts(name: str) -> None:
    events, failure = decode(CASES[name].body)
    spoken, thoughts, arguments, names = "", "", {}, {}
    for event in events:
        match event:
            case TextDelta(text):
                spoken += text
            case ReasoningDelta(text):
                thoughts += text
            case ToolCallStarted(id, called):
                assert id not in names
                names[id], arguments[id] = called, ""
            case ToolCallDelta(id, text):
                arguments[id] += text
            case PartEnded(Text(text)):
                assert text == spoken
                spoken = ""
            case PartEnded(Reasoning(text)):
                assert text == thoughts
                thoughts = ""
            case PartEnded(ToolCall(id, called, parsed)):
                assert (called, parsed) == (names[id], parse_arguments(arguments[id]))
    if failure is None:
        assert (spoken, thoughts) == ("", "")
        assert [type(event) for event in events].count(Stopped) == 1


def test_words_are_shown_before_their_block_ends() -> None:
    events, failure = decode(HALF)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hel"]
    assert failure is not None


@each("name", RECORDED)
def test_a_stream_cut_at_any_byte_fails_unless_it_was_whole(name: str) -> None:
    body = RECORDED[name]
    reason = body.index(b"stop_reason", body.rindex(b"event: message_delta"))
    whole = body.index(b"\r" if b"\r\n" in body else b"\n", reason)
    for at in range(len(body)):
        events, failure = decode(body[:at])
        if at < whole:
            assert isinstance(failure, AiexError), at
            assert not any(isinstance(event, Stopped) for event in events), at
            assert not parts(events, ToolCall), at
        else:
            assert told((events, failure)) == told(decode(body)), at


def test_calls_come_last() -> None:
    events, _ = decode(RECORDED["calls"])
    assert [type(event) for event in events[-3:]] == [UsageUpdated, PartEnded, Stopped]
    assert isinstance(events[-2], PartEnded)
    assert isinstance(events[-2].part, ToolCall)


def test_the_output_is_unknown_until_the_end() -> None:
    events, _ = decode(BEGIN + text(0, "ok") + END)
    counts = [event.usage.output_tokens for event in events if isinstance(event, UsageUpdated)]
    assert counts == [None, 3]


def test_a_server_that_does_not_sign_its_thinking_gets_it_back_unsigned() -> None:
    profile = Profile("own", "qwen", "http://127.0.0.1", find_quirks("127.0.0.1", "qwen"))
    begin = {"type": "thinking", "thinking": ""}
    events, _ = decode(BEGIN + start(0, begin) + thought(0, "hm") + stop(0) + END, profile=profile)
    held = {"type": "thinking", "thinking": "hm", "signature": ""}
    assert parts(events, Opaque) == [Opaque(*profile.tag, data=held, covers=1)]


def test_reading_stops_at_the_end_of_the_message() -> None:
    decoder = PROVIDER.decoder(PROFILE)
    reader = AnswerReader(decoder)
    list(reader.feed(BEGIN + text(0, "ok")))
    assert not reader.answered
    list(reader.feed(end("end_turn")))
    assert reader.answered
    assert not reader.ended
    list(reader.feed(END))
    assert reader.ended


FIELDS = [
    *("type", "index", "delta", "content_block", "message", "usage", "error", "details", "stop_reason", "stop_details"),
    *("text", "thinking", "partial_json", "signature", "citation", "citations", "input", "id", "name", "input_tokens"),
]
WORDS = [
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "ping"),
    *("text", "thinking", "tool_use", "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "a"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=4) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=5))
def test_any_json_ends_with_stopped_or_an_error_of_the_tree(values: list[Any]) -> None:
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    events, failure = decode(body + END)
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@given(JSON)
def test_any_whole_json_ends_with_stopped_or_an_error_of_the_tree(value: Any) -> None:
    events, failure = decode(json.dumps({"content": value, "stop_reason": "end_turn"}).encode())
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@given(st.binary(max_size=300))
def test_any_bytes_end_with_stopped_or_an_error_of_the_tree(body: bytes) -> None:
    events, failure = decode(BEGIN + body)
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))
