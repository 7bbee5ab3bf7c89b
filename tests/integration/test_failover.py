"""Failing over between real servers on loopback: every vendor behind every other, sockets closed at once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, aclosing
from typing import Any

import pytest

from aiex import settings
from aiex.errors import AiexError, Unavailable
from aiex.events import Failed, FailedOver, Retrying, Stopped, StreamEvent, TextDelta, Waiting
from aiex.llm import attempt
from aiex.llm.retry import Policy
from aiex.llm.router import Router, open_stream
from aiex.messages import Text, ToolCall
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import FakeServer
from tests.fakes.vendors import ASK, SERVERS, ended, shown

CALLS = (("read", '{"path": "a.py"}'),)


@pytest.fixture
def servers() -> Iterator[dict[str, FakeServer]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(make()) for name, make in SERVERS.items()}


async def no_wait(seconds: float) -> None:
    """Time passes at once."""


def router(first: tuple[str, FakeServer], *others: tuple[str, FakeServer], **how: Any) -> Router:
    """A chain of servers: a, b, c …; each with its protocol."""
    overrides = []
    for name, (protocol, server) in zip("abc", (first, *others), strict=False):
        overrides += [f"providers.{name}.base_url={server.base_url}", f"providers.{name}.protocol={protocol}"]
    overrides += [f"providers.a.{phase}_timeout_s=0.5" for phase in how.pop("short", ())]
    how.setdefault("policy", Policy(sleep=no_wait))
    loaded = settings.load(None, overrides=overrides, environ={})
    fallbacks = [f"{name}/fake-1" for name, _ in zip("bc", others, strict=False)]
    return open_stream(loaded, "a/fake-1", environ={}, fallbacks=fallbacks, **how)


async def collect(stream: Router) -> list[StreamEvent]:
    return [event async for event in stream(ASK)]


@pytest.mark.parametrize("protocol", SERVERS)
async def test_any_vendor_takes_over_from_any_other(servers: dict[str, FakeServer], protocol: str) -> None:
    """A sample of the places where the connection is reset."""
    for behind, second in servers.items():
        if behind == protocol:
            continue
        first = servers[protocol]
        first._replies.clear()
        second._replies.clear()
        at = 150 + 37 * len(behind)
        first.say("I read the file now and tell you.", calls=CALLS, cut_at_byte=at)
        second.say("Done with it.", calls=CALLS)
        stream = router((protocol, first), (behind, second))
        events = await collect(stream)
        await stream.aclose()
        assert isinstance(events[-1], Stopped)
        assert sum(isinstance(event, Stopped | Failed) for event in events) == 1
        assert [call.name for call in ended(events, ToolCall)] == ["read"]
        assert shown(events) == "".join(part.text for part in ended(events, Text))
        assert shown(events).endswith("Done with it.")
        (seam,) = [event for event in events if isinstance(event, FailedOver)]
        assert seam.mid_answer == bool(shown(events).removesuffix("Done with it."))


async def test_a_silent_server_is_told_left_and_replaced(servers: dict[str, FakeServer]) -> None:
    first, second = servers["openai-chat"], servers["anthropic"]
    first.say("Hello, this is a long answer", silent_at_byte=700)
    second.say(" that ends.")
    stream = router(("openai-chat", first), ("anthropic", second), short=("idle",), silence_s=0.02)
    events = await collect(stream)
    waits = [event for event in events if isinstance(event, Waiting) and event.provider == "a"]
    assert len(waits) >= 2
    assert isinstance(events[-1], Stopped)
    assert await asyncio.to_thread(first.client_left.wait, 60)


@pytest.mark.parametrize("behind", [False, True])
async def test_a_service_that_is_dead_for_ever_ends_with_69_and_each_cause(
    servers: dict[str, FakeServer], behind: bool
) -> None:
    first, second, third = servers["openai-chat"], servers["anthropic"], servers["ollama"]
    for server in (first, second, third):
        server.say(status=503, body=b'{"error": {"message": "gone", "type": "api_error"}}')
    others = (("anthropic", second), ("ollama", third)) if behind else ()
    with pytest.raises(AiexError) as caught:
        await collect(router(("openai-chat", first), *others))
    assert (type(caught.value), caught.value.exit_code) == (Unavailable, 69)
    assert [f"{name}/fake-1" in caught.value.message for name in "abc"] == [True, behind, behind]
    assert 1 <= len(first.requests) <= 6


async def test_the_socket_serves_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "DRAIN_S", 60)  # a busy machine may be late with the end of an answer
    ports = set()
    server = FakeOpenAI()
    server._http.verify_request = lambda request, address: ports.add(address) is None  # type: ignore[method-assign]
    with server:
        stream = router(("openai-chat", server))
        for _ in range(5):
            assert (await collect(stream))[-1] == Stopped("end_turn")
        await stream.aclose()
    assert len(ports) == 1


@pytest.mark.parametrize("at", [-1, 0, 700])
async def test_leaving_closes_the_socket_at_once(servers: dict[str, FakeServer], at: int) -> None:
    server = servers["openai-chat"]
    server.say("Hello, this is a long answer", silent_at_byte=at)
    stream: Any = router(("openai-chat", server), silence_s=0.02)(ASK)
    said = False
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, Waiting) and server.requests and (said or at < 1):
                break
            said = said or isinstance(event, TextDelta)
    assert await asyncio.to_thread(server.client_left.wait, 60)


@pytest.mark.parametrize("at", [-1, 700])
async def test_cancelling_closes_the_socket_at_once_and_asks_nobody_else(
    servers: dict[str, FakeServer], at: int
) -> None:
    first, second = servers["openai-chat"], servers["anthropic"]
    first.say("Hello, this is a long answer", silent_at_byte=at)
    told = asyncio.Event()

    async def watch() -> None:
        async for event in router(("openai-chat", first), ("anthropic", second), silence_s=0.02)(ASK):
            if isinstance(event, Waiting) and first.requests:
                told.set()

    task = asyncio.create_task(watch())
    await told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(first.client_left.wait, 60)
    assert second.requests == []


async def test_what_one_run_learns_the_next_one_knows(servers: dict[str, FakeServer]) -> None:
    server = servers["openai-chat"]
    server.say(status=500, body=b"{}")
    for _ in range(2):
        with pytest.raises(AiexError):
            await collect(router(("openai-chat", server)))
    sent = len(server.requests)
    assert sent <= 6
    with pytest.raises(Unavailable, match="was not asked: it failed 5 times"):
        await collect(router(("openai-chat", server)))
    assert len(server.requests) == sent


async def test_a_wait_of_the_vendor_is_told_and_kept(servers: dict[str, FakeServer]) -> None:
    server = servers["openai-chat"]
    server.say(status=429, headers={"retry-after-ms": "20"}, body=b'{"error": {"message": "slow down"}}')
    server.say("Hi")
    began = time.monotonic()
    events = await collect(router(("openai-chat", server), policy=Policy()))
    assert time.monotonic() - began >= 0.02
    (wait,) = [event for event in events if isinstance(event, Retrying)]
    assert (wait.attempt, wait.wait_s) == (2, 0.02)
    assert "slow down" in wait.reason
    assert any(isinstance(event, TextDelta) for event in events)
