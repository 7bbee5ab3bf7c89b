"""A server on loopback that speaks OpenAI Chat Completions, streaming and not, with faults on demand.

It refuses what OpenAI refuses: calls without results, results without calls, ids that are too long. It also embeds.

    with FakeOpenAI() as server:
        server.say("Hello")                      # the answer to the next request; the last one is repeated
        ... ask server.base_url ...
        assert server.requests[0].body["model"] == "fake-1"

Run it by hand with `python -m tests.fakes.openai_server [PORT]`.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tests.fakes.server import Answer, Asked, FakeServer, Reply, serve_by_hand, words

CREATED = 1_795_000_000
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 2},
}

SIGNATURE = "c2lnbmVk"


class FakeOpenAI(FakeServer):
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

    base_path = "/v1"
    reasoning_form: Literal["reasoning_content", "reasoning", "reasoning_details"] = "reasoning_content"
    """Where thinking goes: the field of DeepSeek, of vLLM, or of OpenRouter with signatures."""

    def error_body(self, status: int, message: str, code: str) -> Any:
        """As OpenAI writes errors."""
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code or None}
        return {"error": error}

    def route(self, asked: Asked) -> Answer:
        """Chat completions, the list of models, or an error."""
        if asked.method == "GET":
            return self._list(asked)
        body = asked.body
        if asked.path == "/v1/embeddings" and isinstance(body, dict):
            return self._embed(body)
        if asked.path != "/v1/chat/completions":
            return self.complain(404, f"Unknown request URL: POST {asked.path}", "unknown_url")
        if problem := _problem_with(body):
            return self.complain(400, problem)
        if body["model"] not in self.models:
            message = f"The model `{body['model']}` does not exist or you do not have access to it."
            return self.complain(404, message, "model_not_found")
        reply = self.next_reply()
        form = self.reasoning_form
        stream, whole = stream_pieces(reply, body, form), _whole(reply, body, form)
        return self.play(reply, streams=bool(body.get("stream")), stream=stream, whole=whole)

    def _list(self, asked: Asked) -> Answer:
        if asked.path.rstrip("/") != "/v1/models" or not self.lists_models:
            return self.complain(404, "Not Found")
        rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "fake"} for name in self.models]
        return self.tell({"object": "list", "data": rows})

    def _embed(self, body: dict[str, Any]) -> Answer:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [
            {"object": "embedding", "index": index, "embedding": _vector(text, body.get("encoding_format", "float"))}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}
        return self.tell({"object": "list", "model": body["model"], "data": rows[::-1], "usage": usage})


def _vector(text: str, form: str) -> Any:
    """Numbers that 32 bits hold exactly: the length of the text, and a half."""
    vector = [float(len(text)), 0.5]
    return base64.b64encode(struct.pack("<2f", *vector)).decode() if form == "base64" else vector


def _problem_with(body: Any) -> str:
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "Missing required parameter: 'messages'."
    return _problem_with_history(body["messages"])


def _problem_with_history(messages: list[dict[str, Any]]) -> str:
    """What OpenAI says about a conversation whose calls and results do not fit together."""
    wanted: set[str] = set()
    unanswered = "An assistant message with 'tool_calls' must be followed by tool messages responding to each id."
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in wanted:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            wanted.discard(message["tool_call_id"])
            continue
        if wanted:
            return unanswered
        calls = message.get("tool_calls") or []
        wanted = {call["id"] for call in calls}
        if len(wanted) < len(calls) or any(not 0 < len(id) <= 64 for id in wanted):
            return "Invalid 'tool_calls': ids must be different, and have 1 to 64 characters."
        if message["content"] in (None, "", []) and not calls:
            return "Invalid value for 'content': expected a string, got null."
    return unanswered if wanted else ""


def _thought(text: str, form: str, *, whole: bool = False) -> dict[str, Any]:
    """A piece of thinking in one of the forms; the signature comes with the last one."""
    if form != "reasoning_details":
        return {form: text}
    row = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
    return {"reasoning": text, "reasoning_details": [{**row, "signature": SIGNATURE} if whole else row]}


def _reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.calls else "stop")


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": CREATED, "model": body["model"]}


def _whole(reply: Reply, body: dict[str, Any], form: str = "reasoning_content") -> Any:
    """The answer as one JSON object."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": reply.refusal or None}
    if reply.reasoning:
        message |= _thought(reply.reasoning, form, whole=True)
    if reply.calls:
        message["tool_calls"] = [
            {"id": f"call_fake_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(reply.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(reply)}
    value = {**_head(body, "chat.completion"), "choices": [choice]}
    usage = reply.counts(USAGE)
    return value if usage is None else {**value, "usage": usage}


def stream_pieces(reply: Reply, body: dict[str, Any], form: str = "reasoning_content") -> Iterator[bytes]:
    """The server-sent events of a reply, as OpenAI sends them."""
    head, usage = _head(body, "chat.completion.chunk"), reply.counts(USAGE)
    wants_usage = bool((body.get("stream_options") or {}).get("include_usage")) and usage is not None

    def event(delta: Mapping[str, Any] | None, finish: str | None = None) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        extra = {"usage": usage if delta is None else None} if wants_usage else {}
        return b"data: " + json.dumps({**head, "choices": choices, **extra}, ensure_ascii=False).encode() + b"\n\n"

    yield event({"role": "assistant", "content": "", "refusal": None})
    for piece in words(reply.reasoning):
        yield event(_thought(piece, form))
    if reply.reasoning and form == "reasoning_details":
        signed = {"type": "reasoning.text", "signature": SIGNATURE, "format": "anthropic-claude-v1", "index": 0}
        yield event({"reasoning_details": [signed]})
    for name, text in (("content", reply.text), ("refusal", reply.refusal)):
        for piece in words(text):
            yield event({name: piece})
    for index, (name, arguments) in enumerate(reply.calls):
        start = {"index": index, "id": f"call_fake_{index}", "type": "function"}
        yield event({"tool_calls": [{**start, "function": {"name": name, "arguments": ""}}]})
        for piece in words(arguments):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield event({}, _reason(reply))
    if wants_usage:
        yield event(None)
    yield b"data: [DONE]\n\n"


if __name__ == "__main__":
    serve_by_hand(FakeOpenAI)
