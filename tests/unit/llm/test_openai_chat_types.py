"""Bodies of Chat Completions fit the types of the official SDK, and the rules of histories that types cannot say."""

import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.llm.protocols.openai_chat.quirks import ALL_LEVELS, Quirks, quirks_of
from aiex.llm.wire import to_json
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from tests.fakes.tables import each
from tests.unit.llm.chat_servers import PROFILE, SERVERS
from tests.unit.llm.test_openai_chat_encode import ASK, CLOSED, TOOLS, encode

WORDS = st.text(max_size=12)
IDS = st.sampled_from(["a", "b", "call 1", ""])
OBJECTS = st.dictionaries(WORDS, st.integers() | WORDS | st.none(), max_size=3)
USER_PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Document, WORDS, st.just("text/plain"), WORDS),
    st.builds(Image, st.just("image/png"), st.just("AAAA")),
    st.builds(ToolResult, IDS, WORDS, st.booleans(), st.just((Image("image/png", "AAAA"),)) | st.just(())),
    st.just(CachePoint()),
)
ANSWER_PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Reasoning, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(ToolCall, IDS, WORDS, OBJECTS),
    st.builds(Opaque, WORDS, WORDS, WORDS, OBJECTS, st.integers(0, 3)),
    st.just(CachePoint()),
)
MESSAGES = st.one_of(
    st.builds(Message, st.sampled_from(["user", "tool"]), st.lists(USER_PARTS, max_size=4).map(tuple)),
    st.builds(Message, st.just("system"), st.lists(st.builds(Text, WORDS), max_size=3).map(tuple)),
    st.builds(Message, st.just("assistant"), st.lists(ANSWER_PARTS, max_size=4).map(tuple)),
)
REQUESTS = st.builds(
    Request,
    model=WORDS,
    messages=st.lists(MESSAGES, max_size=5).map(tuple),
    tools=st.lists(st.builds(ToolDefinition, WORDS, WORDS, OBJECTS), max_size=2).map(tuple),
    max_output_tokens=st.none() | st.integers(1, 10_000),
    temperature=st.none() | st.floats(0, 2),
    response_schema=st.none() | OBJECTS,
    tool_choice=st.sampled_from(["auto", "any", "none", "x"]),
    parallel_tool_calls=st.booleans(),
    effort=st.sampled_from(["", *ALL_LEVELS]),
    stop_sequences=st.lists(WORDS, max_size=6).map(tuple),
    cache_key=WORDS,
)
QUIRKS = st.builds(
    Quirks,
    max_tokens_field=st.sampled_from(["max_tokens", "max_completion_tokens"]),
    system_role=st.sampled_from(["system", "developer"]),
    temperature=st.booleans(),
    stream_usage=st.booleans(),
    json_schema=st.booleans(),
)


@cache
def official_type() -> Any:
    """The type of a streaming request in the official SDK, as a validator."""
    pydantic = pytest.importorskip("pydantic")
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    return pydantic.TypeAdapter(params.CompletionCreateParamsStreaming)


def consume(value: Any) -> None:
    """Walk through a validated value: the official types are lazy inside, and complain only when read."""
    if isinstance(value, Mapping):
        value = value.values()
    if not isinstance(value, str) and isinstance(value, Iterable):
        for inner in value:
            consume(inner)


def check(body: Mapping[str, Any], *, more: frozenset[str] = frozenset()) -> None:
    """The body fits the official types, and the rules of histories that types cannot say."""
    consume(official_type().validate_python(body))
    assert body.keys() <= typing.get_type_hints(official_type()._type).keys() | more
    wanted: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            assert wanted.pop(0) == message["tool_call_id"]
            continue
        assert not wanted
        wanted = [call["id"] for call in message.get("tool_calls", ())]
        assert message["content"] or wanted
    assert not wanted


@settings(max_examples=60)
@given(REQUESTS, QUIRKS)
def test_every_body_fits_the_official_types(request: Request, quirks: Quirks) -> None:
    body = encode(request, replace(PROFILE, quirks=quirks))
    check(body)
    assert json.loads(to_json(body)) == json.loads(json.dumps(body))


@pytest.mark.parametrize("server", SERVERS)
@settings(max_examples=15)
@given(request=REQUESTS)
def test_every_body_for_a_known_server_fits_but_for_fields_of_its_own(server: str, request: Request) -> None:
    check(encode(request, SERVERS[server]), more=frozenset({"reasoning", "thinking"}))


def three_turns(tag: tuple[str, str, str]) -> tuple[Message, ...]:
    """A conversation with calls, parallel calls, a failure, pictures, thinking and blocks in three turns."""
    block = Opaque(*tag, data={"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, covers=1)
    return (
        Message("system", (Text("Be brief."), CachePoint())),
        Message("user", (Text("one"), Document("a.py", "text/x-python", "x = 1\n"))),
        Message("assistant", (Reasoning("hm"), block, Text("Wait."), ToolCall("a", "read", {"path": "é"}))),
        Message("tool", (ToolResult("a", "x = 1"),)),
        Message("assistant", (Text("It is x."),)),
        Message("user", (Text("two"), Image("image/png", "AAAA"))),
        Message("assistant", (ToolCall("b", "read", {"n": [1, {"é": None}]}), ToolCall("c", "write", {}))),
        Message("tool", (ToolResult("c", "", True), ToolResult("b", "", images=(Image("image/png", "AAAA"),)))),
        Message("assistant", (Reasoning("free"), ToolCall("a", "write", {"path": "x"}))),
        Message("tool", (ToolResult("a", "ok"), CachePoint())),
        Message("assistant", (Refusal("No."),)),
        Message("user", (Text("three"), CachePoint())),
    )


@each("server", SERVERS)
@each("length", range(2, 13))
def test_three_turns_with_tools_fit_the_official_types_wherever_they_stop(server: str, length: int) -> None:
    profile = SERVERS[server]
    request = Request("m", three_turns(profile.tag)[:length], TOOLS, response_schema=CLOSED, tool_choice="any")
    check(encode(request, profile), more=frozenset({"reasoning", "thinking"}))


@pytest.mark.parametrize("server", [name for name in SERVERS if name != "openrouter"])
def test_a_growing_conversation_keeps_its_beginning(server: str) -> None:
    turns = three_turns(SERVERS[server].tag)
    whole = encode(Request("m", turns), SERVERS[server])["messages"]
    alternating = quirks_of(SERVERS[server]).alternating
    for length in (2, 4, 5, 6, 8, 10, 11):  # wherever no result is outstanding
        begun = encode(Request("m", turns[:length]), SERVERS[server])["messages"]
        begun[-1].pop("prefix", None)
        if alternating and begun[-1]["role"] in ("user", "assistant"):
            begun.pop()
        assert whole[: len(begun)] == begun


def test_the_official_types_do_complain() -> None:
    body = encode(ASK)
    body["messages"][0]["role"] = "nobody"
    with pytest.raises(ValueError, match="nobody"):
        consume(official_type().validate_python(body))


@given(REQUESTS)
def test_encoding_is_stable(request: Request) -> None:
    assert to_json(encode(request)) == to_json(encode(request))
