"""Faults on purpose, from a seed: what vendors and networks do now and then, done often, for tests and demonstrations.

`--set chaos.rate=0.5 --set chaos.seed=7` breaks about half of the requests, and the same ones in every run.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal, get_args

from aiex.errors import Transient

if TYPE_CHECKING:
    from aiex.llm.attempt import Connect, Reply, Wire
    from aiex.llm.clock import Clock
    from aiex.llm.endpoints import Endpoint

Fault = Literal[
    "rate_limit", "server_error", "overloaded", "reset", "clean_cut", "malformed_event", "error_event",
    "half_arguments", "silence",
]  # fmt: skip
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
_STATUSES: Final = {"rate_limit": 429, "server_error": 500, "overloaded": 529}
_ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "chaos: overloaded", "code": 529}}
_MALFORMED = '{"chaos": '
_ARGUMENTS = (b"arguments", b"partial_json", b"functionCall")
_TAKEN_BYTES = 1 << 20


class Chaos:
    """Puts faults between the router and a server.

    Args:
        rate: Share of the requests that are broken, 0 to 1.
        seed: Decides which, and how.
        faults: Those to choose from.
    """

    def __init__(self, connect: Connect, *, rate: float, seed: int, faults: Sequence[Fault] = FAULTS) -> None:
        self._connect = connect
        self._rate = rate
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  (faults that can be had again, no secret)

    async def connect(self, endpoint: Endpoint) -> Wire:
        """The way to this server, with faults."""
        return _ChaoticWire(await self._connect(endpoint), self._choose)

    def _choose(self) -> tuple[Fault | None, float]:
        """The fault of the next request, and how far into the answer it comes, 0 to 1."""
        breaks, fault, place = self._random.random(), self._random.choice(self._faults), self._random.random()
        return (fault if breaks < self._rate else None), place


class _ChaoticWire:
    def __init__(self, wire: Wire, choose: Callable[[], tuple[Fault | None, float]]) -> None:
        self._wire = wire
        self._choose = choose

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> AsyncIterator[Reply]:
        fault, place = self._choose()
        if fault in _STATUSES:
            yield _Refusal(fault)
            return
        if fault == "reset" and place < 0.5:
            raise Transient("chaos closed the connection without an answer")
        async with self._wire.post(path, headers, body, clock) as reply:
            yield reply if fault is None or reply.status >= 300 else _BrokenReply(reply, clock, fault, place)

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        return await self._wire.get(path, headers, within_s=within_s)


class _Refusal:
    """An answer that never reached the server."""

    def __init__(self, fault: Fault) -> None:
        self.status = _STATUSES[fault]
        self.headers = {"content-type": "application/json", **({"retry-after": "1"} if fault == "rate_limit" else {})}
        self._body = json.dumps({"error": {"message": f"chaos: {fault}", "type": fault}}).encode()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._body

    async def read(self, limit_bytes: int) -> bytes:
        return self._body[:limit_bytes]

    def hurry(self, idle_s: float) -> None:
        """Nothing is waited for."""


class _BrokenReply:
    """An answer of the server, broken at some place; it is read to its end first, so that the place is the seed's."""

    def __init__(self, reply: Reply, clock: Clock, fault: Fault, place: float) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply
        self._clock = clock
        self._fault = fault
        self._place = place

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        body = await self._reply.read(_TAKEN_BYTES)
        kept = body[: self._find_place(body)]
        match self._fault:
            case "malformed_event":
                yield _to_event_border(kept, body) + self._to_event(_MALFORMED)
            case "error_event":
                yield _to_event_border(kept, body) + self._to_event(json.dumps(_ERROR))
            case _ if kept:
                yield kept
        if self._fault == "silence":
            await self._fall_silent()
        elif self._fault == "reset":
            raise Transient("chaos broke the connection in the middle of the answer")

    def _find_place(self, body: bytes) -> int:
        """Where to cut: after the beginning of a call's arguments for `half_arguments`, where there are some."""
        if self._fault == "half_arguments":
            starts = [at for name in _ARGUMENTS if (at := body.find(name)) >= 0]
            if starts:
                return min(starts) + 24
        return int(len(body) * self._place)

    async def _fall_silent(self) -> None:
        """Say nothing until a deadline passes."""
        self._clock.note_wait()
        try:
            async with asyncio.timeout_at(self._clock.deadline()):
                await asyncio.Event().wait()
        except TimeoutError as error:
            raise self._clock.to_error() from error

    def _to_event(self, data: str) -> bytes:
        if "ndjson" in self.headers.get("content-type", ""):
            return data.encode() + b"\n"
        return b"data: " + data.encode() + b"\n\n"

    async def read(self, limit_bytes: int) -> bytes:
        whole = bytearray()
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                whole += chunk
        return bytes(whole[:limit_bytes])

    def hurry(self, idle_s: float) -> None:
        self._reply.hurry(idle_s)


def _to_event_border(kept: bytes, body: bytes) -> bytes:
    """The kept bytes up to the end of their last whole event."""
    mark = b"\n\n" if b"\n\n" in body else b"\n"
    return kept[: kept.rfind(mark) + len(mark)] if mark in kept else b""
