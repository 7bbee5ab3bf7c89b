"""Requests become bodies that the official types of Chat Completions accept."""

import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.llm.protocols.openai_chat.quirks import Quirks, find_quirks
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile, to_json
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
)

PROFILE = Profile("test", "m-1", "http://127.0.0.1/v1")
ASK = Request("ignored", (Message("user", (Text("hi"),)),))


def encode(request: Request, profile: Profile = PROFILE) -> dict[str, Any]:
    return PROVIDER.encode(request, profile)


def messages(*given: Message) -> list[dict[str, Any]]:
    encoded: list[dict[str, Any]] = encode(Request("m", given))["messages"]
    return encoded


def test_a_simple_question() -> None:
    assert encode(ASK) == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_document_has_its_title_above() -> None:
    document = Document("brief", "text/markdown", "# A\n\nwords")
    assert messages(Message("user", (Text("Explain."), document))) == [
        {
            "role": "user",
            "content": "Explain.\n\n[Document: brief (text/markdown)]\n\n# A\n\nwords\n\n[End of document: brief]",
        }
    ]


def test_results_follow_their_calls_each_as_a_message() -> None:
    call, other = ToolCall("a", "read", {"path": "é"}), ToolCall("b", "find", {})
    assert messages(
        Message("system", (Text("Be brief."), CachePoint())),
        Message("assistant", (Reasoning("hm"), Text("Wait."), call, other)),
        Message("user", (ToolResult("a", "text of é"), ToolResult("b", "not found", is_error=True), Text("Go on."))),
    ) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path":"é"}'}},
                {"id": "b", "type": "function", "function": {"name": "find", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "text of é"},
        {"role": "tool", "tool_call_id": "b", "content": "error: not found"},
        {"role": "user", "content": "Go on."},
    ]


def test_a_call_without_words_has_null_content() -> None:
    (message,) = messages(Message("assistant", (ToolCall("a", "f", {}),)))
    assert message["content"] is None


def test_pictures_and_words_keep_their_order() -> None:
    (message,) = messages(Message("user", (Text("before"), Image("image/png", "AAAA"), Text("after"))))
    assert message["content"] == [
        {"type": "text", "text": "before"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "after"},
    ]


@pytest.mark.parametrize("parts", [(), (Text(""),), (CachePoint(),), (Reasoning("hm"),)])
def test_what_is_empty_is_not_sent(parts: tuple[Part, ...]) -> None:
    assert messages(*(Message(role, parts) for role in ("system", "user", "assistant"))) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quirks", "expected", "absent"),
    [
        (Quirks(), {"max_tokens": 9, "temperature": 0.5}, {"max_completion_tokens"}),
        (Quirks(max_tokens_field="max_completion_tokens"), {"max_completion_tokens": 9}, {"max_tokens"}),
        (Quirks(temperature=False), {"max_tokens": 9}, {"temperature"}),
        (Quirks(stream_usage=False), {"stream": True}, {"stream_options"}),
        (Quirks(json_schema=False), {"response_format": {"type": "json_object"}}, set()),
    ],
)
def test_quirks_shape_the_body(quirks: Quirks, expected: Mapping[str, Any], absent: set[str]) -> None:
    request = replace(ASK, max_output_tokens=9, temperature=0.5, response_schema={"type": "object"})
    body = encode(request, replace(PROFILE, quirks=quirks))
    assert {key: body[key] for key in expected} == expected
    assert not absent & body.keys()


def test_thinking_goes_back_only_where_it_is_wanted_and_never_empty() -> None:
    profile = replace(PROFILE, quirks=Quirks(reasoning_field="reasoning_content"))
    call = ToolCall("a", "f", {})
    turns = (Message("assistant", (Reasoning("hm"), call)), Message("assistant", (call,)))
    with_thought, without = encode(Request("m", turns), profile)["messages"]
    assert with_thought["reasoning_content"] == "hm"
    assert "reasoning_content" not in without
    assert all("reasoning_content" not in message for message in messages(*turns))


@pytest.mark.parametrize(
    ("host", "model", "quirks"),
    [
        ("127.0.0.1", "gpt-5", Quirks()),
        ("api.openai.com", "gpt-4o", Quirks(max_tokens_field="max_completion_tokens")),
        (
            "api.openai.com",
            "o4-mini",
            Quirks(max_tokens_field="max_completion_tokens", temperature=False, system_role="developer"),
        ),
        ("api.mistral.ai", "mistral-large", Quirks(stream_usage=False)),
    ],
)
def test_quirks_are_found_by_host_and_model(host: str, model: str, quirks: Quirks) -> None:
    assert find_quirks(host, model) == quirks


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    body = to_json(encode(Request("m", (Message("user", (Text("a\ud83d b\ud83d\ude00"),)),))))
    assert json.loads(body)["messages"][0]["content"] == "a\ufffd b😀"


# --- against the official types -------------------------------------------------------------------------------------

WORDS = st.text(max_size=12)
OBJECTS = st.dictionaries(WORDS, st.integers() | WORDS | st.none(), max_size=3)
USER_PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Document, WORDS, st.just("text/plain"), WORDS),
    st.builds(Image, st.just("image/png"), st.just("AAAA")),
    st.builds(ToolResult, WORDS, WORDS, st.booleans()),
    st.just(CachePoint()),
)
ANSWER_PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Reasoning, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(ToolCall, WORDS, WORDS, OBJECTS),
    st.builds(Opaque, WORDS, WORDS, WORDS, OBJECTS),
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


@settings(max_examples=60)
@given(REQUESTS, QUIRKS)
def test_every_body_fits_the_official_types(request: Request, quirks: Quirks) -> None:
    body = encode(request, replace(PROFILE, quirks=quirks))
    consume(official_type().validate_python(body))
    known = typing.get_type_hints(official_type()._type).keys()
    assert body.keys() <= known
    assert json.loads(to_json(body)) == json.loads(json.dumps(body))


def test_the_official_types_do_complain() -> None:
    body = encode(ASK)
    body["messages"][0]["role"] = "nobody"
    with pytest.raises(ValueError, match="nobody"):
        consume(official_type().validate_python(body))


@given(REQUESTS)
def test_encoding_is_stable(request: Request) -> None:
    assert to_json(encode(request)) == to_json(encode(request))
