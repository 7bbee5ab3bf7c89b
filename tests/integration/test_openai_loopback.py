"""The whole way to a model over a real socket: what is sent, what comes back, and everything that can go wrong."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing, suppress
from typing import Any

import pytest

from aiex import settings
from aiex.errors import (
    AiexError,
    ConfigError,
    ContextOverflow,
    NotSignedIn,
    Rejected,
    Transient,
    Unavailable,
)
from aiex.events import Failed, PartEnded, Started, Stopped, StreamEvent, TextDelta, ToolCallStarted, UsageUpdated
from aiex.llm import attempt
from aiex.llm.router import open_stream
from aiex.llm.wire import Stream
from aiex.messages import Document, Message, Request, Text, ToolCall, ToolDefinition, Usage
from tests.fakes.openai_server import FakeOpenAI, Reply, stream_pieces

KEY = "secret-key-123"
READ = ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
ASK = Request("whatever", (Message("user", (Text("Explain."), Document("a.py", "text/x-python", "x = 1"))),), (READ,))


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def stream_to(base_url: str, model: str = "fake-1", *, key: str = KEY, **timeouts: float) -> Stream:
    """The stream of a provider `local` at this address."""
    overrides = [f"providers.local.base_url={base_url}", "providers.local.api_key_env=LOCAL_KEY"]
    overrides += ["retry.max_attempts=1"]
    overrides += [f"providers.local.{phase}_timeout_s={limit}" for phase, limit in timeouts.items()]
    environ = {"LOCAL_KEY": key} if key else {}
    return open_stream(settings.load(None, overrides=overrides, environ=environ), f"local/{model}", environ=environ)


async def ask(stream: Stream, request: Request = ASK) -> list[StreamEvent]:
    return [event async for event in stream(request)]


async def fail(stream: Stream) -> AiexError:
    with pytest.raises(AiexError) as caught:
        await ask(stream)
    return caught.value


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


# --- the good way ---------------------------------------------------------------------------------------------------


async def test_an_answer_streams_in(server: FakeOpenAI) -> None:
    server.say("Grüße, 😀!")
    events = await ask(stream_to(server.base_url))
    assert events == [
        Started("local", "fake-1"),
        TextDelta("Grüße"),
        TextDelta(", 😀!"),
        UsageUpdated(Usage(20, 7, 16, None, 2)),
        PartEnded(Text("Grüße, 😀!")),
        Stopped("end_turn"),
    ]


async def test_the_request_is_what_the_protocol_wants(server: FakeOpenAI) -> None:
    await ask(stream_to(server.base_url + "/"))
    (asked,) = server.requests
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body["model"] == "fake-1"
    assert asked.body["tools"][0]["function"]["name"] == "read"
    assert KEY not in json.dumps(asked.body)


async def test_without_a_key_none_is_sent(server: FakeOpenAI) -> None:
    await ask(stream_to(server.base_url, key=""))
    assert "authorization" not in server.requests[0].headers


async def test_the_openai_key_is_not_sent_to_another_server(server: FakeOpenAI) -> None:
    environ = {"OPENAI_API_KEY": KEY, "AIEX_BASE_URL": server.base_url}
    loaded = settings.load(None, flags={"model": "openai/fake-1"}, environ=environ)
    await ask(open_stream(loaded, "openai/fake-1", environ=environ))
    assert KEY not in str(server.requests[0].headers)
    environ["AIEX_API_KEY"] = "another-key"
    loaded = settings.load(None, flags={"model": "openai/fake-1"}, environ=environ)
    await ask(open_stream(loaded, "openai/fake-1", environ=environ))
    assert server.requests[1].headers["authorization"] == "Bearer another-key"


async def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await ask(stream_to(server.base_url)))[-1] == Stopped("end_turn")


@pytest.mark.parametrize("piece_bytes", [1, 3, 50, 0])
@pytest.mark.parametrize("ignores_stream", [False, True])
async def test_calls_arrive_whole_in_any_form(server: FakeOpenAI, piece_bytes: int, ignores_stream: bool) -> None:
    calls = (("read", '{"path": "é.py"}'), ("now", ""))
    server.say("Wait.", reasoning="hm", calls=calls, piece_bytes=piece_bytes, ignores_stream=ignores_stream)
    events = await ask(stream_to(server.base_url))
    assert [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, ToolCall)] == [
        ToolCall("call_fake_0", "read", {"path": "é.py"}),
        ToolCall("call_fake_1", "now", {}),
    ]
    assert text_of(events) == "Wait."
    assert events[-1] == Stopped("tool_use")


async def test_nothing_is_waited_for_after_done(server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "GRACE_S", 600)
    body = {"model": "fake-1", "stream_options": {"include_usage": True}}
    server.say("Hi", silent_at_byte=len(b"".join(stream_pieces(Reply("Hi"), body))))
    async with asyncio.timeout(120):
        assert (await ask(stream_to(server.base_url, idle=600)))[-1] == Stopped("end_turn")


async def test_a_whole_answer_does_not_wait_long_for_counts(server: FakeOpenAI) -> None:
    body = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
    server.say(body=body, silent_at_byte=len(body))
    assert (await ask(stream_to(server.base_url, idle=0.1)))[-1] == Stopped("end_turn")


# --- refused --------------------------------------------------------------------------------------------------------


async def test_a_wrong_key_names_its_variable_and_is_not_repeated(server: FakeOpenAI) -> None:
    server.key = "the-right-one"
    error = await fail(stream_to(server.base_url))
    assert isinstance(error, NotSignedIn)
    assert error.exit_code == 77
    assert "Incorrect API key provided: [key]" in error.message
    assert "LOCAL_KEY" in error.hint
    assert KEY not in f"{error} {error.hint} {error!r}"


async def test_a_missing_key_names_its_variable(server: FakeOpenAI) -> None:
    server.key = "the-right-one"
    error = await fail(stream_to(server.base_url, key=""))
    assert "no key was sent" in error.hint
    assert "LOCAL_KEY" in error.hint


@pytest.mark.parametrize(
    ("model", "hint"), [("fake-11", "nearest names there: fake-1, fake-2"), ("zzz", "there is: fake-1, fake-2")]
)
async def test_an_unknown_model_brings_the_nearest_names(server: FakeOpenAI, model: str, hint: str) -> None:
    error = await fail(stream_to(server.base_url, model))
    assert isinstance(error, Rejected)
    assert error.exit_code == 1
    assert error.message.startswith(f"model {model!r} unknown: ")
    assert error.hint == hint


async def test_a_404_without_a_word_is_a_model_once_the_list_says_so(server: FakeOpenAI) -> None:
    server.models = ("fake-1", "other")
    server.say(status=404, body=b"")
    assert (await fail(stream_to(server.base_url))).message.startswith(
        "model 'fake-1' unknown, or the address is wrong"
    )
    server.lists_models = False
    error = await fail(stream_to(server.base_url.removesuffix("/v1")))
    assert "address is wrong" in error.message
    assert "/v1" in error.hint


async def test_an_unknown_model_told_with_status_200_asks_for_the_names_too(server: FakeOpenAI) -> None:
    server.say(body=b'{"error":{"message":"gone","code":"model_not_found"}}')
    error = await fail(stream_to(server.base_url))
    assert "gone" in error.message
    assert [asked.path for asked in server.requests] == ["/v1/chat/completions", "/v1/models"]


@pytest.mark.parametrize(
    ("reply", "kind", "code", "words"),
    [
        ({"status": 429, "headers": {"retry-after": "7"}, "body": b"{}"}, Transient, 75, "rate limit"),
        ({"status": 429, "body": b'{"error":{"code":"insufficient_quota"}}'}, Rejected, 1, "quota"),
        ({"status": 400, "body": b'{"error":{"code":"context_length_exceeded"}}'}, ContextOverflow, 1, "window"),
        ({"status": 400, "body": b'{"error":"temperature too hot"}'}, Rejected, 1, "temperature too hot"),
        ({"status": 422, "body": b'{"detail":[{"msg":"bad role"}]}'}, Rejected, 1, "bad role"),
        ({"status": 500, "body": b"<html><title>Oops</title></html>"}, Transient, 75, "Oops"),
        ({"status": 503, "body": b""}, Transient, 75, "503"),
        ({"status": 500, "body": b"x" * 1_000_000}, Transient, 75, "500"),
        ({"status": 500, "body": b"xxxx", "cut_at_byte": 2}, Transient, 75, "500"),
        ({"body": b'{"error":{"message":"late","code":500}}'}, Transient, 75, "late"),
        ({"body": b"<html><title>Sign in to Wi-Fi</title></html>"}, Unavailable, 69, "Sign in to Wi-Fi"),
        ({"body": b""}, Transient, 75, "without an answer"),
        ({"status": 307, "headers": {"location": "https://elsewhere.example/v2"}}, ConfigError, 78, "elsewhere"),
        (
            {"status": 302, "headers": {"location": "http://127.0.0.1:8081/v1?q"}},
            ConfigError,
            78,
            "http://127.0.0.1:8081/v1",
        ),
        ({"status": 302, "headers": {"location": "http://[::1]:8081/v1"}}, ConfigError, 78, "http://[::1]:8081/v1"),
        ({"status": 302, "headers": {"location": "http://me:pass@there/v1"}}, ConfigError, 78, "at http://there/v1"),
        ({"status": 302, "headers": {"location": "http://there:99999/v1"}}, ConfigError, 78, "another place"),
        ({"status": 302, "headers": {"location": "http://[there/v1"}}, ConfigError, 78, "another place"),
    ],
)
async def test_a_refusal_before_the_first_word_is_raised(
    server: FakeOpenAI, reply: dict[str, Any], kind: type[AiexError], code: int, words: str
) -> None:
    server.say(**reply)
    error = await fail(stream_to(server.base_url))
    assert type(error) is kind
    assert error.exit_code == code
    assert words in error.message
    assert len(server.requests) == 1
    if isinstance(error, Transient) and "headers" in reply:
        assert error.retry_after_s == 7


# --- broken ---------------------------------------------------------------------------------------------------------


async def test_a_stream_cut_after_words_ends_with_failed(server: FakeOpenAI) -> None:
    server.say("Hello, this is a long answer", cut_at_byte=700)
    events = await ask(stream_to(server.base_url))
    assert text_of(events)
    assert isinstance(events[-1], Failed)
    assert (events[-1].error, events[-1].exit_code) == ("Transient", 75)
    assert "broke in the middle" in events[-1].message
    assert "incomplete" in events[-1].hint
    assert not any(isinstance(event, PartEnded | Stopped) for event in events)


@pytest.mark.parametrize("cut_at_byte", range(0, 1400, 53))
async def test_a_stream_cut_anywhere_never_looks_whole(server: FakeOpenAI, cut_at_byte: int) -> None:
    reply = {"text": "Hi.", "calls": (("delete", '{"path": "x"}'),), "finish_reason": "tool_calls"}
    server.say(**reply, cut_at_byte=cut_at_byte)
    pieces = list(stream_pieces(Reply(**reply), {"model": "fake-1", "stream_options": {"include_usage": True}}))
    whole_at = len(b"".join(pieces[:-2])) - 2
    try:
        events = await ask(stream_to(server.base_url))
    except Transient:
        return
    finished = isinstance(events[-1], Stopped)
    assert finished == (cut_at_byte >= whole_at)
    assert finished == any(isinstance(event, PartEnded) and isinstance(event.part, ToolCall) for event in events)
    assert sum(isinstance(event, Stopped | Failed) for event in events) == 1


async def test_a_cut_call_begins_and_never_ends(server: FakeOpenAI) -> None:
    server.say("", calls=(("write", '{"text": "a very long text indeed"}'),), finish_reason="length")
    events = await ask(stream_to(server.base_url))
    assert any(isinstance(event, ToolCallStarted) for event in events)
    assert not any(isinstance(event, PartEnded) for event in events)
    assert events[-1] == Stopped("max_tokens")


async def test_an_error_in_the_stream_after_words_ends_with_failed(server: FakeOpenAI) -> None:
    good = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    server.say(body=good + b'data: {"error":{"message":"slow down ' + KEY.encode() + b'","code":429}}\n\n')
    events = await ask(stream_to(server.base_url))
    assert events[1] == TextDelta("Hi")
    assert isinstance(events[-1], Failed)
    assert "slow down [key]" in events[-1].message


@pytest.mark.parametrize(
    ("reply", "timeouts", "words"),
    [
        ({"silent_at_byte": -1}, {"first_byte": 0.1}, "accepted the request and then was silent for 0.1 s"),
        ({"silent_at_byte": 0}, {"first_byte": 0.1}, "accepted the request and then was silent for 0.1 s"),
        ({"silent_at_byte": -1}, {"total": 0.1}, "did not finish"),
    ],
)
async def test_a_silent_server_is_given_up(
    server: FakeOpenAI, reply: dict[str, Any], timeouts: dict[str, float], words: str
) -> None:
    server.say(**reply)
    error = await fail(stream_to(server.base_url, **timeouts))
    assert isinstance(error, Transient)
    assert words in error.message


@pytest.mark.parametrize(("phase", "words"), [("idle", "fell silent for "), ("total", "did not finish in the time")])
async def test_a_server_that_falls_silent_is_given_up(server: FakeOpenAI, phase: str, words: str) -> None:
    server.say("Hello, this is a long answer", silent_at_byte=700)
    events: list[StreamEvent] = []
    for limit_s in (0.2, 2, 20):  # a busy machine may need longer until the first words are there
        with suppress(Transient):
            events = await ask(stream_to(server.base_url, **{phase: limit_s}))
        if text_of(events):
            break
    assert isinstance(events[-1], Failed)
    assert words in events[-1].message
    assert "incomplete" in events[-1].hint
    assert await asyncio.to_thread(server.client_left.wait, 60)


async def test_a_server_that_cannot_be_reached_is_unavailable(closed_port: int) -> None:
    error = await fail(stream_to(f"http://127.0.0.1:{closed_port}/v1"))
    assert isinstance(error, Unavailable)
    assert error.exit_code == 69
    assert error.message == f"cannot reach http://127.0.0.1:{closed_port}/v1: connection refused"
    assert "--set" in error.hint


async def test_a_server_that_speaks_no_tls_is_unavailable(server: FakeOpenAI) -> None:
    error = await fail(stream_to(server.base_url.replace("http:", "https:")))
    assert isinstance(error, Unavailable)
    assert "no secure connection" in error.message
    assert "http://" in error.hint


async def test_a_server_that_accepts_and_hangs_up_is_transient() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        error = await fail(stream_to(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"))
    assert isinstance(error, Transient)
    assert "closed the connection without an answer" in error.message


async def test_a_connection_that_never_opens_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        error = await fail(stream_to(f"https://127.0.0.1:{port}/v1", connect=0.1))
    assert isinstance(error, Unavailable)
    assert "no connection within 0.1 s" in error.message


# --- left ---------------------------------------------------------------------------------------------------------


async def test_leaving_the_stream_closes_the_socket(server: FakeOpenAI) -> None:
    server.say("Hello, this is a long answer", silent_at_byte=700)
    stream: Any = stream_to(server.base_url)(ASK)
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, TextDelta):
                break
    assert await asyncio.to_thread(server.client_left.wait, 60)


async def test_cancelling_closes_the_socket_and_is_no_error(server: FakeOpenAI) -> None:
    server.say("Hello", silent_at_byte=-1)
    task = asyncio.create_task(ask(stream_to(server.base_url)))
    while not server.requests:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.client_left.wait, 60)


# --- the fake is a real one -----------------------------------------------------------------------------------------

QUESTION: Any = {
    "model": "fake-1",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}],
}


@pytest.fixture
def official(server: FakeOpenAI) -> Iterator[Any]:
    openai = pytest.importorskip("openai")
    server.key = KEY
    with openai.OpenAI(api_key=KEY, base_url=server.base_url, max_retries=0) as client:
        yield client


def test_the_official_client_reads_a_whole_answer(server: FakeOpenAI, official: Any) -> None:
    server.say("Hello", calls=(("read", '{"path": "x"}'),))
    answer = official.chat.completions.create(**QUESTION)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Hello", "tool_calls")
    assert choice.message.tool_calls[0].function.arguments == '{"path": "x"}'
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (20, 16)
    assert type(answer).model_validate(answer.model_dump(), strict=True) == answer


def test_the_official_client_reads_a_stream(server: FakeOpenAI, official: Any) -> None:
    server.say("Hello, you", calls=(("read", '{"path": "x"}'), ("now", "{}")), piece_bytes=7)
    with official.chat.completions.stream(**QUESTION, stream_options={"include_usage": True}) as stream:
        for event in stream:
            if event.type == "chunk":
                assert type(event.chunk).model_validate(event.chunk.model_dump(), strict=True) == event.chunk
        answer = stream.get_final_completion()
    message = answer.choices[0].message
    assert message.content == "Hello, you"
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls] == [
        ("read", '{"path": "x"}'),
        ("now", "{}"),
    ]
    assert answer.usage.total_tokens == 27


def test_the_official_client_understands_the_errors_and_the_list(server: FakeOpenAI, official: Any) -> None:
    openai = pytest.importorskip("openai")
    assert [model.id for model in official.models.list()] == ["fake-1", "fake-2"]
    with pytest.raises(openai.NotFoundError) as unknown:
        official.chat.completions.create(**{**QUESTION, "model": "nope"})
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.AuthenticationError):
        official.with_options(api_key="wrong").chat.completions.create(**QUESTION)
    server.say(status=429, headers={"retry-after": "7"}, body=b'{"error":{"message":"slow down","code":"x"}}')
    with pytest.raises(openai.RateLimitError):
        official.chat.completions.create(**QUESTION)
