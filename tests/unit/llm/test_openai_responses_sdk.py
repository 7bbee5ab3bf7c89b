"""The fake server is faithful: OpenAI's own SDK understands it; and the codec speaks to it from end to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from aiex import settings
from aiex.errors import AiexError, Rejected
from aiex.events import PartEnded, Started, Stopped, StreamEvent, UsageUpdated
from aiex.llm.answer import AnswerReader
from aiex.llm.providers.openai_responses import PROVIDER
from aiex.llm.router import open_stream
from aiex.llm.wire import Profile
from aiex.messages import Message, Opaque, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult, Usage
from tests.fakes.responses_server import FakeResponses, stream_events, stream_pieces
from tests.fakes.server import Reply

if TYPE_CHECKING:
    import openai

X = '{"path": "x"}'
RICH = {"text": "Grüße 😀", "reasoning": "hm", "calls": (("read", X), ("find", '{"n": 1}'))}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}


@pytest.fixture
def server() -> Iterator[FakeResponses]:
    with FakeResponses(key="sk-fake") as running:
        yield running


def client(server: FakeResponses, key: str = "sk-fake") -> openai.OpenAI:
    import openai  # when needed, because that takes a second

    return openai.OpenAI(api_key=key, base_url=server.base_url, max_retries=0)


# --- the SDK --------------------------------------------------------------------------------------------------------


def test_the_sdk_reads_a_whole_answer(server: FakeResponses) -> None:
    server.say(**RICH)
    answer = client(server).responses.create(model="fake-1", input="Hi", store=False)
    assert answer.output_text == "Grüße 😀"
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call", "function_call"]
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cached_tokens == 16


def test_the_sdk_reads_a_stream(server: FakeResponses) -> None:
    server.say(**RICH)
    events = list(client(server).responses.create(model="fake-1", input="Hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Grüße 😀"
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_the_sdk_accumulates_a_stream(server: FakeResponses) -> None:
    server.say(**RICH)
    with client(server).responses.stream(model="fake-1", input="Hi") as stream:
        final = stream.get_final_response()
    assert final.output_text == "Grüße 😀"
    assert [item.arguments for item in final.output if item.type == "function_call"] == [X, '{"n": 1}']


@pytest.mark.parametrize("streams", [False, True])
def test_the_sdk_sees_an_incomplete_answer_and_a_refusal(server: FakeResponses, streams: bool) -> None:
    server.say("", refusal="No.", finish_reason="max_output_tokens")
    api = client(server).responses
    if streams:
        last = list(api.create(model="fake-1", input="Hi", stream=True))[-1]
        assert last.type == "response.incomplete"
        answer = last.response
    else:
        answer = api.create(model="fake-1", input="Hi")
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output[0].content[0].refusal == "No."  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "reply",
    [Reply(**RICH), Reply(), Reply(refusal="No."), Reply(calls=(("read", X),), finish_reason="max_output_tokens")],
)
def test_every_event_fits_the_types_of_the_sdk(reply: Reply) -> None:
    from openai.types.responses import Response, ResponseStreamEvent
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for number, event in enumerate(stream_events(reply, {"model": "fake-1"})):
        adapter.validate_python({**event, "sequence_number": number})
        if "response" in event:
            Response.model_validate(event["response"])


def test_the_sdk_reads_models_counts_embeddings_and_errors(server: FakeResponses) -> None:
    import openai

    api = client(server)
    assert [model.id for model in api.models.list()] == ["fake-1", "fake-2"]
    assert api.responses.input_tokens.count(model="fake-1", input="Hi").input_tokens == 20
    made = api.embeddings.create(model="fake-1", input=["a", "bcd"], encoding_format="float")
    assert [row.embedding for row in sorted(made.data, key=lambda row: row.index)] == [[1.0, 0.0], [3.0, 1.0]]
    with pytest.raises(openai.AuthenticationError):
        client(server, "wrong").models.list()
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        api.responses.create(model="none", input="Hi")
    call = {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"}
    with pytest.raises(openai.BadRequestError, match="No tool output found"):
        api.responses.create(model="fake-1", input=[call])  # type: ignore[list-item]


# --- end to end -----------------------------------------------------------------------------------------------------


def ask(server: FakeResponses, request: Request, model: str = "p/fake-1") -> list[StreamEvent]:
    """One answer through the router, over a real socket."""
    overrides = [
        f"providers.p.base_url={server.base_url}",
        "providers.p.protocol=openai-responses",
        "providers.p.api_key_env=P_KEY",
    ]
    environ = {"P_KEY": "sk-fake"}
    stream = open_stream(settings.load(None, overrides=overrides, environ=environ), model, environ=environ)

    async def collect() -> list[StreamEvent]:
        return [event async for event in stream(request)]

    return asyncio.run(collect())


def question(*messages: Message, **how: Any) -> Request:
    tools = (ToolDefinition("read", "Read a file.", SCHEMA), ToolDefinition("find", "Find.", SCHEMA))
    return Request("fake-1", (Message("user", (Text("Hi"),)), *messages), tools, **how)


def test_a_tool_is_called_and_answered_through_the_router(server: FakeResponses) -> None:
    server.say(**RICH)
    server.say("Done.")
    first = ask(server, question())
    parts = tuple(event.part for event in first if isinstance(event, PartEnded))
    assert isinstance(first[0], Started)
    assert first[-1] == Stopped("tool_use")
    assert [part for part in parts if not isinstance(part, Opaque)] == [
        Reasoning("hm"),
        Text("Grüße 😀"),
        ToolCall("call_fake_0", "read", {"path": "x"}),
        ToolCall("call_fake_1", "find", {"n": 1}),
    ]
    assert UsageUpdated(Usage(20, 7, 16, 2, 2)) in first
    results = Message("tool", (ToolResult("call_fake_1", "n"), ToolResult("call_fake_0", "x")))
    second = ask(server, question(Message("assistant", parts), results))
    assert second[-1] == Stopped("end_turn")
    sent = server.requests[1].body["input"]
    assert [item["type"] for item in sent[1:]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert sent[1]["encrypted_content"] == "gAAAAfake"
    assert server.requests[1].headers["authorization"] == "Bearer sk-fake"


@pytest.mark.parametrize("how", [{"ignores_stream": True}, {"piece_bytes": 1}, {"piece_bytes": 7}])
def test_the_answer_is_the_same_however_it_is_sent(server: FakeResponses, how: dict[str, Any]) -> None:
    server.say(**RICH)
    server.say(**RICH, **how)
    plain, other = ask(server, question()), ask(server, question())
    assert [event for event in other if isinstance(event, PartEnded | Stopped)] == [
        event for event in plain if isinstance(event, PartEnded | Stopped)
    ]


def test_an_unknown_model_is_named_with_its_neighbours(server: FakeResponses) -> None:
    with pytest.raises(Rejected, match="fake-3") as caught:
        ask(server, question(), "p/fake-3")
    assert "fake-1" in caught.value.hint


# --- every byte -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(), Reply(**RICH), Reply(calls=(("read", X),), finish_reason="content_filter")])
def test_a_recorded_stream_cut_at_any_byte_is_never_whole(reply: Reply) -> None:
    body, profile = b"".join(stream_pieces(reply, {"model": "fake-1"})), Profile("p", "m", "http://127.0.0.1/v1")
    for cut in places(body.rstrip(b"\n")):
        events, failure = decode(body[:cut], profile)
        assert isinstance(failure, AiexError), cut
        assert not any(isinstance(event, Stopped) for event in events)
        assert not any(isinstance(event, PartEnded) and isinstance(event.part, ToolCall) for event in events)


def places(body: bytes) -> list[int]:
    """Before every byte around the ends of lines and in characters of several bytes; elsewhere before every fifth."""
    return [at for at in range(len(body)) if at % 5 == 0 or b"\n" in body[at - 3 : at + 3] or body[at] > 127]


def decode(body: bytes, profile: Profile) -> tuple[list[StreamEvent], AiexError | None]:
    reader, events = AnswerReader(PROVIDER.decoder(profile)), []
    try:
        for event in reader.feed(body):
            events.append(event)
        for event in reader.end():
            events.append(event)
    except AiexError as error:
        return events, error
    return events, None


def test_the_wire_of_the_fake_is_json_line_by_line() -> None:
    for piece in stream_pieces(Reply(**RICH), {"model": "m"}):
        name, data, *rest = piece.decode().split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"
        assert rest == ["", ""]
