"""The fake of Gemini is what Google's own SDK takes it for, and the codec meets it through the router."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from aiex import settings
from aiex.errors import AiexError, Transient, Unavailable
from aiex.events import Failed, PartEnded, ReasoningDelta, Started, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm.failures import UnknownModel
from aiex.llm.router import open_stream
from aiex.messages import Message, Opaque, Request, Text, ToolCall, ToolDefinition, ToolResult, Usage
from tests.fakes.gemini_server import SIGNATURE, FakeGemini

if TYPE_CHECKING:
    from google import genai

MODEL = "gemini-3-fake"
CALLS = (("read", '{"path": "é"}'), ("find", '{"n": 1}'))
READ = ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


@pytest.fixture
def server() -> Iterator[FakeGemini]:
    with FakeGemini(models=(MODEL,), key="k-1") as running:
        yield running


def client(server: FakeGemini, key: str = "k-1") -> genai.Client:
    from google import genai  # when needed, because that takes a second
    from google.genai import types

    return genai.Client(api_key=key, vertexai=False, http_options=types.HttpOptions(base_url=server.base_url))


# --- the SDK ------------------------------------------------------------------------------------------------------


def test_the_sdk_reads_a_whole_answer(server: FakeGemini) -> None:
    from google.genai import types

    server.say("Hello é", reasoning="hm", calls=CALLS)
    with client(server) as sdk:
        answer = sdk.models.generate_content(model=MODEL, contents="q")
    candidate = (answer.candidates or [])[0]
    assert candidate.finish_reason == types.FinishReason.STOP
    assert [(call.name, call.args) for call in answer.function_calls or []] == [
        ("read", {"path": "é"}),
        ("find", {"n": 1}),
    ]
    assert "".join(part.text or "" for part in candidate.content.parts if not part.thought) == "Hello é"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.thoughts_token_count == 2


def test_the_sdk_reads_a_stream(server: FakeGemini) -> None:
    from google.genai import types

    server.say("Hello é there", reasoning="hm", calls=CALLS)
    with client(server) as sdk:
        chunks = list(sdk.models.generate_content_stream(model=MODEL, contents="q"))
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    assert "".join(part.text for part in parts if part.text and not part.thought) == "Hello é there"
    assert [part.function_call.name for part in parts if part.function_call] == ["read", "find"]
    assert [bool(part.thought_signature) for part in parts if part.function_call] == [True, False]
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert server.requests[0].path.endswith(f"/models/{MODEL}:streamGenerateContent?alt=sse")


@pytest.mark.parametrize(("key", "model", "code"), [("wrong", MODEL, 400), ("k-1", "other", 404)])
def test_the_sdk_reads_errors(server: FakeGemini, key: str, model: str, code: int) -> None:
    from google.genai import errors

    with client(server, key) as sdk, pytest.raises(errors.ClientError) as caught:
        sdk.models.generate_content(model=model, contents="q")
    assert caught.value.code == code


def test_the_sdk_counts_embeds_and_lists(server: FakeGemini) -> None:
    from google.genai import types

    with client(server) as sdk:
        counted = sdk.models.count_tokens(model=MODEL, contents="q")
        listed = list(sdk.models.list())
        texts = [types.Content(parts=[types.Part(text=text)]) for text in ("a", "bcd")]
        embedded = sdk.models.embed_content(model=MODEL, contents=texts).embeddings or []
    assert (counted.total_tokens or 0) > 0
    assert [model.input_token_limit for model in listed] == [1_048_576, 2048]
    assert [row.values for row in embedded] == [[1.0, 0.5], [3.0, 0.5]]


def test_the_sdk_and_the_codec_send_the_same_request(server: FakeGemini) -> None:
    from google.genai import types

    declared = types.FunctionDeclaration(
        name=READ.name, description=READ.description, parameters_json_schema=dict(READ.parameters)
    )
    choice = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["read"])
    config = types.GenerateContentConfig(
        system_instruction="s",
        tools=[types.Tool(function_declarations=[declared])],
        tool_config=types.ToolConfig(function_calling_config=choice),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        max_output_tokens=9,
        stop_sequences=["END"],
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        response_mime_type="application/json",
        response_json_schema={"type": "object"},
    )
    with client(server) as sdk:
        list(sdk.models.generate_content_stream(model=MODEL, contents="q", config=config))
    request = Request(
        "m",
        (Message("system", (Text("s"),)), Message("user", (Text("q"),))),
        (READ,),
        tool_choice="read",
        max_output_tokens=9,
        stop_sequences=("END",),
        effort="low",
        response_schema={"type": "object"},
    )
    run(server, request)
    theirs, ours = (camel(asked.body) for asked in server.requests)
    theirs["systemInstruction"].pop("role", None)
    assert ours == theirs


def camel(value: Any) -> Any:
    """The same with names as the API documents them; the SDK writes some the other way, which Google reads as well."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name): camel(item) for name, item in value.items()}


# --- the router ---------------------------------------------------------------------------------------------------


def run(server: FakeGemini, request: Request, model: str = MODEL, key: str = "k-1") -> list[StreamEvent]:
    overrides = [
        f"providers.g.base_url={server.base_url}",
        "providers.g.protocol=gemini",
        "providers.g.api_key_env=GEMINI_KEY",
        "retry.max_attempts=1",
    ]
    configured = settings.load(None, overrides=overrides, environ={})
    return asyncio.run(collect(open_stream(configured, f"g/{model}", environ={"GEMINI_KEY": key})(request)))


async def collect(stream: Any) -> list[StreamEvent]:
    async with aclosing(stream) as events:
        return [event async for event in events]


def ask(*messages: Message) -> Request:
    return Request("m", (Message("user", (Text("q"),)), *messages), (READ,))


@pytest.mark.parametrize("how", [{}, {"piece_bytes": 1}, {"piece_bytes": 7}, {"ignores_stream": True}])
def test_an_answer_comes_through_the_router(server: FakeGemini, how: dict[str, Any]) -> None:
    server.say("Hello é there", reasoning="hm", **how)
    events = run(server, ask())
    assert events[0] == Started("g", MODEL)
    assert events[-1] == Stopped("end_turn")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hello é there"
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == "hm"
    usages = [event.usage for event in events if isinstance(event, UsageUpdated)]
    assert usages[-1] == Usage(20, 7, 16, None, 2)
    assert server.requests[0].headers["x-goog-api-key"] == "k-1"
    assert "k-1" not in server.requests[0].path


def test_a_conversation_with_tools_is_accepted_turn_after_turn(server: FakeGemini) -> None:
    server.say("", calls=(("read", '{"path": "x"}'), ("read", '{"path": "y"}')))
    server.say("", calls=(("read", '{"path": "z"}'),))
    server.say("Done.")
    talk: list[Message] = []
    for _ in range(3):
        events = run(server, ask(*talk))
        talk.append(Message("assistant", tuple(event.part for event in events if isinstance(event, PartEnded))))
        calls = [part for part in talk[-1].parts if isinstance(part, ToolCall)]
        if calls:
            talk.append(Message("tool", tuple(ToolResult(call.id, "x = 1") for call in calls)))
    assert events[-1] == Stopped("end_turn")
    assert [len([part for part in message.parts if isinstance(part, Opaque)]) for message in talk] == [1, 0, 1, 0, 1]
    assert json.dumps(server.requests[-1].body).count(SIGNATURE) == 2


@pytest.mark.parametrize("cut", range(0, 800, 61))
def test_a_connection_cut_at_any_place_gives_no_call_away(server: FakeGemini, cut: int) -> None:
    server.say("Wait.", calls=CALLS, cut_at_byte=cut)
    try:
        events = run(server, ask())
    except (Transient, Unavailable):
        return
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, PartEnded) and isinstance(event.part, ToolCall) for event in events)


def test_an_unknown_model_is_told_with_its_neighbours(server: FakeGemini) -> None:
    with pytest.raises(UnknownModel) as caught:
        run(server, ask(), model="gemini-3-fke")
    assert MODEL in caught.value.hint


def test_a_wrong_key_is_not_shown(server: FakeGemini) -> None:
    with pytest.raises(AiexError) as caught:
        run(server, ask(), key="wrong-key-123")
    assert caught.value.exit_code == 77
    assert "wrong-key-123" not in caught.value.message + caught.value.hint
