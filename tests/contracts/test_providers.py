"""What every provider keeps, found by name; a new file in `aiex/llm/providers` is tested before anyone writes a test.

A codec is asked over a real socket, so its protocol needs a fake server and a line in `SERVERS`.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from aiex import plugins, settings
from aiex.errors import AiexError, Transient
from aiex.events import (
    Failed,
    PartEnded,
    ReasoningDelta,
    Started,
    Stopped,
    StreamEvent,
    TextDelta,
    ToolCallStarted,
)
from aiex.llm.router import open_stream
from aiex.llm.wire import NO_CREDENTIAL, Codec, Credential, Profile, Speaker, to_json
from aiex.messages import Document, Message, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult
from tests.fakes.anthropic_server import FakeAnthropic
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.ollama_server import FakeOllama
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.responses_server import FakeResponses
from tests.fakes.tables import each

ROOM = "aiex.llm.providers"
SERVERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "anthropic": FakeAnthropic,
    "gemini": FakeGemini,
    "ollama": FakeOllama,
    "openai-chat": FakeOpenAI,
    "openai-responses": FakeResponses,
}

NAMES = plugins.names(ROOM)
PROVIDERS = {name: plugins.load(ROOM, name).PROVIDER for name in NAMES}
CODECS = [name for name in NAMES if isinstance(PROVIDERS[name], Codec)]
PROFILE = Profile("p", "m", "http://127.0.0.1/v1")
REQUEST = Request(
    "m",
    (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Explain."), Document("briefing", "text/markdown", "# A\n\nOne.\n"))),
        Message("assistant", (Reasoning("hm"), Text("Wait."), ToolCall("c1", "read", {"path": "x"}))),
        Message("tool", (ToolResult("c1", "x = 1"),)),
    ),
    (ToolDefinition("read", "Read a file.", {"type": "object"}),),
    max_output_tokens=100,
    temperature=0.5,
)


def ask(name: str, prepare: Callable[[Any], object] | None = None) -> list[StreamEvent]:
    """One whole answer of the provider."""
    if name not in CODECS:
        return asyncio.run(_collect(open_stream(settings.load(None, environ={}), name, environ={})(REQUEST)))
    with SERVERS[name]() as server:
        if prepare:
            prepare(server)
        overrides = [f"providers.p.base_url={server.base_url}", f"providers.p.protocol={name}", "retry.max_attempts=1"]
        stream = open_stream(settings.load(None, overrides=overrides, environ={}), "p/fake-1", environ={})
        return asyncio.run(_collect(stream(REQUEST)))


async def _collect(stream: Any) -> list[StreamEvent]:
    return [event async for event in stream]


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_name_of_its_file_and_is_a_codec_or_a_speaker(name: str) -> None:
    provider = PROVIDERS[name]
    assert provider.name == name
    assert isinstance(provider, Codec) != isinstance(provider, Speaker)
    assert plugins.summary(ROOM, name)


@pytest.mark.parametrize("name", CODECS)
def test_its_protocol_has_a_fake_server(name: str) -> None:
    assert name in SERVERS


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_begins_with_started_and_ends_with_stopped(name: str) -> None:
    events = ask(name)
    assert isinstance(events[0], Started)
    assert events[-1] == Stopped("end_turn")
    assert sum(isinstance(event, Started | Stopped | Failed) for event in events) == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_deltas_join_to_the_part(name: str) -> None:
    events = ask(name)
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert said
    assert [event.part.text for event in events if isinstance(event, PartEnded) and isinstance(event.part, Text)] == [
        said
    ]


@pytest.mark.parametrize("name", CODECS)
def test_thoughts_and_calls_come_out_apart_from_the_words(name: str) -> None:
    events = ask(name, lambda server: server.say("Wait.", reasoning="hm", calls=(("read", '{"path": "x"}'),)))
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == "hm"
    started = [event for event in events if isinstance(event, ToolCallStarted)]
    calls = [event.part for event in events if isinstance(event, PartEnded) and isinstance(event.part, ToolCall)]
    assert [(call.id, call.name) for call in calls] == [(event.id, event.name) for event in started]
    assert [call.arguments for call in calls] == [{"path": "x"}]
    assert events[-1] == Stopped("tool_use")


@each("name", CODECS)
@each("cut_at_byte", [0, 40, 300, 500, 700, 800])
def test_a_cut_answer_never_looks_whole(name: str, cut_at_byte: int) -> None:
    def prepare(server: Any) -> None:
        server.say("A long answer indeed", calls=(("delete", '{"path": "x"}'),), cut_at_byte=cut_at_byte)

    try:
        events = ask(name, prepare)
    except Transient:
        return
    assert isinstance(events[-1], Failed)
    assert events[-1].exit_code == 75
    assert not any(isinstance(event, PartEnded) and isinstance(event.part, ToolCall) for event in events)


@pytest.mark.parametrize("name", CODECS)
def test_encoding_is_pure_and_stable(name: str) -> None:
    codec = PROVIDERS[name]
    first, second = (to_json(codec.encode(REQUEST, PROFILE)) for _ in range(2))
    assert first == second
    assert json.loads(first)
    assert b"Explain." in first


@each("name", CODECS)
@each("status", [400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529])
@each("body", [b"", b"{}", b"[]", b"null", b'"x"', b'{"error": null}', b"<html></html>", b"\xff\x00"])
def test_every_error_answer_has_a_meaning(name: str, status: int, body: bytes) -> None:
    error = PROVIDERS[name].to_error(status, {}, body, PROFILE)
    assert isinstance(error, AiexError)
    assert str(status) in error.message
    assert error.exit_code in (1, 69, 75, 77)


@pytest.mark.parametrize("name", CODECS)
def test_the_key_is_in_the_headers_and_nowhere_else(name: str) -> None:
    codec = PROVIDERS[name]
    assert "k-123" in str(codec.headers(Credential("key", "k-123"), PROFILE))
    assert codec.headers(NO_CREDENTIAL, PROFILE).get("authorization") is None
    assert "k-123" not in str(codec.encode(REQUEST, PROFILE))


@pytest.mark.parametrize("name", NAMES)
def test_loading_it_loads_no_heavy_library(name: str, run_python: Callable[[str], str]) -> None:
    code = f"import sys; from aiex import plugins; plugins.load({ROOM!r}, {name!r}); print(*sys.modules)"
    assert not {"asyncio", "httpx2", "ssl", "socket", "logging"} & set(run_python(code).split())


@pytest.fixture
def run_python() -> Callable[[str], str]:
    import os
    import subprocess

    def run(code: str) -> str:
        root = os.path.dirname(os.path.dirname(plugins.folder("aiex.llm")))
        environ = {**os.environ, "PYTHONPATH": root}
        return subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
        ).stdout

    return run
