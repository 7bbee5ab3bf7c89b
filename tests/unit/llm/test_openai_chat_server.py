"""Whole conversations over a real socket; the official client accepts the fake, which refuses what OpenAI refuses."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from aiex.errors import AiexError
from aiex.events import PartEnded, Stopped, StreamEvent
from aiex.llm.answer import AnswerReader
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Embeds, Profile, to_json
from aiex.messages import Image, Message, Opaque, Part, Request, Text, ToolCall, ToolDefinition, ToolResult
from tests.fakes.openai_server import SIGNATURE, FakeOpenAI

TOOLS = (ToolDefinition("read", "Read.", {"type": "object"}), ToolDefinition("now", "The time.", {"type": "object"}))
QUESTION: Any = {
    "model": "fake-1",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}],
}


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def ask(server: FakeOpenAI, messages: list[Message]) -> tuple[tuple[Part, ...], StreamEvent]:
    """The parts of the answer and its last event."""
    profile = Profile("p", "fake-1", server.base_url)
    body = to_json(PROVIDER.encode(Request("m", tuple(messages), TOOLS), profile))
    reader, events = AnswerReader(PROVIDER.decoder(profile)), []
    with httpx2.stream("POST", server.base_url + PROVIDER.path(profile), content=body) as answer:
        if answer.status_code != 200:
            raise PROVIDER.to_error(answer.status_code, answer.headers, answer.read(), profile)
        for chunk in answer.iter_bytes():
            events += list(reader.feed(chunk))
    events += list(reader.end())
    return tuple(event.part for event in events if isinstance(event, PartEnded)), events[-1]


@pytest.mark.parametrize("ignores_stream", [False, True])
def test_three_turns_with_tools_and_signed_thinking_are_accepted_and_replayed(
    server: FakeOpenAI, ignores_stream: bool
) -> None:
    server.reasoning_form = "reasoning_details"
    server.say("Wait.", reasoning="thinking one", calls=(("read", '{"path": "é"}'),), ignores_stream=ignores_stream)
    server.say("", reasoning="thinking two", calls=(("read", "{}"), ("now", "")), ignores_stream=ignores_stream)
    server.say("Done.", piece_bytes=5, ignores_stream=ignores_stream)
    picture = Image("image/png", "AAAA")
    messages = [Message("system", (Text("Be brief."),)), Message("user", (Text("go"),))]
    for _ in range(2):
        parts, last = ask(server, messages)
        assert last == Stopped("tool_use")
        calls = [part for part in parts if isinstance(part, ToolCall)]
        messages += [
            Message("assistant", parts),
            Message("tool", tuple(ToolResult(call.id, "x", images=(picture,)) for call in calls)),
        ]
    parts, last = ask(server, messages)
    assert (parts, last) == ((Text("Done."),), Stopped("end_turn"))
    sent = [message for message in server.requests[-1].body["messages"] if message["role"] == "assistant"]
    assert [message["reasoning_details"] for message in sent] == [
        [{"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0, "signature": SIGNATURE}]
        for text in ("thinking one", "thinking two")
    ]
    bodies = [asked.body["messages"] for asked in server.requests]
    assert bodies[1] == bodies[2][: len(bodies[1])]


def test_a_conversation_of_another_vendor_is_accepted_too(server: FakeOpenAI) -> None:
    foreign = Opaque("anthropic", "claude", "https://api.anthropic.com", {"signature": "x"}, covers=0)
    messages = [
        Message("user", (Text("go"),)),
        Message("assistant", (foreign, ToolCall("toolu|1" * 20, "read", {}), ToolCall("toolu|1" * 20, "now", {}))),
        Message("user", (Text("stop"), ToolResult("nobody", "x"))),
    ]
    parts, last = ask(server, messages)
    assert last == Stopped("end_turn")
    assert parts


def test_the_fake_refuses_what_openai_refuses(server: FakeOpenAI) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        for messages in (
            [{"role": "assistant", "content": None, "tool_calls": [call]}],
            [{"role": "tool", "tool_call_id": "a", "content": "x"}],
            [{"role": "assistant", "content": None, "tool_calls": [call, call]}],
            [{"role": "assistant", "content": None}],
        ):
            with pytest.raises(openai.BadRequestError):
                client.chat.completions.create(model="fake-1", messages=messages)


@pytest.mark.parametrize("form", ["reasoning_content", "reasoning", "reasoning_details"])
def test_the_official_client_reads_thinking_and_calls_in_both_modes(server: FakeOpenAI, form: Any) -> None:
    openai = pytest.importorskip("openai")
    server.reasoning_form = form
    server.say("Wait.", reasoning="thinking", calls=(("read", '{"path": "x"}'), ("now", "{}")))
    with openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        whole = client.chat.completions.create(**QUESTION)
        with client.chat.completions.stream(**QUESTION, stream_options={"include_usage": True}) as stream:
            thought = ""
            for event in stream:
                if event.type == "chunk":
                    assert type(event.chunk).model_validate(event.chunk.model_dump(), strict=True) == event.chunk
                    for choice in event.chunk.choices:
                        extra = choice.delta.model_extra
                        thought += extra.get("reasoning_content") or extra.get("reasoning") or ""
            streamed = stream.get_final_completion()
    assert thought == "thinking"
    for answer in (whole, streamed):
        calls = answer.choices[0].message.tool_calls
        assert [(call.function.name, call.function.arguments) for call in calls] == [
            ("read", '{"path": "x"}'),
            ("now", "{}"),
        ]


# --- embeddings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings_come_in_the_order_of_the_texts(server: FakeOpenAI, form: str) -> None:
    assert isinstance(PROVIDER, Embeds)
    profile = Profile("p", "fake-1", server.base_url)
    assert PROVIDER.embed_path(profile) == "/embeddings"
    body = {**PROVIDER.encode_embed(["a", "bcd"], profile), "encoding_format": form}
    answer = _post(server.base_url + PROVIDER.embed_path(profile), body)
    vectors, usage = PROVIDER.read_embeddings(answer)
    assert vectors == [[1.0, 0.5], [3.0, 0.5]]
    assert usage.input_tokens == 6


def test_the_official_client_reads_the_embeddings_of_the_fake(server: FakeOpenAI) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0) as client:
        answer = client.embeddings.create(model="fake-1", input=["a", "bcd"])
    assert sorted(row.embedding for row in answer.data) == [[1.0, 0.5], [3.0, 0.5]]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"{}", b'{"data": 1}', b'{"data": [1]}', b'{"data": [{"embedding": null}]}',
        b'{"data": [{"embedding": "!"}]}', b'{"data": [{"embedding": "AAA="}]}', b'{"data": [{"embedding": [true]}]}',
    ],
)  # fmt: skip
def test_what_is_no_embedding_is_refused(body: bytes) -> None:
    with pytest.raises(AiexError, match="embedding"):
        PROVIDER.read_embeddings(body)


def _post(url: str, body: Any) -> bytes:
    return httpx2.post(url, json=body).content
