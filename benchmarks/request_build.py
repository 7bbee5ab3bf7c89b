"""Own time from a conversation of 100 messages to its last byte at the socket: at most 5 ms with every protocol.

The connection is open, as it is from the second request of a conversation on. `codec` encodes, writes JSON and hands
it to the HTTP library; `router` adds everything that stands before it in a run: breaker, deadlines, retries.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

from aiex import plugins, settings
from aiex.errors import Rejected
from aiex.llm.endpoints import Endpoint, Target, find_target
from aiex.llm.http import Clock, Connection
from aiex.llm.router import open_stream
from aiex.llm.stores.health import HealthStore
from aiex.llm.wire import Codec, to_json
from aiex.messages import Document, Message, Part, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult
from benchmarks.harness import machine

MOST_MS = 5.0
"""Bar: the least of the rounds, with the router; a busy machine disturbs that least."""
MESSAGES = 100
ROUNDS = 100
MODEL = "bench/m"
PROSE = "The cache is keyed by content, so nothing in it has to be invalidated by hand. Größe und Maß zählen. " * 6
CODE = "def read(path: str) -> bytes:\n    with open(path, 'rb') as file:\n        return file.read()\n\n\n" * 12


def conversation() -> Request:
    """What an agent has said and done: questions, thoughts, calls and their results, some 110 kB as JSON."""
    messages = [Message("system", (Text(PROSE),))]
    while len(messages) < MESSAGES:
        turn = len(messages)
        asked: tuple[Part, ...] = (Text(PROSE), Document(f"src/part{turn}.py", "text/plain", CODE))
        call = ToolCall(f"call_{turn}", "read", {"path": f"src/part{turn}.py", "lines": [1, 80]})
        messages += [
            Message("user", asked),
            Message("assistant", (Reasoning(PROSE), Text("I will look."), call)),
            Message("tool", (ToolResult(call.id, CODE),)),
            Message("assistant", (Text(PROSE),)),
        ]
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    tools = tuple(ToolDefinition(f"tool_{n}", PROSE, schema) for n in range(12))
    return Request("m", (*messages[: MESSAGES - 1], Message("user", (Text("Go on."),))), tools)


class Sink:
    """A server that reads requests and says no to each, in a thread of its own."""

    def __enter__(self) -> str:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.strip().lower() == b"content-length" else length
                    line = stream.readline()
                stream.read(length)
                connection.sendall(b"HTTP/1.1 400 No\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")


class Watched:
    """The way to a server that takes the time at which the body of a request was handed over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sent_at = 0.0

    def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> Any:
        """As the connection does."""
        trace = clock.trace

        async def noting(name: str, info: Mapping[str, Any]) -> None:
            if name.endswith("send_request_body.complete"):
                self.sent_at = time.perf_counter()
            await trace(name, info)

        clock.trace = noting  # type: ignore[method-assign]
        return self._connection.post(path, headers, body, clock)

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        """As the connection does."""
        return await self._connection.get(path, headers, within_s=within_s)


async def measure(target: Target, ask: Callable[[Watched], Awaitable[None]]) -> list[float]:
    """Milliseconds of each round; the first two are not counted."""
    times = []
    async with Connection(target.endpoint) as connection:
        for number in range(ROUNDS + 2):
            wire = Watched(connection)
            start = time.perf_counter()
            await ask(wire)
            assert wire.sent_at > start
            if number >= 2:
                times.append((wire.sent_at - start) * 1000)
    return times


async def by_codec(target: Target, request: Request) -> list[float]:
    """Encode, write, send."""
    codec, profile, endpoint = target.codec, target.profile, target.endpoint

    async def ask(wire: Watched) -> None:
        body = to_json(codec.encode(request, profile))
        headers = codec.headers(endpoint.credential, profile)
        async with wire.post(codec.path(profile), headers, body, Clock(endpoint, endpoint.deadlines)) as answer:
            await answer.read(100)

    return await measure(target, ask)


async def by_router(loaded: settings.Settings, target: Target, request: Request, folder: str) -> list[float]:
    """The same, as a run does it; health is kept in a file."""
    wires: list[Watched] = []

    async def connect(endpoint: Endpoint) -> Watched:
        return wires[-1]

    store = HealthStore(os.path.join(folder, f"{target.codec.name}.db"))
    stream = open_stream(loaded, MODEL, environ={}, store=store, connect=connect)

    async def ask(wire: Watched) -> None:
        wires.append(wire)
        with suppress(Rejected):  # which is what the server says
            async with aclosing(cast("Any", stream(request))) as events:
                async for _ in events:
                    pass

    try:
        return await measure(target, ask)
    finally:
        store.close()


def main() -> None:
    """Measure and print; the exit code says whether the bar is held."""
    request, held, room = conversation(), True, "aiex.llm.providers"
    assert len(request.messages) == MESSAGES
    names = [name for name in plugins.names(room) if isinstance(plugins.load(room, name).PROVIDER, Codec)]
    print(f"\nFrom {MESSAGES} messages to the socket, {ROUNDS} rounds  ({machine()})")
    with Sink() as url, tempfile.TemporaryDirectory() as folder:
        for name in names:
            overrides = [f"providers.bench.base_url={url}", f"providers.bench.protocol={name}"]
            loaded = settings.load(None, overrides=overrides, environ={})
            target = find_target(loaded, MODEL, {})
            size = len(to_json(target.codec.encode(request, target.profile)))
            by_way = {
                "codec": asyncio.run(by_codec(target, request)),
                "router": asyncio.run(by_router(loaded, target, request, folder)),
            }
            good = min(by_way["router"]) <= MOST_MS
            held = held and good
            figures = (
                f"  {way} min {min(times):5.2f} ms median {statistics.median(times):5.2f} ms"
                for way, times in by_way.items()
            )
            print(
                f"  {name:<17} {size / 1000:4.0f} kB",
                *figures,
                f"  at most {MOST_MS:g}: {'held' if good else 'MISSED'}",
            )
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
