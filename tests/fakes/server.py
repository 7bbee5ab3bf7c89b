"""What every fake vendor on loopback shares: an HTTP server with a queue of replies and faults on demand.

class FakeVendor(FakeServer):
    base_path = "/v1"
    def signed_with(self, asked): return asked.headers.get("x-key", "")
    def error_body(self, status, message, code): return {"error": message}
    def route(self, asked): ...        # `self.play(...)` for answers of the model, `self.tell(...)` for the rest

with FakeVendor() as server:
    server.say("Hello")                      # the answer to the next request; the last one is repeated
    ... ask server.base_url ...
    assert server.requests[0].body["model"] == "fake-1"
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self


def call(name: str, **arguments: object) -> tuple[str, str]:
    """A call of a tool as `Reply.calls` has it: the name, and the arguments as JSON."""
    return name, json.dumps(arguments)


@dataclass(frozen=True)
class Reply:
    """What one request gets; the defaults are a friendly word."""

    text: str = "Hello, this is the fake."
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Tool calls: name and JSON arguments."""
    finish_reason: str | None = None
    """The vendor's own word; None for what fits the answer."""
    usage: Mapping[str, Any] | None = field(default_factory=lambda: {"default": True})
    """In the vendor's own shape; None for no counts, unchanged for those of the vendor's fake."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as it is instead of an answer."""
    ignores_stream: bool = False
    """Answers with one JSON object whatever was asked."""
    piece_bytes: int = 0
    """Size of each network write; 0 writes event by event."""
    cut_at_byte: int | None = None
    """The connection is reset after so many bytes of the body."""
    silent_at_byte: int | None = None
    """Nothing more comes after so many bytes of the body, and the connection stays open; -1: not even a head."""

    def counts(self, default: Mapping[str, Any]) -> dict[str, Any] | None:
        """The counts to send, where `default` are those of the vendor's fake."""
        if self.usage is None:
            return None
        return dict(default if self.usage == {"default": True} else self.usage)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    body: Any
    """Parsed JSON, or the bytes where it is none; None for GET."""


@dataclass(frozen=True)
class Answer:
    """What goes over the wire."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    faults: Reply | None = None
    """How it is sent; None for in one piece, with its length."""


class FakeServer:
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

    base_path: ClassVar[str] = ""
    """How `base_url` ends."""
    stream_type: ClassVar[str] = "text/event-stream"

    def __init__(self, *, models: tuple[str, ...] = ("fake-1", "fake-2"), key: str = "", port: int = 0) -> None:
        self.models = models
        self.key = key
        """When not empty, every request needs it."""
        self.lists_models = True
        self.requests: list[Asked] = []
        self.client_left = threading.Event()
        """Set when a client closes the connection while the server is silent."""
        self.stopping = threading.Event()
        self._replies: list[Reply] = []
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", port), type("Handler", (_Handler,), {"fake": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    # --- what a vendor says -----------------------------------------------------------------------------------------

    def signed_with(self, asked: Asked) -> str:
        """The key that the request brought; empty for none."""
        return asked.headers.get("authorization", "").removeprefix("Bearer ")

    def error_body(self, status: int, message: str, code: str) -> Any:
        """An error in the vendor's shape."""
        raise NotImplementedError

    def route(self, asked: Asked) -> Answer:
        """The answer to a request whose key is right."""
        raise NotImplementedError

    # --- what a vendor uses -----------------------------------------------------------------------------------------

    def play(self, reply: Reply, *, streams: bool, stream: Iterable[bytes], whole: Any) -> Answer:
        """The answer of a model: the events, one a piece, where a stream was asked for, else the whole as JSON."""
        streams = streams and not reply.ignores_stream and reply.body is None and reply.status == 200
        pieces = tuple(stream) if streams else (json.dumps(whole).encode() if reply.body is None else reply.body,)
        kind = self.stream_type if streams else "application/json"
        return Answer(pieces, reply.status, {"content-type": kind, "x-request-id": "req_fake", **reply.headers}, reply)

    def tell(self, value: Any, status: int = 200) -> Answer:
        """JSON in one piece."""
        return Answer((json.dumps(value).encode(),), status, {"content-type": "application/json"})

    def complain(self, status: int, message: str, code: str = "") -> Answer:
        """An error in the vendor's shape."""
        return self.tell(self.error_body(status, message, code), status)

    def next_reply(self) -> Reply:
        """The reply whose turn it is; the last one is repeated."""
        with self._lock:
            if len(self._replies) > 1:
                return self._replies.pop(0)
            return self._replies[0] if self._replies else Reply()

    # --- what a test uses -------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return self.origin + self.base_path

    def say(self, text: str = "", **how: Any) -> None:
        """Queue a reply; see `Reply` for what it may be."""
        self._replies.append(Reply(text=text, **how))

    def answer(self, asked: Asked) -> Answer:
        """Note a request and answer it."""
        with self._lock:
            self.requests.append(asked)
        given = self.signed_with(asked)
        if self.key and given != self.key:
            message = f"Incorrect API key provided: {given}." if given else "No API key provided."
            return self.complain(401, message, "invalid_api_key")
        return self.route(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            self._answer(json.loads(data))
        except ValueError:
            self._answer(data)

    def _answer(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.fake.answer(Asked(self.command, self.path, headers, body))
        faults = answer.faults
        if faults is not None and faults.silent_at_byte == -1:
            self._be_silent()
            return
        self.send_response(answer.status)
        length = {"transfer-encoding": "chunked"} if faults else {"content-length": str(sum(map(len, answer.pieces)))}
        for name, value in {**answer.headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        if faults is None:
            self.wfile.write(b"".join(answer.pieces))
            return
        try:
            self._write(_cut(answer.pieces, faults.piece_bytes), faults)
        except (BrokenPipeError, ConnectionResetError):
            self.fake.client_left.set()
            self.close_connection = True

    def _write(self, pieces: Iterator[bytes], reply: Reply) -> None:
        sent = 0
        stop = min((at for at in (reply.cut_at_byte, reply.silent_at_byte) if at is not None), default=None)
        for piece in pieces:
            part = piece if stop is None else piece[: stop - sent]
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                sent += len(part)
            if stop is not None and sent >= stop:
                self._reset() if reply.cut_at_byte is not None else self._be_silent()
                return
        self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        """End the connection in the middle of a chunk of the transfer."""
        self.wfile.write(b"ff\r\n")
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
        self.connection.shutdown(socket.SHUT_WR)

    def _be_silent(self) -> None:
        """Keep the connection open until the client or the test is done."""
        self.close_connection = True
        while not self.fake.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable:
                self.fake.client_left.set()
                return


def words(text: str, size: int = 5) -> Iterator[str]:
    """A text in small pieces."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _cut(pieces: tuple[bytes, ...], size: int) -> Iterator[bytes]:
    if not size:
        yield from pieces
        return
    whole = b"".join(pieces)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def serve_by_hand(kind: type[FakeServer]) -> None:
    """Run until interrupted; the port is the first argument."""
    with kind(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.base_url, flush=True)
        threading.Event().wait()
