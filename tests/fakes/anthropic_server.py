"""A server on loopback that speaks Anthropic Messages, streaming and not, with faults on demand.

    with FakeAnthropic() as server:
        server.say("Hello", reasoning="hm", calls=(("read", '{"path": "x"}'),))
        ... ask server.base_url ...
        assert server.requests[0].body["model"] == "fake-1"

It refuses what the vendor refuses: a body without `max_tokens`, a version it does not know, roles that do not take
turns, calls without their results. Run it by hand with `python -m tests.fakes.anthropic_server [PORT]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.server import Answer, Asked, FakeServer, Reply, serve_by_hand, words

USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 10,
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 2},
}
SIGNATURE = "c2lnbmF0dXJl"
VERSIONS = ("2023-06-01", "2026-10-21")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class FakeAnthropic(FakeServer):
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

    def signed_with(self, asked: Asked) -> str:
        """The key, in the header for keys or as a bearer token."""
        return asked.headers.get("x-api-key") or super().signed_with(asked)

    def error_body(self, status: int, message: str, code: str) -> Any:
        """As the vendor writes errors."""
        return to_error(_TYPES.get(status, "api_error"), message)

    def route(self, asked: Asked) -> Answer:
        """Messages, counts of tokens, the list of models, or an error."""
        path = asked.path.partition("?")[0]
        if asked.method == "GET":
            return self._list(path)
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            return self.complain(404, "Not found")
        counts = path.endswith("count_tokens")
        if problem := _problem_with_version(asked) or problem_with(asked.body, counts=counts):
            return self.complain(400, problem)
        body = asked.body
        if body["model"] not in self.models:
            return self.complain(404, f"model: {body['model']}")
        if counts:
            return self.tell({"input_tokens": len(json.dumps(body["messages"])) // 4})
        reply = self.next_reply()
        streams = bool(body.get("stream"))
        return self.play(reply, streams=streams, stream=stream_pieces(reply, body), whole=to_message(reply, body))

    def _list(self, path: str) -> Answer:
        if path != "/v1/models" or not self.lists_models:
            return self.complain(404, "Not found")
        rows = [to_model(name) for name in self.models]
        return self.tell({"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]})


def to_error(kind: str, message: str, **details: Any) -> dict[str, Any]:
    """The body of an error, and the data of an error event."""
    more = {"details": details} if details else {}
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_fake"}


def to_model(name: str) -> dict[str, Any]:
    """One row of the list of models."""
    yes, no = {"supported": True}, {"supported": False}
    capabilities = {"thinking": {**yes, "types": {}}, "image_input": yes, "structured_outputs": yes, "batch": no}
    return {
        "id": name, "type": "model", "display_name": name, "created_at": "2026-11-01T00:00:00Z", "lifecycle": "active",
        "max_input_tokens": 200_000, "max_tokens": 64_000, "capabilities": capabilities,
    }  # fmt: skip


# --- requests -------------------------------------------------------------------------------------------------------


def _problem_with_version(asked: Asked) -> str:
    version = asked.headers.get("anthropic-version", "")
    if version not in VERSIONS:
        return f"anthropic-version: {version or 'header is required'}"
    if version == VERSIONS[1] and isinstance(asked.body, dict) and "temperature" in asked.body:
        return "temperature: Extra inputs are not permitted"
    return ""


def problem_with(body: Any, *, counts: bool) -> str:
    """What the vendor would refuse in a request; empty when it is accepted."""
    if not isinstance(body, dict):
        return "The request body is not valid JSON."
    for field in ("model", "messages", *(() if counts else ("max_tokens",))):
        if field not in body:
            return f"{field}: Field required"
    if not body["messages"]:
        return "messages: at least one message is required"
    return _problem_with_messages(body["messages"])


def _problem_with_messages(messages: list[dict[str, Any]]) -> str:
    """What the vendor would complain about: empty texts, prefill, unpaired or repeated calls, results not first."""
    seen: set[str] = set()
    open_ids: set[str] = set()
    for at, message in enumerate(messages):
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{at}: text content blocks must be non-empty"
        kinds = [block["type"] for block in blocks]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if set(results) != open_ids or len(results) != len(set(results)) or "tool_result" in kinds[len(results) :]:
            return f"messages.{at}: each `tool_use` block must have a corresponding `tool_result` in the next message"
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if seen & set(calls) or len(calls) != len(set(calls)):
            return f"messages.{at}: `tool_use` ids must be unique"
        seen |= set(calls)
        open_ids = set(calls)
        if message["role"] != ("user", "assistant")[at % 2]:
            return f"messages.{at}: roles must alternate"
    return "" if messages[-1]["role"] == "user" else "This model does not support assistant message prefill."


# --- answers --------------------------------------------------------------------------------------------------------


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.reasoning:
        blocks.append({"type": "thinking", "thinking": reply.reasoning, "signature": SIGNATURE})
    if reply.text:
        blocks.append({"type": "text", "text": reply.text, "citations": None})
    for n, (name, arguments) in enumerate(reply.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_fake_{n}", "name": name, "input": arguments})
    return blocks


def _stop(reply: Reply) -> dict[str, Any]:
    reason = reply.finish_reason or ("refusal" if reply.refusal else ("tool_use" if reply.calls else "end_turn"))
    refused = {"type": "refusal", "category": "cyber", "explanation": reply.refusal}
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": refused if reply.refusal else None}


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"]}


def to_message(reply: Reply, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as one JSON object."""
    content = [
        {**block, "input": _whole_input(block["input"])} if block["type"] == "tool_use" else block
        for block in _blocks(reply)
    ]
    usage = reply.counts(USAGE)
    message = {**_head(body), "content": content, **_stop(reply)}
    return message if usage is None else {**message, "usage": usage}


def _whole_input(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return {}


def stream_pieces(reply: Reply, body: Mapping[str, Any]) -> Iterator[bytes]:
    """The server-sent events of a reply, as the vendor sends them."""
    usage = reply.counts(USAGE)
    start = {} if usage is None else {"usage": {**usage, "output_tokens": 1}}
    message = {**_head(body), "content": [], "stop_reason": None, "stop_sequence": None, **start}
    yield to_event("message_start", message=message)
    yield to_event("ping")
    for index, block in enumerate(_blocks(reply)):
        begin, deltas = _take_apart(block)
        yield to_event("content_block_start", index=index, content_block=begin)
        for delta in deltas:
            yield to_event("content_block_delta", index=index, delta=delta)
        yield to_event("content_block_stop", index=index)
    yield to_event("message_delta", delta=_stop(reply), **({} if usage is None else {"usage": usage}))
    yield to_event("message_stop")


def _take_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and what follows."""
    match block["type"]:
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in words(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in words(block["text"])]
    pieces = ["", *words(block["input"])]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def to_event(kind: str, **fields: Any) -> bytes:
    """One event as bytes."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


if __name__ == "__main__":
    serve_by_hand(FakeAnthropic)
