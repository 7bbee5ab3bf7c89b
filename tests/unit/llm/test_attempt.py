"""What comes from a server reaches whoever listens, no faster than it is taken and no slower."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager

import pytest

from aiex.errors import Transient
from aiex.events import Started, Stopped, StreamEvent, TextDelta
from aiex.llm.attempt import ask
from aiex.llm.clock import Clock
from aiex.llm.endpoints import Deadlines, Endpoint, Target
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile
from aiex.messages import Message, Request, Text

WORD = b'data: {"choices": [{"index": 0, "delta": {"content": "w "}, "finish_reason": null}]}\n\n'
END = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
PLACE = Endpoint("http://127.0.0.1", "here", "", "", "", Deadlines(60.0, 60.0, 60.0, 900.0))
TARGET = Target(PROVIDER, Profile("near", "m", PLACE.base_url), PLACE)
REQUEST = Request("m", (Message("user", (Text("go"),)),))


class Reply:
    """An answer of many words that is there at once, and broken off where there is an error."""

    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, words: int, error: Transient | None = None) -> None:
        self.given = 0
        self._words = words
        self._error = error

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for _ in range(self._words):
            self.given += 1
            yield WORD
        if self._error is not None:
            raise self._error
        yield END

    async def read(self, limit_bytes: int) -> bytes:
        raise AssertionError("an answer that is a stream is not asked for so")

    def hurry(self, idle_s: float) -> None:
        """It is there already."""


class Wire:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> AsyncIterator[Reply]:
        yield self._reply

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        raise AssertionError("nothing is asked but the model")


def hear(reply: Reply) -> AsyncGenerator[StreamEvent, None]:
    return ask(TARGET, REQUEST, Wire(reply), Clock(PLACE, PLACE.deadlines))


async def test_a_slow_listener_holds_the_reading_back_and_misses_nothing() -> None:
    reply = Reply(words=1_000)
    async with aclosing(hear(reply)) as events:
        assert await anext(events) == Started("near", "m")
        assert await anext(events) == TextDelta("w ")
        for _ in range(50):
            await asyncio.sleep(0)
        assert reply.given < 100
        rest = [event async for event in events]
    assert sum(isinstance(event, TextDelta) for event in rest) == 999
    assert (reply.given, rest[-1]) == (1_000, Stopped("end_turn"))


async def test_what_came_before_the_connection_broke_is_heard_first() -> None:
    seen: list[StreamEvent] = []

    async def listen() -> None:
        async for event in hear(Reply(words=200, error=Transient("it broke"))):
            seen.append(event)

    with pytest.raises(Transient, match="it broke"):
        await listen()
    assert seen == [Started("near", "m"), *[TextDelta("w ")] * 200]
