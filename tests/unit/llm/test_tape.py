"""What was recorded once answers the same requests again, without a network or a key."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aiex import settings
from aiex.errors import AiexError, ConfigError, StoreError
from aiex.events import PartEnded, Retrying, Started, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm.retry import Policy
from aiex.llm.router import Router, open_stream
from aiex.llm.stores.health import HealthStore
from aiex.llm.tape import FORM, Exchange, Player
from aiex.messages import Message, Request, Text
from tests.fakes.server import FakeServer
from tests.fakes.vendors import ASK, SERVERS
from tests.fakes.wires import InProcess

KEY = "secret-key-123"


@pytest.fixture(params=SERVERS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[str, FakeServer]]:
    server = SERVERS[request.param]()
    yield request.param, server
    server._http.server_close()


async def no_wait(seconds: float) -> None:
    """Time passes at once."""


def router(vendor: tuple[str, FakeServer], *, key: str = KEY, **how: Any) -> Router:
    protocol, server = vendor
    overrides = [
        f"providers.a.base_url={server.base_url}",
        f"providers.a.protocol={protocol}",
        "providers.a.api_key_env=A_KEY",
    ]
    environ = {"A_KEY": key} if key else {}
    loaded = settings.load(None, overrides=overrides, environ=environ)
    how.setdefault("connect", InProcess(server).connect)
    return open_stream(loaded, "a/fake-1", environ=environ, store=HealthStore(), policy=Policy(sleep=no_wait), **how)


async def nowhere(endpoint: object) -> Any:
    raise AssertionError("the network was used")


def told(events: list[StreamEvent]) -> list[StreamEvent]:
    """The story without the waits, whose length is chance, nor the way in which the words were cut."""
    lasting = (Started, PartEnded, UsageUpdated, Stopped)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return [TextDelta(text), *(event for event in events if isinstance(event, lasting))]


async def collect(stream: Router, request: Request = ASK) -> list[StreamEvent]:
    return [event async for event in stream(request)]


async def test_a_recording_gives_the_same_answer_without_network_and_key(
    vendor: tuple[str, FakeServer], tmp_path: Path
) -> None:
    tape = str(tmp_path / "tape.jsonl")
    vendor[1].say("Grüße 😀", calls=(("read", '{"path": "a.py"}'),))
    live = await collect(router(vendor, record=tape))
    played = await collect(router(vendor, key="", replay=tape, connect=nowhere))
    assert told(played) == told(live)


async def test_recording_twice_gives_the_same_file(vendor: tuple[str, FakeServer], tmp_path: Path) -> None:
    vendor[1].say("Hi")
    for name in ("one", "two"):
        await collect(router(vendor, record=str(tmp_path / name)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


async def test_no_key_and_no_address_is_recorded(vendor: tuple[str, FakeServer], tmp_path: Path) -> None:
    vendor[1].say(f"You sent {KEY} and sk-abcdefghijklmnopqrstuvwx")
    request = Request("m", (Message("user", (Text(f"My key is {KEY}."),)),))
    await collect(router(vendor, record=str(tmp_path / "tape")), request)
    taken = (tmp_path / "tape").read_text(encoding="utf-8")
    for secret in (KEY, "sk-abcdefghijklmnopqrstuvwx", "127.0.0.1", "authorization"):
        assert secret not in taken
    await collect(router(vendor, replay=str(tmp_path / "tape")), request)


@pytest.fixture
def chat() -> Iterator[tuple[str, FakeServer]]:
    server = SERVERS["openai-chat"]()
    yield "openai-chat", server
    server._http.server_close()


async def test_failures_are_replayed_as_well(chat: tuple[str, FakeServer], tmp_path: Path) -> None:
    tape = str(tmp_path / "tape")
    chat[1].say(status=429, headers={"retry-after": "3"}, body=b'{"error": {"message": "slow down"}}')
    chat[1].say("Hello, this is the whole answer")
    wire = InProcess(chat[1], [("whole", 1 << 30), ("reset", 0), ("reset", 900), ("whole", 1 << 30)])
    live = await collect(router(chat, record=tape, connect=wire.connect))
    played = await collect(router(chat, replay=tape, connect=nowhere))
    assert told(played) == told(live)
    reasons = [[event.reason for event in events if isinstance(event, Retrying)] for events in (live, played)]
    assert reasons[0] == reasons[1]
    assert len(reasons[0]) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": (Message("user", (Text("Explain!"),)),)}, 'request.messages[0].content: recorded "Explain."'),
        ({"tools": ()}, "request.tools: only recorded"),
        ({"temperature": 0.5}, "request.temperature: only asked"),
        ({"messages": (*ASK.messages, *ASK.messages)}, "request.messages: recorded 1 items, asked 2"),
    ],
)
async def test_another_request_names_the_first_difference(
    chat: tuple[str, FakeServer], tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    tape = str(tmp_path / "tape")
    await collect(router(chat, record=tape))
    error = await fail(router(chat, replay=tape), replace(ASK, **change))
    assert isinstance(error, ConfigError)
    if "messages" not in change or words.startswith("request.messages[0]"):
        assert words in error.message


async def test_an_answer_is_given_once(chat: tuple[str, FakeServer], tmp_path: Path) -> None:
    tape = str(tmp_path / "tape")
    await collect(router(chat, record=tape))
    played = router(chat, replay=tape)
    await collect(played)
    assert "holds no further answer" in (await fail(played)).message


async def fail(stream: Router, request: Request = ASK) -> AiexError:
    with pytest.raises(AiexError) as caught:
        await collect(stream, request)
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "line 1"),
        (b"hello\n", "line 1"),
        (b"\xff\xfe", "not text"),
        (b'{"aiex_tape": 1}\n{"path": "/x"}\n', "line 2 is damaged"),
        (b'{"aiex_tape": 1}\n[]\n', "line 2 is damaged"),
    ],
)
def test_what_is_no_recording_is_told(
    chat: tuple[str, FakeServer], tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "tape").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        router(chat, replay=str(tmp_path / "tape"))


def test_a_place_that_cannot_be_written_is_told(chat: tuple[str, FakeServer], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot record to"):
        router(chat, record=str(tmp_path / "none" / "tape"))


async def test_every_line_is_json(chat: tuple[str, FakeServer], tmp_path: Path) -> None:
    chat[1].say(body=b'data: {"choices":[{"delta":{"content":"\xff"},"finish_reason":"stop"}]}\n\n')
    await collect(router(chat, record=str(tmp_path / "tape")))
    lines = (tmp_path / "tape").read_text(encoding="utf-8").splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [
        ["aiex_tape"],
        ["body_base64", "headers", "path", "request", "status"],
    ]
    assert (await collect(router(chat, replay=str(tmp_path / "tape"))))[-1] == Stopped("end_turn")


@pytest.mark.parametrize("words", ["a\u2028b", "a\u2029b", "a\x85b", "a\x0bb", "a\x0cb", "a\x1cb", "a\rb"])
def test_only_a_line_feed_ends_a_line_of_a_recording(words: str, tmp_path: Path) -> None:
    taken = Exchange("/p", {"said": words}, 200, {}, words.encode())
    tape = tmp_path / "tape"
    tape.write_text(json.dumps(FORM) + "\n" + taken.to_line(), encoding="utf-8", newline="\n")
    assert Player(str(tape)).find("/p", {"said": words}) == taken
