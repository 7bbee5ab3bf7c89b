"""Responses answers, as the servers of the field send them, become the one stream of events."""

import json
import re
from dataclasses import astuple
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
from aiex.llm.providers.openai_responses import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Opaque, Reasoning, Refusal, Text, ToolCall
from tests.fakes.tables import each
from tests.unit.llm.responses_streams import CASES, DONE, added, done, message, reasoning, sse, words

PROFILE = Profile("test", "m", "http://127.0.0.1/v1")
Outcome = tuple[list[StreamEvent], AiexError | None]


def decode(*chunks: bytes) -> Outcome:
    """All events, and the error after them."""
    reader, events = AnswerReader(PROVIDER.decoder(PROFILE)), []
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
        assert failure.kind == case.kind
        assert re.search(case.match, str(failure))
    else:
        assert failure is None
        assert events[-1] == Stopped(case.stop)  # type: ignore[arg-type]
        assert [(block.data.get("type", ""), block.covers) for block in parts(events, Opaque)] == case.kept
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == case.text
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == case.reasoning
    assert [(part.id, part.name, part.arguments) for part in parts(events, ToolCall)] == case.calls
    assert "".join(part.text for part in parts(events, Refusal)) == case.refusal
    usages = [astuple(event.usage) for event in events if isinstance(event, UsageUpdated)]
    assert (usages[-1] if usages else None) == case.usage


@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 1_000_000), max_size=10))
@each("name", CASES)
def test_the_events_do_not_depend_on_how_the_bytes_were_cut(name: str, cuts: list[int]) -> None:
    body = CASES[name].body
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    chunks = [body[start:stop] for start, stop in pairwise(places)]
    assert told(decode(*chunks)) == told_at_once(name)


@each("name", [name for name, case in CASES.items() if len(case.body) < 10_000])
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
                assert called == names[id]
                if "disagree" not in name:
                    assert parsed == parse_arguments(arguments[id])
    if failure is None:
        assert (spoken, thought) == ("", "")
        assert [type(event) for event in events].count(Stopped) == 1


@each("name", CASES)
def test_blocks_cover_parts_since_the_block_before(name: str) -> None:
    events, _ = decode(CASES[name].body)
    given = [event.part for event in events if isinstance(event, PartEnded)]
    for place, part in enumerate(given):
        if isinstance(part, Opaque):
            since = next((at for at in range(place - 1, -1, -1) if isinstance(given[at], Opaque)), -1)
            assert (part.provider, part.model, part.endpoint) == PROFILE.tag
            assert 0 <= part.covers <= place - since - 1


@pytest.mark.parametrize("name", ["words between calls", "reasoning between calls"])
def test_an_answer_cut_at_any_byte_never_looks_whole(name: str) -> None:
    body = CASES[name].body
    end_of_answer = len(body.rstrip(b"\n"))
    for cut in range(end_of_answer):
        events, failure = decode(body[:cut])
        assert isinstance(failure, Transient), cut
        assert not any(isinstance(event, Stopped) for event in events), cut
        assert not parts(events, ToolCall), cut
    for cut in range(end_of_answer, len(body) + 1):
        events, failure = decode(body[:cut])
        assert failure is None
        assert events[-1] == Stopped("tool_use")


def test_the_answer_is_known_to_be_whole_with_its_terminal_event() -> None:
    decoder = PROVIDER.decoder(PROFILE)
    decoder.feed("", json.dumps(words("a")[0]))
    assert (decoder.ended, decoder.answered) == (False, False)
    decoder.feed("", json.dumps(DONE))
    assert (decoder.ended, decoder.answered) == (True, True)


def test_a_block_is_the_item_of_output_item_done_word_for_word() -> None:
    early = {**reasoning(), "encrypted_content": "only-half"}
    late = {**reasoning("hm"), "weather": "a field nobody knows"}
    events, _ = decode(sse(added(early), done(late), done(message("a"), 1), DONE))
    assert parts(events, Opaque)[0].data == late


def test_one_block_holds_what_separate_blocks_cannot_tell() -> None:
    events, _ = decode(CASES["words between calls"].body)
    last = [event.part for event in events if isinstance(event, PartEnded)][-1]
    assert [item["type"] for item in last.data["output"]] == ["function_call", "message", "function_call"]


def test_the_vendors_delay_in_words_is_read() -> None:
    _, failure = decode(CASES["a flat error event"].body)
    assert isinstance(failure, Transient)
    assert failure.retry_after_s == 11.054
