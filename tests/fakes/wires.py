"""Ways to fake servers without a socket: every byte of an answer can be the last one, thousands of times a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiex.errors import Transient
from aiex.llm.clock import Clock
from tests.fakes.server import Asked, FakeServer

HowCut = Literal["whole", "clean", "reset", "silent"]


@dataclass
class Said:
    """A reply in one chunk, or broken at some byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    how: HowCut
    clock: Clock
    in_chunks_of: int = 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        size = self.in_chunks_of or len(self.body) or 1
        for start in range(0, len(self.body), size):
            self.clock.note_bytes()
            yield self.body[start : start + size]
        if self.how == "reset":
            raise Transient("the connection broke")
        if self.how == "silent":
            try:
                async with asyncio.timeout_at(self.clock.deadline()):
                    await asyncio.Event().wait()
            except TimeoutError as error:
                raise self.clock.to_error() from error

    async def read(self, limit_bytes: int) -> bytes:
        return self.body[:limit_bytes]

    def hurry(self, idle_s: float) -> None:
        self.clock.hurry(idle_s)


@dataclass
class InProcess:
    """The way to a fake server that runs in no thread; `cuts` says how its next answers break, whole ones after."""

    fake: FakeServer
    cuts: list[tuple[HowCut, int]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """The whole answers."""
    left: int = 0
    """How many requests were left, in whatever way."""

    async def connect(self, endpoint: object) -> InProcess:
        return self

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> AsyncIterator[Said]:
        clock.note_sent()
        self.asked.append(json.loads(body))
        answer = self.fake.answer(Asked("POST", self.fake.base_path + path, dict(headers), json.loads(body)))
        self.bodies.append(b"".join(answer.pieces))
        how, at = self.cuts.pop(0) if self.cuts else ("whole", 1 << 30)
        try:
            yield Said(answer.status, dict(answer.headers), self.bodies[-1][:at], how, clock)
        finally:
            self.left += 1

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        answer = self.fake.answer(Asked("GET", self.fake.base_path + path, dict(headers), None))
        return answer.status, b"".join(answer.pieces)
