"""The way to a server: sockets that serve again, and the clock that every wait is measured by."""

import asyncio
from collections.abc import Iterator

import pytest

from aiex.errors import ConfigError, Unavailable
from aiex.llm.clock import Clock
from aiex.llm.endpoints import Deadlines, Endpoint
from aiex.llm.http import Connection, Pool
from tests.fakes.openai_server import FakeOpenAI

HEADERS = {"x": "y"}
BODY = b'{"model": "fake-1", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'


def endpoint(url: str, **limits: float) -> Endpoint:
    chosen = {"connect_s": 60.0, "first_byte_s": 60.0, "idle_s": 60.0, "total_s": 900.0} | limits
    return Endpoint(url, "here", "", "", "", Deadlines(**chosen))


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


async def test_a_pool_gives_one_connection_for_a_server(server: FakeOpenAI) -> None:
    pool = Pool()
    assert await pool.connect(endpoint(server.base_url)) is await pool.connect(endpoint(server.base_url))
    await pool.aclose()


async def test_a_closed_pool_opens_again(server: FakeOpenAI) -> None:
    pool = Pool()
    first = await pool.connect(endpoint(server.base_url))
    await pool.aclose()
    second = await pool.connect(endpoint(server.base_url))
    assert second is not first
    async with second.post("/chat/completions", HEADERS, BODY) as reply:
        assert reply.status == 200
    await pool.aclose()


def test_each_event_loop_has_its_own_and_closes_it(server: FakeOpenAI) -> None:
    pool, found = Pool(), []

    async def ask() -> None:
        wire = await pool.connect(endpoint(server.base_url))
        found.append(wire)
        async with wire.post("/chat/completions", HEADERS, BODY) as reply:
            await reply.read(1 << 20)

    asyncio.run(ask())
    asyncio.run(ask())
    assert found[0] is not found[1]
    assert all(isinstance(wire, Connection) and wire.is_closed for wire in found)


async def test_the_clock_tells_what_it_saw(server: FakeOpenAI) -> None:
    server.say("Hello, this is a longer answer", piece_bytes=50)
    place = endpoint(server.base_url)
    clock = Clock(place, place.deadlines)
    async with Connection(place) as wire, wire.post("/chat/completions", HEADERS, BODY, clock) as reply:
        assert clock.first_byte_s is None
        await reply.read(1 << 20)
    assert clock.first_byte_s is not None
    assert clock.longest_gap_s is not None
    assert clock.passed is None


async def test_a_slow_reader_is_no_silence_of_the_server(server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, passed_s = asyncio.get_running_loop(), [0.0]
    real_time = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_time() + sum(passed_s))
    server.say("Hello, this is a longer answer", piece_bytes=50)
    place = endpoint(server.base_url, idle_s=60)
    async with Connection(place) as wire, wire.post("/chat/completions", HEADERS, BODY) as reply:
        chunks = reply.chunks()
        await anext(chunks)
        passed_s.append(100)
        assert [chunk async for chunk in chunks]


async def test_a_short_deadline_holds_for_a_wait_that_is_under_way(server: FakeOpenAI) -> None:
    server.say("Hello, this is a longer answer", silent_at_byte=500)
    place = endpoint(server.base_url, idle_s=60)
    clock = Clock(place, place.deadlines)
    async with Connection(place) as wire, wire.post("/chat/completions", HEADERS, BODY, clock) as reply:
        asyncio.get_running_loop().call_later(0.02, reply.hurry, 0.02)
        with pytest.raises(Exception, match=r"fell silent for 0\.02 s"):
            await asyncio.wait_for(reply.read(1 << 20), 60)
    assert clock.passed is None


async def test_a_server_elsewhere_is_asked_by_the_library(server: FakeOpenAI) -> None:
    elsewhere = server.base_url.replace("127.0.0.1", "127.1")  # another name for this machine
    async with Connection(endpoint(elsewhere)) as wire:
        async with wire.post("/chat/completions", HEADERS, BODY) as reply:
            said = await reply.read(1 << 20)
        assert (await wire.get("/models", HEADERS, within_s=60))[0] == 200
    assert (reply.status, said[-14:]) == (200, b"data: [DONE]\n\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
async def test_nobody_there_is_told_alike_by_both_ways(host: str) -> None:
    with FakeOpenAI() as gone:
        url = gone.base_url.replace("127.0.0.1", host)
    async with Connection(endpoint(url)) as wire:
        with pytest.raises(Unavailable, match=f"cannot reach {url}: connection refused") as raised:
            async with wire.post("/chat/completions", HEADERS, BODY):
                pass
    assert raised.value.kind == "transport"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
async def test_a_header_that_cannot_be_sent_is_told_alike_by_both_ways(server: FakeOpenAI, host: str) -> None:
    url = server.base_url.replace("127.0.0.1", host)
    async with Connection(endpoint(url)) as wire:
        with pytest.raises(ConfigError, match=f"cannot use {url}"):
            async with wire.post("/chat/completions", {"x": "naïve"}, BODY):
                pass
