"""One attempt: one request to one server, its answer as events, and silence told while it lasts.

The network is read by a task of its own, so that silence can be told while a read is pending. Leaving the events, by
`aclose` or by cancelling, ends that task, and with it the socket, at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from aiex.errors import AiexError, Transient
from aiex.events import Started, Waiting
from aiex.llm.answer import AnswerReader
from aiex.llm.failures import UnknownModel
from aiex.llm.wire import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from aiex.events import StreamEvent
    from aiex.llm.clock import Clock
    from aiex.llm.endpoints import Endpoint, Target
    from aiex.messages import Request

    Events = AsyncGenerator[StreamEvent, None]
    Connect = Callable[[Endpoint], Awaitable["Wire"]]

GRACE_S = 5.0
"""Wait for what may follow the essential: the counts after a whole answer, the words beside an error status."""
LIST_S = 5.0
"""Wait for a server's list of models, which only improves a message."""
SILENCE_S = 10.0
"""Silence after which a person is told that the server is waited for, and again every so often."""
DRAIN_S = 0.05
"""Wait for the end of the transfer after the last event, which lets the socket serve the next request."""
MAX_ERROR_BYTES = 64 * 1024
_AHEAD = 64
"""Chunks read ahead of the decoder."""


class Reply(Protocol):
    """What a server sends back; its body may still be under way."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises `Transient` when a deadline passes or the connection breaks."""

    async def read(self, limit_bytes: int) -> bytes:
        """At most the first `limit_bytes` of the body."""

    def hurry(self, idle_s: float) -> None:
        """Wait from now on at most this long for each chunk."""


class Wire(Protocol):
    """The way to one server: the network, a recording, or either with faults."""

    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock
    ) -> AbstractAsyncContextManager[Reply]:
        """Send a body; leaving the block closes the socket if more would come."""

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        """Status and body of a short question."""


async def ask(target: Target, request: Request, wire: Wire, clock: Clock, *, silence_s: float = SILENCE_S) -> Events:
    """The events of the answer, `Stopped` last, with `Waiting` between them where the server is silent.

    Raises:
        AiexError: what went wrong, after the events before it were given.
    """
    codec, profile = target.codec, target.profile
    body = to_json(codec.encode(request, profile))
    reader = AnswerReader(codec.decoder(profile), codec.stream_form)
    incoming = _Incoming(clock, profile.provider, silence_s)
    pump = asyncio.create_task(_pump(target, body, wire, clock, incoming))
    pump.add_done_callback(incoming.wake)
    try:
        try:
            while not reader.ended and (item := await incoming.next(pump)) is not None:
                match item:
                    case bytes():
                        for event in reader.feed(item):
                            yield event
                        if reader.answered and not reader.ended:
                            incoming.hurry()
                    case Waiting():
                        yield item
                    case _:
                        yield Started(profile.provider, profile.model)
        except Transient:
            if not reader.answered:
                raise
        for event in reader.end():
            yield event
        await incoming.drain(pump)
    except UnknownModel as error:
        await _name_nearest(error, target, wire)
        raise
    finally:
        await _end(pump)


class _Incoming:
    """What the reading task has for the decoder: the reply when its head came, then its chunks."""

    def __init__(self, clock: Clock, provider: str, silence_s: float) -> None:
        self._clock = clock
        self._provider = provider
        self._silence_s = silence_s
        self._told = 0
        """How often silence was told since the last byte."""
        self._items: deque[Reply | bytes] = deque()
        self._reply: Reply | None = None
        self._news: asyncio.Future[None] | None = None
        """There while the decoder waits."""
        self._has_room = asyncio.Event()

    # the task

    async def take(self, reply: Reply) -> None:
        """Pass the reply and its body on."""
        self._reply = reply
        self._pass_on(reply)
        async with aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                while len(self._items) >= _AHEAD:
                    self._has_room.clear()
                    await self._has_room.wait()
                self._pass_on(chunk)

    def _pass_on(self, item: Reply | bytes) -> None:
        self._items.append(item)
        self.wake()

    # the decoder

    async def next(self, pump: asyncio.Task[None]) -> Reply | bytes | Waiting | None:
        """What comes in, `Waiting` when nothing did for a while, None behind the end. Raises what ended the reading."""
        clock, silence_s = self._clock, self._silence_s
        while not self._items:
            if pump.done():
                pump.result()
                return None
            if self._told and clock.silent_s < self._told * silence_s:
                self._told = 0
            await self._wait(max(0.001, (self._told + 1) * silence_s - clock.silent_s))
            is_silent = not self._items and not pump.done()
            if is_silent and clock.silent_s >= (self._told + 1) * silence_s:
                self._told = int(clock.silent_s / silence_s)
                return Waiting(self._provider, round(clock.silent_s, 1), round(clock.deadline_s, 1))
        self._has_room.set()
        return self._items.popleft()

    def hurry(self) -> None:
        """The answer is whole; what follows is not worth a long wait."""
        if self._reply is not None:
            self._reply.hurry(GRACE_S)

    async def drain(self, pump: asyncio.Task[None]) -> None:
        """Wait a moment for the end of the transfer."""
        now = asyncio.get_running_loop().time
        until = now() + DRAIN_S
        while not pump.done() and now() < until:
            await self._wait(until - now())

    async def _wait(self, seconds: float) -> None:
        """Until something came, the task is over, or so long."""
        loop = asyncio.get_running_loop()
        self._news = loop.create_future()
        timer = loop.call_later(seconds, self.wake)
        try:
            await self._news
        finally:
            timer.cancel()
            self._news = None

    def wake(self, pump: asyncio.Task[None] | None = None) -> None:
        """Something came, or the task is over: whoever listens may be waiting for it."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


async def _pump(target: Target, body: bytes, wire: Wire, clock: Clock, incoming: _Incoming) -> None:
    """Send the request and read the answer. Raises what the server or the network reports."""
    codec, profile = target.codec, target.profile
    headers = codec.headers(target.endpoint.credential, profile)
    async with wire.post(codec.path(profile), headers, body, clock) as reply:
        if reply.status < 300:
            await incoming.take(reply)
            return
        reply.hurry(GRACE_S)
        words = await _read(reply)
        raise codec.to_error(reply.status, reply.headers, words, profile)


async def _read(reply: Reply) -> bytes:
    """The words of an error; none when they do not arrive, because the status is known already."""
    try:
        return await reply.read(MAX_ERROR_BYTES)
    except Transient:
        return b""


async def _end(pump: asyncio.Task[None]) -> None:
    """Stop reading and wait until the socket is closed."""
    if pump.done() and not pump.cancelled():
        pump.exception()  # so that nobody says that it was never looked at
        return
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)


async def _name_nearest(error: UnknownModel, target: Target, wire: Wire) -> None:
    """Put the names nearest to the model into the hint, if the server lists its models."""
    import difflib

    codec = target.codec
    try:
        headers = codec.headers(target.endpoint.credential, target.profile)
        status, body = await wire.get(codec.models_path, headers, within_s=LIST_S)
    except AiexError:
        return
    wanted = target.profile.model
    names = [card.id for card in codec.read_models(body)] if status == 200 else []
    if not names or wanted in names:
        return
    error.message = UnknownModel(wanted, error.said, is_certain=True).message
    by_lower = {name.lower(): name for name in names}
    near = [by_lower[name] for name in difflib.get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.4)]
    if near:
        error.hint = f"nearest names there: {', '.join(near)}"
    else:
        error.hint = f"there is: {', '.join(names[:8])}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
