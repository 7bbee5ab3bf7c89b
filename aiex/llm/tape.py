"""Recordings of what was sent to models and what came back: made once, replayed without a network.

A recording is JSON lines. Keys, headers and addresses are not in it, nor anything that differs from run to run, so the
same answers give the same file.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import AiexError, ConfigError, StoreError, Transient, Unavailable

if TYPE_CHECKING:
    from aiex.errors import FailureKind
    from aiex.llm.attempt import Connect, Reply, Wire
    from aiex.llm.clock import Clock
    from aiex.llm.endpoints import Endpoint

MOST_BYTES: Final = 256 << 20
"""Of a recording, which is read into memory as a whole."""
FORM: Final = {"aiex_tape": 1}
_KEPT_HEADERS: Final = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "location")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    path: str
    request: Any
    """The body as JSON, secrets taken out."""
    status: int = 0
    """0 when there was no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""
    """Why the answer is not whole, in words; empty when it is, or when the reader had enough."""
    failure_kind: FailureKind = ""

    def to_line(self) -> str:
        """One line of the file."""
        value: dict[str, Any] = {"path": self.path, "request": self.request, "status": self.status}
        value["headers"] = dict(self.headers)
        try:
            value["body"] = self.body.decode()
        except UnicodeDecodeError:
            value["body_base64"] = base64.b64encode(self.body).decode()
        if self.failure:
            value["failure"] = [self.failure_kind, self.failure]
        return json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Exchange:
        """Read what `to_line` wrote. Raises ValueError, KeyError or TypeError when it is something else."""
        value = json.loads(line)
        body = base64.b64decode(value["body_base64"]) if "body_base64" in value else value["body"].encode()
        kind, words = value.get("failure", ("", ""))
        return cls(value["path"], value["request"], value["status"], value["headers"], body, words, kind)


# --- record ---------------------------------------------------------------------------------------------------------


class Recorder:
    """Writes every exchange to a file as it ends; the file begins anew."""

    def __init__(self, path: str, connect: Connect) -> None:
        self._path = path
        self._connect = connect
        self._write(json.dumps(FORM) + "\n", "w")

    async def connect(self, endpoint: Endpoint) -> Wire:
        """The way to this server, recorded."""
        return _RecordingWire(await self._connect(endpoint), self, endpoint)

    def take(self, exchange: Exchange) -> None:
        """Keep one exchange."""
        self._write(exchange.to_line(), "a")

    def _write(self, text: str, mode: str) -> None:
        try:
            with open(self._path, mode, encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise StoreError(f"cannot record to {self._path}: {error.strerror}") from error


class _RecordingWire:
    def __init__(self, wire: Wire, recorder: Recorder, endpoint: Endpoint) -> None:
        self._wire = wire
        self._recorder = recorder
        self._endpoint = endpoint

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> AsyncIterator[Reply]:
        taken: dict[str, Any] = {"path": path, "request": clean(json.loads(body), self._endpoint.secret)}
        reply: _RecordingReply | None = None
        try:
            async with self._wire.post(path, headers, body, clock) as inner:
                reply = _RecordingReply(inner)
                yield reply
        except AiexError as error:
            if reply is None:
                taken |= {"failure": clean(error.message, self._endpoint.secret), "failure_kind": error.kind}
            raise
        finally:
            if reply is not None:
                kept = {name: reply.headers[name] for name in _KEPT_HEADERS if name in reply.headers}
                said = clean(bytes(reply.body).decode("utf-8", "surrogateescape"), self._endpoint.secret)
                taken |= {"status": reply.status, "headers": kept, "body": said.encode("utf-8", "surrogateescape")}
                taken |= clean(reply.failure, self._endpoint.secret)
            self._recorder.take(Exchange(**taken))

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        status, body = await self._wire.get(path, headers, within_s=within_s)
        said = clean(body.decode("utf-8", "surrogateescape"), self._endpoint.secret)
        self._recorder.take(Exchange(path, None, status, {}, said.encode("utf-8", "surrogateescape")))
        return status, body


class _RecordingReply:
    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.body = bytearray()
        self.failure: dict[str, str] = {}
        self._reply = reply

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._reply.chunks()) as chunks:
                async for chunk in chunks:
                    self.body += chunk
                    yield chunk
        except AiexError as error:
            self.failure = {"failure": error.message, "failure_kind": error.kind}
            raise

    async def read(self, limit_bytes: int) -> bytes:
        self.body += await self._reply.read(limit_bytes)
        return bytes(self.body)

    def hurry(self, idle_s: float) -> None:
        self._reply.hurry(idle_s)


def clean(value: Any, key: str) -> Any:
    """A JSON value whose strings hold neither the key nor anything else that looks like one."""
    from aiex.guard.redact import redact

    match value:
        case str():
            return redact(value.replace(key, "[key]") if len(key) >= 4 else value)
        case dict():
            return {name: clean(item, key) for name, item in value.items()}
        case list():
            return [clean(item, key) for item in value]
        case _:
            return value


# --- replay ---------------------------------------------------------------------------------------------------------


class Player:
    """Answers requests from a file, each exchange once: the first one left that was asked the same.

    Raises:
        ConfigError: if the file cannot be read or is no recording.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = _read(path)

    async def connect(self, endpoint: Endpoint) -> Wire:
        """The way to this server, from the file."""
        return _PlayingWire(self, endpoint)

    def find(self, path: str, request: Any) -> Exchange:
        """The answer to a request.

        Raises:
            ConfigError: naming the first difference to the exchange that is next, when there is none.
        """
        for number, exchange in enumerate(self._left):
            if (exchange.path, exchange.request) == (path, request):
                return self._left.pop(number)
        hint = "record it again with --record"
        if not self._left:
            raise ConfigError(f"{self._path} holds no further answer, and {path} is asked", hint=hint)
        wanted = self._left[0]
        where = _first_difference(wanted.request, request, "request") if wanted.path == path else ""
        where = where or f"path: recorded {wanted.path}, asked {path}"
        raise ConfigError(f"{self._path} does not hold this request; first difference at {where}", hint=hint)


def _read(path: str) -> list[Exchange]:
    hint = "a recording is made with --record"
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise ConfigError(f"{path} is no recording: it is no file of at most {MOST_BYTES >> 20} MiB", hint=hint)
        with open(path, encoding="utf-8") as file:
            head, *lines = file.read().removesuffix("\n").split("\n")
    except OSError as error:
        raise ConfigError(f"cannot read the recording {path}: {error.strerror}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no recording: it is not text", hint=hint) from error
    if head != json.dumps(FORM):
        raise ConfigError(f"{path} is no recording: line 1 is not {json.dumps(FORM)}", hint=hint)
    exchanges = []
    for number, line in enumerate(lines, start=2):
        try:
            exchanges.append(Exchange.from_line(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigError(f"cannot read the recording {path}: line {number} is damaged", hint=hint) from error
    return exchanges


def _first_difference(recorded: Any, asked: Any, place: str) -> str:
    """Where two JSON values differ first, and how; empty when they do not."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for name in sorted({*recorded, *asked}):
            if name not in recorded or name not in asked:
                return f"{place}.{name}: only {'asked' if name in asked else 'recorded'}"
            if found := _first_difference(recorded[name], asked[name], f"{place}.{name}"):
                return found
        return ""
    if isinstance(recorded, list) and isinstance(asked, list):
        for number, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            if found := _first_difference(one, other, f"{place}[{number}]"):
                return found
        return "" if len(recorded) == len(asked) else f"{place}: recorded {len(recorded)} items, asked {len(asked)}"
    return "" if recorded == asked else f"{place}: recorded {_short(recorded)}, asked {_short(asked)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else text[:77] + "..."


class _PlayingWire:
    def __init__(self, player: Player, endpoint: Endpoint) -> None:
        self._player = player
        self._endpoint = endpoint

    @asynccontextmanager
    async def post(self, path: str, headers: Mapping[str, str], body: bytes, clock: Clock) -> AsyncIterator[Reply]:
        clock.note_sent()
        exchange = self._player.find(path, clean(json.loads(body), self._endpoint.secret))
        if not exchange.status:
            raise _to_error(exchange)
        yield PlayedReply(exchange, clock)

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> tuple[int, bytes]:
        exchange = self._player.find(path, None)
        return exchange.status, exchange.body


class PlayedReply:
    """The answer of an exchange, in one chunk; a failure after it where there was one."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self._exchange = exchange
        self._clock = clock

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The whole body."""
        await asyncio.sleep(0)
        self._clock.note_bytes()
        if self._exchange.body:
            yield self._exchange.body
        if self._exchange.failure:
            raise _to_error(self._exchange)

    async def read(self, limit_bytes: int) -> bytes:
        """At most the first `limit_bytes` of the body."""
        return self._exchange.body[:limit_bytes]

    def hurry(self, idle_s: float) -> None:
        """Nothing is waited for."""


def _to_error(exchange: Exchange) -> AiexError:
    if exchange.status or exchange.failure_kind != "":
        return Transient(exchange.failure, kind=exchange.failure_kind or "transport")
    return Unavailable(exchange.failure)
