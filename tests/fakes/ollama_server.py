"""A server on loopback that speaks Ollama's own protocol, streaming and not, with faults on demand.

    with FakeOllama() as server:
        server.say("Hello")                      # the answer to the next request; the last one is repeated
        ... ask server.base_url ...
        assert server.requests[0].body["model"] == "fake-1"

Run it by hand with `python -m tests.fakes.ollama_server [PORT]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fakes.server import Answer, Asked, FakeServer, Reply, serve_by_hand, words

CREATED_AT = "2026-11-21T03:00:00.123456789Z"
COUNTS = {"prompt_eval_count": 20, "prompt_eval_cached_count": 16, "eval_count": 7}
DURATIONS = {"total_duration": 9, "load_duration": 1, "prompt_eval_duration": 2, "eval_duration": 3}
WINDOW = 131_072
CAPABILITIES = ["completion", "tools", "thinking", "vision"]


class FakeOllama(FakeServer):
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

    stream_type = "application/x-ndjson"

    def error_body(self, status: int, message: str, code: str) -> Any:
        """As Ollama writes errors."""
        return {"error": message}

    def route(self, asked: Asked) -> Answer:
        """Chats, embeddings, what there is to know of models, or an error."""
        if asked.method == "GET":
            return self._list(asked)
        body = asked.body
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            return self.complain(400, "missing request body" if not body else "model is required")
        if asked.path not in ("/api/chat", "/api/show", "/api/embed"):
            return self.complain(404, "404 page not found")
        if body["model"] not in self.models:
            return self.complain(404, f"model '{body['model']}' not found")
        if asked.path == "/api/show":
            return self.tell(_show())
        if asked.path == "/api/embed":
            return self.tell(_embed(body))
        if problem := _problem_with(body):
            return self.complain(400, problem)
        reply = self.next_reply()
        streams = body.get("stream") is not False
        return self.play(reply, streams=streams, stream=stream_pieces(reply, body), whole=_whole(reply, body))

    def _list(self, asked: Asked) -> Answer:
        if asked.path == "/api/version":
            return self.tell({"version": "0.33.3"})
        if asked.path != "/api/tags" or not self.lists_models:
            return self.complain(404, "404 page not found")
        details = {"format": "gguf", "family": "fake", "parameter_size": "8B", "quantization_level": "Q4_K_M"}
        rows = [
            {"name": name, "model": name, "modified_at": CREATED_AT, "size": 1, "digest": "0" * 64, "details": details}
            for name in self.models
        ]
        return self.tell({"models": rows})


def _problem_with(body: dict[str, Any]) -> str:
    """What the Go types of the server would not read."""
    for message in body.get("messages") or ():
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            return f"invalid role: {message.get('role')}, must be one of [system, user, assistant, tool]"
        if not isinstance(message.get("content", ""), str):
            return "json: cannot unmarshal array into Go struct field ChatRequest.messages of type string"
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], dict):
                return "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls"
    return ""


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {"model": body["model"], "created_at": CREATED_AT}


def _calls(reply: Reply) -> list[dict[str, Any]]:
    """Each call whole, all at index 0, as the server really numbers them."""
    return [
        {"id": f"call_fake_{n}", "function": {"index": 0, "name": name, "arguments": json.loads(arguments or "{}")}}
        for n, (name, arguments) in enumerate(reply.calls)
    ]


def _end(reply: Reply) -> dict[str, Any]:
    return {"done": True, "done_reason": reply.finish_reason or "stop", **DURATIONS, **(reply.counts(COUNTS) or {})}


def _whole(reply: Reply, body: dict[str, Any]) -> Any:
    """The answer as one JSON object."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning:
        message["thinking"] = reply.reasoning
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    return {**_head(body), "message": message, **_end(reply)}


def stream_pieces(reply: Reply, body: dict[str, Any]) -> Iterator[bytes]:
    """The lines of a reply, as Ollama sends them."""

    def line(message: dict[str, Any], **more: Any) -> bytes:
        value = {**_head(body), "message": {"role": "assistant", "content": "", **message}, "done": False, **more}
        return json.dumps(value, ensure_ascii=False).encode() + b"\n"

    for piece in words(reply.reasoning):
        yield line({"thinking": piece})
    for piece in words(reply.text):
        yield line({"content": piece})
    for call in _calls(reply):
        yield line({"tool_calls": [call]})
    yield line({}, **_end(reply))


def _show() -> Any:
    info = {"general.architecture": "fake", "fake.context_length": WINDOW, "fake.vision.context_length": 512}
    return {
        "details": {"family": "fake"},
        "model_info": info,
        "capabilities": CAPABILITIES,
        "template": "{{ .Prompt }}",
    }


def _embed(body: dict[str, Any]) -> Any:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors = [[float(len(text)), 0.5, 1.0] for text in texts]
    return {"model": body["model"], "embeddings": vectors, "prompt_eval_count": 2 * len(texts), "total_duration": 3}


if __name__ == "__main__":
    serve_by_hand(FakeOllama)
