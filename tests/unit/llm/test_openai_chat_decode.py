"""Chat Completions answers, as the servers of the field really send them, become the one stream of events."""

import json
import re
from dataclasses import astuple, replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.errors import AiexError, Transient
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
from aiex.llm.protocols.openai_chat.quirks import Quirks
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Message, Opaque, Reasoning, Refusal, Request, Text, ToolCall
from tests.fakes.tables import each
from tests.unit.llm.streams import CASES, call, chunk, sse

PROFILE = Profile("test", "m", "http://127.0.0.1/v1")
Outcome = tuple[list[StreamEvent], AiexError | None]


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
def test_an_answer_of_the_field_is_understood(name: str) -> None:
    case = CASES[name]
    events, failure = decode(case.body)
    if case.error:
        assert type(failure) is case.error
        assert re.search(case.match, str(failure))
    else:
        assert failure is None
        assert events[-1] == Stopped(case.stop)  # type: ignore[arg-type]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == case.text
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == case.reasoning
    assert [(part.id, part.name, part.arguments) for part in parts(events, ToolCall)] == case.calls
    assert [part.text for part in parts(events, Refusal)] == ([case.refusal] if case.refusal else [])
    blocks = parts(events, Opaque)
    assert [(block.data, block.covers) for block in blocks] == case.blocks
    assert all((block.provider, block.model, block.endpoint) == PROFILE.tag for block in blocks)
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


@each("name", [name for name, case in CASES.items() if len(case.body) < 5000])
def test_the_events_are_the_same_byte_by_byte(name: str) -> None:
    body = CASES[name].body
    assert told(decode(*(bytes([byte]) for byte in body))) == told_at_once(name)


@each("name", CASES)
def test_deltas_join_to_their_parts(name: str) -> None:
    events, failure = decode(CASES[name].body)
    spoken, thought, arguments, names = "", "", {}, {}
    for event in events:
        match event:
            case TextDelta(text):
                spoken += text
            case ReasoningDelta(text):
                thought += text
            case ToolCallStarted(id, called):
                assert id not in names
                names[id], arguments[id] = called, ""
            case ToolCallDelta(id, text):
                arguments[id] += text
            case PartEnded(Text(text)):
                assert text == spoken
                spoken = ""
            case PartEnded(Reasoning(text)):
                assert text == thought
                thought = ""
            case PartEnded(ToolCall(id, called, parsed)):
                assert (called, parsed) == (names[id], parse_arguments(arguments[id]))
    if failure is None:
        assert (spoken, thought) == ("", "")
        assert [type(event) for event in events].count(Stopped) == 1


@each("name", [name for name, case in CASES.items() if case.stop and len(case.body) < 5000])
def test_a_stream_cut_at_any_byte_fails_or_was_whole(name: str) -> None:
    body = CASES[name].body
    whole = told(decode(body))[0]
    for length in range(len(body)):
        events, failure = decode(body[:length])
        if failure is None:
            said = [event for event in events if not isinstance(event, UsageUpdated)]
            assert said == [event for event in whole if not isinstance(event, UsageUpdated)]
            continue
        assert type(failure) is Transient
        assert failure.kind in ("transport", "malformed")
        assert not parts(events, ToolCall)
        assert not any(isinstance(event, Stopped) for event in events)


def test_what_is_repeated_is_replayed_unchanged_to_the_same_place_only() -> None:
    events, _ = decode(CASES["a signature that comes after the words"].body)
    answer = Message("assistant", tuple(event.part for event in events if isinstance(event, PartEnded)))
    (own,), (foreign,) = (
        PROVIDER.encode(Request("m", (answer,)), profile)["messages"]
        for profile in (PROFILE, replace(PROFILE, model="n"))
    )
    signed = {"type": "reasoning.text", "format": "f", "index": 0, "text": "hm", "signature": "sig"}
    assert own == {"role": "assistant", "content": "a", "reasoning_details": [signed]}
    assert foreign == {"role": "assistant", "content": "a"}


def test_a_server_that_wants_its_thinking_back_gives_a_block_for_it() -> None:
    profile = replace(PROFILE, quirks=Quirks(reasoning_field="reasoning_content"))
    events, _ = decode(CASES["reasoning_content"].body, profile=profile)
    assert [event.part for event in events if isinstance(event, PartEnded)] == [
        Reasoning("hm"),
        Opaque(*PROFILE.tag, data={"reasoning_content": "hm"}, covers=1),
        Text("a"),
    ]


@pytest.mark.parametrize(
    ("reason", "kind"), [("error", "server_error"), ("insufficient_system_resource", "overloaded")]
)
def test_a_server_that_gave_up_says_how(reason: str, kind: str) -> None:
    _, failure = decode(sse(chunk({"content": "a"}, reason)))
    assert isinstance(failure, Transient)
    assert failure.kind == kind


def test_calls_without_ids_get_their_own() -> None:
    fragments = [call(None, None, "f", json.dumps({"n": n})) for n in (1, 2)]
    calls = parts(decode(sse(*fragments))[0], ToolCall)
    assert [found.arguments for found in calls] == [{"n": 1}, {"n": 2}]
    assert len({found.id for found in calls}) == 2
    others = parts(decode(sse(*({**fragment, "id": "another answer"} for fragment in fragments)))[0], ToolCall)
    assert not {found.id for found in calls} & {found.id for found in others}


def test_an_id_that_comes_after_the_name_begins_no_second_call() -> None:
    fragments = [call(0, None, "f", '{"n"'), call(0, "late", None, ": 1"), call(0, "late", None, "}")]
    events, _ = decode(sse(*fragments))
    (found,) = parts(events, ToolCall)
    assert found.arguments == {"n": 1}
    assert [event.id for event in events if isinstance(event, ToolCallStarted)] == [found.id]


def test_one_id_for_two_calls_is_made_two() -> None:
    events, _ = decode(
        sse(call(0, "same", "f", '{"n": 1}'), call(1, "same", "f", '{"n"'), call(1, "same", "f", ": 2}"))
    )
    first, second = parts(events, ToolCall)
    assert (first.id, first.arguments, second.arguments) == ("same", {"n": 1}, {"n": 2})
    assert second.id != "same"


def test_the_legacy_function_call_is_a_call() -> None:
    start, rest = {"name": "f", "arguments": ""}, {"arguments": '{"n": 1}'}
    events, failure = decode(sse(chunk({"function_call": start}), chunk({"function_call": rest}, "function_call")))
    assert failure is None
    assert [found.arguments for found in parts(events, ToolCall)] == [{"n": 1}]
    assert events[-1] == Stopped("tool_use")


def test_a_whole_answer_that_never_ends_is_given_up() -> None:
    events, failure = decode(b"{", b" " * 9_000_000, b" " * 9_000_000)
    assert events == []
    assert failure is not None
    assert "not a stream" in failure.message


FIELDS = [
    *("choices", "delta", "message", "index", "content", "text", "tool_calls", "function", "name", "arguments", "id"),
    *("error", "code", "type", "finish_reason", "usage", "prompt_tokens_details", "reasoning_details"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4))
def test_any_json_ends_with_stopped_or_an_error_of_the_tree(values: list[Any]) -> None:
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    events, failure = decode(body + b"data: [DONE]\n\n")
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@given(JSON)
def test_any_whole_json_ends_with_stopped_or_an_error_of_the_tree(value: Any) -> None:
    events, failure = decode(b"\n" + json.dumps({"choices": value}).encode())
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@given(st.binary(max_size=300))
def test_any_bytes_end_with_stopped_or_an_error_of_the_tree(body: bytes) -> None:
    events, failure = decode(body)
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))
