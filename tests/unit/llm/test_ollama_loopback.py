"""The whole way to Ollama over a real socket, and its own SDK at the same server, so that the server is faithful."""

import asyncio
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from aiex import settings
from aiex.errors import AiexError
from aiex.events import PartEnded, ReasoningDelta, Started, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm.providers.ollama import PROVIDER
from aiex.llm.router import open_stream
from aiex.llm.wire import Profile
from aiex.messages import Message, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult, Usage
from tests.fakes.ollama_server import WINDOW, FakeOllama

READ = ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
ASK = Request("whatever", (Message("user", (Text("Explain."),)),), (READ,))
CALLS = (("read", '{"path": "é.py"}'), ("now", ""))


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as running:
        yield running


def ask(server: FakeOllama, request: Request = ASK, model: str = "fake-1") -> list[StreamEvent]:
    overrides = [f"providers.ollama.base_url={server.base_url}", "providers.ollama.protocol=ollama"]
    stream = open_stream(settings.load(None, overrides=overrides, environ={}), f"ollama/{model}", environ={})

    async def collect() -> list[StreamEvent]:
        return [event async for event in stream(request)]

    return asyncio.run(collect())


def parts(events: list[StreamEvent]) -> list[Any]:
    return [event.part for event in events if isinstance(event, PartEnded)]


# --- through the router ---------------------------------------------------------------------------------------------


def test_an_answer_streams_in(server: FakeOllama) -> None:
    server.say("Grüße, 😀!", reasoning="hm")
    assert ask(server) == [
        Started("ollama", "fake-1"),
        ReasoningDelta("hm"),
        PartEnded(Reasoning("hm")),
        TextDelta("Grüße"),
        TextDelta(", 😀!"),
        UsageUpdated(Usage(20, 7, 16)),
        PartEnded(Text("Grüße, 😀!")),
        Stopped("end_turn"),
    ]
    (asked,) = server.requests
    assert (asked.method, asked.path) == ("POST", "/api/chat")
    assert "authorization" not in asked.headers
    assert asked.body["truncate"] is False
    assert asked.body["options"]["num_ctx"] == 8_192


@pytest.mark.parametrize("piece_bytes", [1, 7, 0])
@pytest.mark.parametrize("ignores_stream", [False, True])
def test_calls_arrive_whole_in_any_form(server: FakeOllama, piece_bytes: int, ignores_stream: bool) -> None:
    server.say("Wait.", reasoning="hm", calls=CALLS, piece_bytes=piece_bytes, ignores_stream=ignores_stream)
    events = ask(server)
    assert parts(events) == [
        Reasoning("hm"),
        Text("Wait."),
        ToolCall("call_fake_0", "read", {"path": "é.py"}),
        ToolCall("call_fake_1", "now", {}),
    ]
    assert events[-1] == Stopped("tool_use")


def test_a_conversation_goes_on_with_the_results(server: FakeOllama) -> None:
    server.say("Wait.", reasoning="hm", calls=CALLS)
    server.say("It is x.")
    spoken = parts(ask(server))
    results = tuple(ToolResult(part.id, "x = 1") for part in spoken if isinstance(part, ToolCall))
    more = (*ASK.messages, Message("assistant", tuple(spoken)), Message("tool", results))
    assert ask(server, Request("", more, (READ,)))[-1] == Stopped("end_turn")
    assert [message["role"] for message in server.requests[1].body["messages"]] == ["user", "assistant", "tool", "tool"]


def test_the_key_goes_along_where_there_is_one(server: FakeOllama) -> None:
    server.key = "right"
    overrides = [f"providers.ollama.base_url={server.base_url}", "providers.ollama.protocol=ollama"]
    overrides += ["providers.ollama.api_key_env=OLLAMA_API_KEY"]
    environ = {"OLLAMA_API_KEY": "right"}
    stream = open_stream(settings.load(None, overrides=overrides, environ=environ), "ollama/fake-1", environ=environ)

    async def last() -> StreamEvent:
        return [event async for event in stream(ASK)][-1]

    assert asyncio.run(last()) == Stopped("end_turn")


def test_an_unknown_model_gets_the_nearest_names(server: FakeOllama) -> None:
    with pytest.raises(AiexError, match="'fake-7' unknown") as caught:
        ask(server, model="fake-7")
    assert "fake-1" in caught.value.hint
    server.lists_models = False
    with pytest.raises(AiexError, match="'fake-7' unknown") as caught:
        ask(server, model="fake-7")
    assert "ollama pull fake-7" in caught.value.hint


# --- the vendor's own SDK at the same server ------------------------------------------------------------------------


def client(server: FakeOllama) -> ollama.Client:
    return ollama.Client(host=server.base_url, trust_env=False)


def test_the_sdk_reads_the_stream(server: FakeOllama) -> None:
    server.say("Grüße!", reasoning="hm", calls=CALLS)
    answers = list(client(server).chat(model="fake-1", messages=[{"role": "user", "content": "Hi"}], stream=True))
    assert "".join(one.message.content or "" for one in answers) == "Grüße!"
    assert "".join(one.message.thinking or "" for one in answers) == "hm"
    calls = [call.function for one in answers for call in one.message.tool_calls or ()]
    assert [(call.name, call.arguments) for call in calls] == [("read", {"path": "é.py"}), ("now", {})]
    assert (answers[-1].done, answers[-1].done_reason) == (True, "stop")
    assert (answers[-1].prompt_eval_count, answers[-1].eval_count) == (20, 7)


def test_the_sdk_reads_the_whole(server: FakeOllama) -> None:
    server.say("Grüße!", reasoning="hm", calls=CALLS)
    answer = client(server).chat(model="fake-1", messages=[{"role": "user", "content": "Hi"}])
    assert (answer.message.content, answer.message.thinking) == ("Grüße!", "hm")
    assert [call.function.name for call in answer.message.tool_calls or ()] == ["read", "now"]
    assert answer.done


def test_the_sdk_sends_what_the_server_and_we_agree_on(server: FakeOllama) -> None:
    options = {"num_ctx": 8_192}
    given = PROVIDER.encode(ASK, Profile("ollama", "fake-1", server.base_url))
    client(server).chat(model="fake-1", messages=given["messages"], tools=given["tools"], options=options)
    sent = server.requests[0].body
    assert {name: sent[name] for name in ("model", "messages", "options")} == {
        name: given[name] for name in ("model", "messages", "options")
    }
    assert sent["tools"][0]["function"]["name"] == given["tools"][0]["function"]["name"]


def test_the_sdk_understands_the_errors(server: FakeOllama) -> None:
    with pytest.raises(ollama.ResponseError, match="not found") as caught:
        client(server).chat(model="nobody", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.status_code == 404


def test_sdk_and_codec_read_the_same_of_models_and_embeddings(server: FakeOllama) -> None:
    theirs = client(server)
    assert [row.model for row in theirs.list().models] == ["fake-1", "fake-2"]
    shown = theirs.show("fake-1")
    assert shown.capabilities == ["completion", "tools", "thinking", "vision"]
    card = PROVIDER.read_card(shown.model_dump_json(by_alias=True).encode(), Profile("ollama", "fake-1", ""))
    assert card is not None
    assert card.context_tokens == WINDOW
    assert "reasoning" in card.capabilities
    embedded = theirs.embed(model="fake-1", input=["a", "bc"])
    vectors, usage = PROVIDER.read_embeddings(embedded.model_dump_json().encode())
    assert vectors == [[1.0, 0.5, 1.0], [2.0, 0.5, 1.0]]
    assert usage == Usage(input_tokens=4)
