"""Whatever is broken on purpose, the answer is whole in the end, once, and every wait is named."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from aiex import settings
from aiex.errors import AiexError
from aiex.events import Failed, FailedOver, Retrying, Stopped
from aiex.llm.chaos import FAULTS, Chaos, Fault
from aiex.llm.failover import Means, answer
from aiex.llm.health import Monitor
from aiex.llm.retry import Policy
from aiex.llm.router import open_stream
from aiex.llm.stores.health import HealthStore
from aiex.messages import Text, ToolCall
from tests.fakes.server import FakeServer
from tests.fakes.vendors import ASK, SERVERS, Second, ended, link_to, shown
from tests.fakes.wires import InProcess

TEXT = "I read the file now, and then the next one, if you agree."
CALLS = (("read", '{"path": "a.py"}'),)


@pytest.fixture(params=SERVERS)
def vendor(request: pytest.FixtureRequest) -> Iterator[tuple[str, FakeServer]]:
    server = SERVERS[request.param]()
    server.say(TEXT, calls=CALLS)
    yield request.param, server
    server._http.server_close()


async def no_wait(seconds: float) -> None:
    """Time passes at once."""


def means_of(connect: Any) -> Means:
    return Means(connect=connect, monitor=Monitor(HealthStore()), policy=Policy(sleep=no_wait))


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_on_any_request_of_a_run_loses_and_repeats_nothing(
    vendor: tuple[str, FakeServer], fault: Fault
) -> None:
    """A run of three requests; the second vendor knows the answer, so what is joined at a seam can be checked."""
    protocol, server = vendor
    link = link_to(server, protocol, first_byte=0.05, idle=0.05)
    for broken in range(3):
        chaos = Chaos(InProcess(server).connect, rate=1, seed=broken, faults=[fault])
        for number in range(broken, 3):
            connect = chaos.connect if number == broken else InProcess(server).connect
            second = Second(TEXT, (ToolCall("c", "read", {"path": "a.py"}),))
            events = [event async for event in answer([link, second.link], ASK, means_of(connect))]
            assert shown(events) == "".join(part.text for part in ended(events, Text)) == TEXT
            assert [dict(call.arguments) for call in ended(events, ToolCall)] == [{"path": "a.py"}]
            assert events[-1] == Stopped("tool_use")
            assert sum(isinstance(event, Stopped | Failed) for event in events) == 1
            if second.asked:
                assert [event.reason != "" for event in events if isinstance(event, FailedOver)] == [True]
            assert all(event.reason for event in events if isinstance(event, Retrying))


@pytest.fixture
def chat() -> Iterator[FakeServer]:
    server = SERVERS["openai-chat"]()
    server.say(TEXT)
    yield server
    server._http.server_close()


async def faults_of(chat: FakeServer, seed: int, rate: float = 0.5) -> list[Any]:
    """What twenty requests see."""
    connect = Chaos(InProcess(chat).connect, rate=rate, seed=seed, faults=FAULTS[:3]).connect
    link = link_to(chat, "openai-chat")
    found: list[Any] = []
    for _ in range(20):
        means = Means(connect=connect, monitor=Monitor(HealthStore()), policy=Policy(max_attempts=1))
        events = [event async for event in answer([link, Second("Hi").link], ASK, means)]
        found.append([event for event in events if isinstance(event, FailedOver)])
    return found


async def test_a_seed_breaks_the_same_requests_every_time(chat: FakeServer) -> None:
    assert await faults_of(chat, 7) == await faults_of(chat, 7)
    assert await faults_of(chat, 7) != await faults_of(chat, 8)


@pytest.mark.parametrize(("rate", "least", "most"), [(0, 0, 0), (0.5, 4, 16), (1, 20, 20)])
async def test_the_rate_says_how_many_are_broken(chat: FakeServer, rate: float, least: int, most: int) -> None:
    assert least <= sum(map(bool, await faults_of(chat, 1, rate))) <= most


async def test_settings_turn_it_on(chat: FakeServer) -> None:
    overrides = [f"providers.a.base_url={chat.base_url}", "chaos.rate=1", "chaos.seed=3"]
    overrides += ["providers.a.first_byte_timeout_s=0.05", "providers.a.idle_timeout_s=0.05"]
    stream = open_stream(
        settings.load(None, overrides=overrides, environ={}),
        "a/fake-1",
        environ={},
        store=HealthStore(),
        connect=InProcess(chat).connect,
        policy=Policy(sleep=no_wait),
    )
    reasons = []
    with suppress(AiexError):
        reasons = [event.reason async for event in stream(ASK) if isinstance(event, Retrying)]
    assert any("chaos" in reason or "not valid JSON" in reason for reason in reasons)
