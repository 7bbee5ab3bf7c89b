"""Answers of generateContent that are cut or senseless end with an error of the tree, and give no call away."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import Transient
from aiex.events import Stopped
from aiex.messages import ToolCall
from tests.unit.llm.test_gemini_decode import (
    CASES,
    READ_SIGNED,
    READ_X,
    SIGNED,
    STOP,
    call,
    decode,
    parts,
    response,
    sse,
    told,
    words,
)

RECORDED = {
    "words and a signature": sse(*words("hm", thought=True), *words("é😀", "bc"), response(SIGNED, finish="STOP")),
    "parallel calls": sse(
        *words("Wait."), response(READ_SIGNED), response(call("find", {"n": 1})), response(finish="STOP")
    ),
    "one object": json.dumps(response({"text": "a"}, READ_SIGNED, finish="STOP"), indent=1).encode(),
    "a list": json.dumps([*words("a"), response(READ_X), STOP]).encode(),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_stream_cut_at_any_byte_never_looks_whole(name: str) -> None:
    body = RECORDED[name]
    whole = told(decode(body))
    for at in range(len(body)):
        events, failure = decode(body[:at])
        if told((events, failure)) == whole:
            assert b'"finishReason"' in body[:at]
            continue
        assert isinstance(failure, Transient), at
        assert not parts(events, ToolCall), at
        assert not any(isinstance(event, Stopped) for event in events), at


FIELDS = [
    *("candidates", "content", "parts", "text", "thought", "thoughtSignature", "functionCall", "name", "args", "id"),
    *("finishReason", "error", "code", "status", "details", "usageMetadata", "promptTokenCount", "promptFeedback"),
    *("blockReason", "index", "inlineData", "mimeType", "data", "violations", "continuationToken"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("STOP"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4))
def test_any_json_ends_with_stopped_or_an_error_of_the_tree(values: list[Any]) -> None:
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    events, failure = decode(body)
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@given(st.lists(JSON, max_size=3))
def test_any_parts_end_with_stopped_or_an_error_of_the_tree(shapes: list[Any]) -> None:
    events, failure = decode(
        json.dumps([{"candidates": [{"content": {"parts": shapes}, "finishReason": "STOP"}]}]).encode()
    )
    assert failure is None
    assert isinstance(events[-1], Stopped)


@given(st.binary(max_size=300))
def test_any_bytes_end_with_stopped_or_an_error_of_the_tree(body: bytes) -> None:
    events, failure = decode(body)
    assert (failure is None) == bool(events and isinstance(events[-1], Stopped))


@pytest.mark.parametrize("depth", range(700, 1000, 20))
def test_arguments_of_any_depth_make_no_crash(depth: int) -> None:
    body = json.dumps([response(call("f", {"a": 1}), finish="STOP")]).replace(
        '{"a": 1}', '{"a":' * depth + "1" + "}" * depth
    )
    events, failure = decode(body.encode())
    assert isinstance(failure, Transient) or isinstance(events[-1], Stopped)


def test_the_delay_that_google_wishes_is_read() -> None:
    _, failure = decode(CASES["200 with an error"].body)
    assert isinstance(failure, Transient)
    assert failure.retry_after_s == 34.07
