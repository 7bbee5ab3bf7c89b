"""A server on loopback that speaks OpenAI Responses, streaming and not, with faults on demand.

with FakeResponses() as server:
    server.say("Hello")                      # the answer to the next request; the last one is repeated
    ... ask server.base_url ...
    assert server.requests[0].body["model"] == "fake-1"

Run it by hand with `python -m tests.fakes.responses_server [PORT]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.server import Answer, Asked, FakeServer, Reply, serve_by_hand, words

CREATED = 1_795_000_000
USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 27,
}
_ECHOED = ("instructions", "max_output_tokens", "temperature", "tool_choice", "tools", "reasoning", "text")


class FakeResponses(FakeServer):
    """The server; `finish_reason` of a reply is a reason to be incomplete, such as max_output_tokens."""

    base_path = "/v1"

    def error_body(self, status: int, message: str, code: str) -> Any:
        """As OpenAI writes errors."""
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}

    def route(self, asked: Asked) -> Answer:
        """A response, a count of tokens, embeddings, the list of models, or an error."""
        if asked.method == "GET":
            return self._list(asked)
        body, path = asked.body, asked.path.removeprefix("/v1")
        if path not in ("/responses", "/responses/input_tokens", "/embeddings"):
            return self.complain(404, f"Unknown request URL: POST {asked.path}", "unknown_url")
        if problem := _problem_with(body):
            return self.complain(400, problem)
        if body["model"] not in self.models:
            message = f"The requested model '{body['model']}' does not exist."
            return self.complain(404, message, "model_not_found")
        if path == "/responses/input_tokens":
            return self.tell({"object": "response.input_tokens", "input_tokens": 20})
        if path == "/embeddings":
            return self._embed(body)
        reply = self.next_reply()
        streams = bool(body.get("stream"))
        return self.play(reply, streams=streams, stream=stream_pieces(reply, body), whole=whole(reply, body))

    def _list(self, asked: Asked) -> Answer:
        if asked.path.rstrip("/") != "/v1/models" or not self.lists_models:
            return self.complain(404, "Not Found")
        rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "fake"} for name in self.models]
        return self.tell({"object": "list", "data": rows})

    def _embed(self, body: dict[str, Any]) -> Answer:
        """A vector of length and place for each text; in reverse order, which the protocol allows."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [
            {"object": "embedding", "index": place, "embedding": [float(len(text)), float(place)]}
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return self.tell({"object": "list", "data": rows[::-1], "model": body["model"], "usage": usage})


def _problem_with(body: Any) -> str:
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    if not isinstance(body.get("input"), str | list) or not body["input"]:
        return "Missing required parameter: 'input'."
    return _problem_with_items(body["input"]) if isinstance(body["input"], list) else ""


def _problem_with_items(items: list[Any]) -> str:
    """What OpenAI says of calls and results that do not belong together."""
    called = [item["call_id"] for item in items if isinstance(item, dict) and item.get("type") == "function_call"]
    answered = [
        item["call_id"] for item in items if isinstance(item, dict) and item.get("type") == "function_call_output"
    ]
    for call_id in answered:
        if call_id not in called:
            return f"No tool call found for function call output with call_id {call_id}."
    for call_id in called:
        if call_id not in answered:
            return f"No tool output found for function call {call_id}."
    return ""


# --- answers --------------------------------------------------------------------------------------------------------


def output_items(reply: Reply) -> list[dict[str, Any]]:
    """The items of an answer: reasoning, a message, calls."""
    items: list[dict[str, Any]] = []
    if reply.reasoning:
        summary = [{"type": "summary_text", "text": reply.reasoning}]
        items.append({"id": "rs_fake", "type": "reasoning", "summary": summary, "encrypted_content": "gAAAAfake"})
    content: list[dict[str, Any]] = []
    if reply.text:
        content.append({"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []})
    if reply.refusal:
        content.append({"type": "refusal", "refusal": reply.refusal})
    status = "incomplete" if reply.finish_reason and not reply.calls else "completed"
    if content:
        message = {"id": "msg_fake", "type": "message", "role": "assistant", "status": status, "content": content}
        items.append({**message, "phase": "commentary" if reply.calls else "final_answer"})
    for n, (name, arguments) in enumerate(reply.calls):
        call = {"id": f"fc_fake_{n}", "type": "function_call", "call_id": f"call_fake_{n}", "name": name}
        last = reply.finish_reason and n == len(reply.calls) - 1
        items.append({**call, "arguments": arguments, "status": "incomplete" if last else "completed"})
    return items


def whole(reply: Reply, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as one JSON object."""
    ended = {
        "status": "incomplete" if reply.finish_reason else "completed",
        "incomplete_details": {"reason": reply.finish_reason} if reply.finish_reason else None,
        "output": output_items(reply),
    }
    return {**_head(body), **ended, "usage": reply.counts(USAGE)}


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "store": body.get("store", True),
        "usage": None,
        **{name: body[name] for name in _ECHOED if name in body},
    }


def stream_pieces(reply: Reply, body: Mapping[str, Any]) -> Iterator[bytes]:
    """The server-sent events of a reply, as OpenAI sends them."""
    for number, event in enumerate(stream_events(reply, body)):
        data = json.dumps({**event, "sequence_number": number}, ensure_ascii=False)
        yield f"event: {event['type']}\ndata: {data}\n\n".encode()


def stream_events(reply: Reply, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a reply without their numbers."""
    head, end = _head(body), whole(reply, body)
    yield {"type": "response.created", "response": head}
    yield {"type": "response.in_progress", "response": head}
    for index, item in enumerate(end["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        begun = {"reasoning": {"summary": [], "encrypted_content": "gA"}, "message": {"content": []}}
        started = {**item, **begun.get(item["type"], {"arguments": ""})}
        if "status" in item:
            started["status"] = "in_progress"
        yield {"type": "response.output_item.added", "output_index": index, "item": started}
        yield from {"reasoning": _think, "message": _speak, "function_call": _call}[item["type"]](item, at)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{end['status']}", "response": end}


def _think(item: dict[str, Any], at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for index, part in enumerate(item["summary"]):
        here = {**at, "summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **here, "part": {**part, "text": ""}}
        for piece in words(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **here, "delta": piece, "obfuscation": "xyz"}
        yield {"type": "response.reasoning_summary_text.done", **here, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **here, "part": part}


def _speak(item: dict[str, Any], at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for index, part in enumerate(item["content"]):
        here = {**at, "content_index": index}
        key = "text" if part["type"] == "output_text" else "refusal"
        kind = "response.output_text" if key == "text" else "response.refusal"
        more = {"logprobs": []} if key == "text" else {}
        yield {"type": "response.content_part.added", **here, "part": {**part, key: ""}}
        for piece in words(part[key]):
            yield {"type": f"{kind}.delta", **here, "delta": piece, **more}
        yield {"type": f"{kind}.done", **here, key: part[key], **more}
        yield {"type": "response.content_part.done", **here, "part": part}


def _call(item: dict[str, Any], at: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind = "response.function_call_arguments"
    for piece in words(item["arguments"]):
        yield {"type": f"{kind}.delta", **at, "delta": piece}
    if item["status"] != "incomplete":
        yield {"type": f"{kind}.done", **at, "name": item["name"], "arguments": item["arguments"]}


if __name__ == "__main__":
    serve_by_hand(FakeResponses)
