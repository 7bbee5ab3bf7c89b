"""A server on loopback that speaks OpenAI Chat Completions, streaming and not, with faults on demand.

    with FakeOpenAI() as server:
        server.say("Hello")                      # the answer to the next request; the last one is repeated
        ... ask server.base_url ...
        assert server.requests[0].body["model"] == "fake-1"

Run it by hand with `python tests/fakes/openai_server.py [PORT]`.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

CREATED = 1_795_000_000
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


@dataclass(frozen=True)
class Reply:
    """What one request gets; the defaults are a friendly word."""

    text: str = "Hello, this is the fake."
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Tool calls: name and JSON arguments."""
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)

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


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeOpenAI:
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

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
        self._http = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"fake": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def say(self, text: str = "", **how: Any) -> None:
        """Queue a reply; see `Reply` for what it may be."""
        self._replies.append(Reply(text=text, **how))

    def next_reply(self) -> Reply:
        with self._lock:
            if len(self._replies) > 1:
                return self._replies.pop(0)
            return self._replies[0] if self._replies else Reply()

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.requests.append(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeOpenAI
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._note(None)
        if self._refuses_key():
            return
        if self.path.rstrip("/") != "/v1/models" or not self.fake.lists_models:
            self._send_error(404, "Not Found", "invalid_request_error", None)
            return
        rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "fake"} for name in self.fake.models]
        self._send_json(200, {"object": "list", "data": rows})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            body = json.loads(data)
        except ValueError:
            body = data
        self._note(body)
        if self._refuses_key():
            return
        if self.path != "/v1/chat/completions":
            self._send_error(404, f"Unknown request URL: POST {self.path}", "invalid_request_error", "unknown_url")
        elif problem := _problem_with(body):
            self._send_error(400, problem, "invalid_request_error", None)
        elif body["model"] not in self.fake.models:
            message = f"The model `{body['model']}` does not exist or you do not have access to it."
            self._send_error(404, message, "invalid_request_error", "model_not_found")
        else:
            self._reply(self.fake.next_reply(), body)

    def _note(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.note(Asked(self.command, self.path, headers, body))

    def _refuses_key(self) -> bool:
        given = self.headers.get("authorization", "")
        if not self.fake.key or given == f"Bearer {self.fake.key}":
            return False
        message = f"Incorrect API key provided: {given.removeprefix('Bearer ')}." if given else "No API key provided."
        self._send_error(401, message, "invalid_request_error", "invalid_api_key")
        return True

    def _send_error(self, status: int, message: str, kind: str, code: str | None) -> None:
        self._send_json(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})

    def _send_json(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reply(self, reply: Reply, body: dict[str, Any]) -> None:
        if reply.silent_at_byte == -1:
            self._be_silent()
            return
        streams = bool(body.get("stream")) and not reply.ignores_stream and reply.body is None and reply.status == 200
        pieces = list(stream_pieces(reply, body)) if streams else [_whole(reply, body)]
        self.send_response(reply.status)
        headers = {"content-type": "text/event-stream" if streams else "application/json", "x-request-id": "req_fake"}
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            self._write(_cut(pieces, reply.piece_bytes), reply)
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


def _problem_with(body: Any) -> str:
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "Missing required parameter: 'messages'."
    return ""


def _reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.calls else "stop")


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": CREATED, "model": body["model"]}


def _whole(reply: Reply, body: dict[str, Any]) -> bytes:
    """The answer as one JSON object, or the body that was asked for."""
    if reply.body is not None:
        return reply.body
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": reply.refusal or None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = [
            {"id": f"call_fake_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(reply.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(reply)}
    value = {**_head(body, "chat.completion"), "choices": [choice]}
    if reply.usage is not None:
        value["usage"] = dict(reply.usage)
    return json.dumps(value).encode()


def stream_pieces(reply: Reply, body: dict[str, Any]) -> Iterator[bytes]:
    """The server-sent events of a reply, as OpenAI sends them."""
    head = _head(body, "chat.completion.chunk")
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage")) and reply.usage is not None

    def event(delta: Mapping[str, Any] | None, finish: str | None = None) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        extra = {"usage": (None if delta is not None else dict(reply.usage or {}))} if wants_usage else {}
        return b"data: " + json.dumps({**head, "choices": choices, **extra}, ensure_ascii=False).encode() + b"\n\n"

    yield event({"role": "assistant", "content": "", "refusal": None})
    for name, text in (("reasoning_content", reply.reasoning), ("content", reply.text), ("refusal", reply.refusal)):
        for piece in _words(text):
            yield event({name: piece})
    for index, (name, arguments) in enumerate(reply.calls):
        start = {"index": index, "id": f"call_fake_{index}", "type": "function"}
        yield event({"tool_calls": [{**start, "function": {"name": name, "arguments": ""}}]})
        for piece in _words(arguments):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, _reason(reply))
    if wants_usage:
        yield event(None)
    yield b"data: [DONE]\n\n"


def _words(text: str, size: int = 5) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _cut(pieces: list[bytes], size: int) -> Iterator[bytes]:
    if not size:
        yield from pieces
        return
    whole = b"".join(pieces)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


if __name__ == "__main__":
    with FakeOpenAI(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.base_url, flush=True)
        threading.Event().wait()
