"""Ollama's answers, as its versions really send them, become the one stream of events."""

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
from aiex.llm.providers.ollama import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Reasoning, Text, ToolCall
from tests.fakes.tables import each
from tests.unit.llm.ollama_streams import CASES, FIND, READ, call, called, done, lines, said

PROFILE = Profile("test", "m", "http://127.0.0.1:11434")
Outcome = tuple[list[StreamEvent], AiexError | None]
RECORDED = {
    "words": lines(said(thinking="hm\u2028"), said("Grüße"), said(", 😀!"), done(prompt_eval_count=9, eval_count=4)),
    "calls": lines(said("Wait."), called(READ), called(FIND, call("now", {})), done(), end="\r\n"),
    "a call in the last line": lines(said("é"), {**done(), **called(READ), "done": True}),
}


def decode(*chunks: bytes) -> Outcome:
    """All events, and the error after them."""
    reader, events = AnswerReader(PROVIDER.decoder(PROFILE), PROVIDER.stream_form), []
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
    return events, f"{failure!r} {failure and failure.hint}"


@cache
def told_at_once(name: str) -> tuple[list[StreamEvent], str]:
    """What comes of the answer in one piece."""
    return told(decode(CASES[name].body))


def parts(events: list[StreamEvent], kind: type[Any]) -> list[Any]:
    return [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, kind)]


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(places)]


@each("name", CASES)
def test_an_answer_is_understood(name: str) -> None:
    case = CASES[name]
    events, failure = decode(case.body)
    if case.error:
        assert type(failure) is case.error
        assert re.search(case.match, str(failure))
        assert not case.kind or failure.kind == case.kind
        assert not any(isinstance(event, Stopped) for event in events)
    else:
        assert failure is None
        assert events[-1] == Stopped(case.stop)  # type: ignore[arg-type]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == case.text
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == case.reasoning
    usages = [astuple(event.usage) for event in events if isinstance(event, UsageUpdated)]
    assert (usages[-1] if usages else None) == case.usage


@each("name", CASES)
def test_calls_are_given_whole_and_with_ids_of_their_own(name: str) -> None:
    calls = parts(decode(CASES[name].body)[0], ToolCall)
    assert [(one.name, one.arguments) for one in calls] == [tuple(wanted[1:]) for wanted in CASES[name].calls]
    assert all(wanted[0] in (None, one.id) for one, wanted in zip(calls, CASES[name].calls, strict=True))
    assert len({one.id for one in calls}) == len(calls)
    assert all(one.id for one in calls)


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 1_000_000), max_size=10))
@each("name", CASES)
def test_how_the_bytes_were_cut_does_not_matter(name: str, cuts: list[int]) -> None:
    body = CASES[name].body
    assert told(decode(*pieces(body, cuts))) == told_at_once(name)


@each("name", [name for name in CASES if len(CASES[name].body) < 4_000])
def test_byte_by_byte_is_no_different(name: str) -> None:
    body = CASES[name].body
    assert told(decode(*(body[at : at + 1] for at in range(len(body))))) == told_at_once(name)


@each("name", CASES)
def test_the_deltas_join_to_the_parts(name: str) -> None:
    events, failure = decode(CASES[name].body)
    for delta, kind in ((TextDelta, Text), (ReasoningDelta, Reasoning)):
        streamed = "".join(event.text for event in events if isinstance(event, delta))
        joined = "".join(part.text for part in parts(events, kind))
        assert streamed.startswith(joined) if failure else streamed == joined
    started = {event.id: event.name for event in events if isinstance(event, ToolCallStarted)}
    for one in parts(events, ToolCall):
        assert started[one.id] == one.name
        deltas = [event.arguments for event in events if isinstance(event, ToolCallDelta) and event.id == one.id]
        assert parse_arguments("".join(deltas)) == one.arguments


@each("name", RECORDED)
def test_a_stream_cut_at_any_byte_never_looks_whole(name: str) -> None:
    body = RECORDED[name]
    whole = decode(body)
    assert whole[1] is None
    for at in range(len(body)):
        events, failure = decode(body[:at])
        if body[at:].strip():
            assert isinstance(failure, AiexError)
            assert failure.exit_code == 75
            assert not any(isinstance(event, Stopped) for event in events)
            assert not parts(events, ToolCall)
        else:
            assert (events, failure) == whole


@settings(max_examples=200)
@given(body=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_at_all_end_in_an_answer_or_in_an_error_of_ours(body: bytes, cuts: list[int]) -> None:
    assert told(decode(*pieces(body, cuts))) == told(decode(body))


def test_invented_ids_differ_from_answer_to_answer_and_stay_for_the_same() -> None:
    later = RECORDED["calls"].replace(b"03:00:00.123", b"03:00:01.123")
    ids = [{one.id for one in parts(decode(body)[0], ToolCall)} for body in (RECORDED["calls"], later)]
    assert not ids[0] & ids[1]
    assert ids[0] == {one.id for one in parts(decode(RECORDED["calls"])[0], ToolCall)}


def test_thinking_is_a_part_of_its_own_before_the_words() -> None:
    events, _ = decode(RECORDED["words"])
    assert [event.part for event in events if isinstance(event, PartEnded)] == [
        Reasoning("hm\u2028"),
        Text("Grüße, 😀!"),
    ]


def test_reading_can_stop_after_the_last_line() -> None:
    reader = AnswerReader(PROVIDER.decoder(PROFILE), "ndjson")
    assert list(reader.feed(lines(said("a"))))
    assert not reader.ended
    list(reader.feed(lines(done())))
    assert reader.ended
    assert reader.answered
