"""A server on loopback that speaks Gemini generateContent, streaming and not, with faults on demand.

    with FakeGemini() as server:
        server.say("Hello")                      # the answer to the next request; the last one is repeated
        ... ask server.base_url ...
        assert server.requests[0].path.endswith(":streamGenerateContent?alt=sse")

It refuses what Google refuses: unknown fields, responses that do not match the calls before them, and, for models whose
name begins with `gemini-3`, calls in the history without a signature. Both versions of the API that have these methods
are served: v1beta, and v1, which the SDK asks unless told otherwise. Run it by hand with
`python -m tests.fakes.gemini_server [PORT]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.server import Answer, Asked, FakeServer, Reply, serve_by_hand, words

USAGE = {
    "promptTokenCount": 20,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
    "cachedContentTokenCount": 16,
    "totalTokenCount": 27,
}
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBmYWtl"
FIELDS = {
    *("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent"),
    *("serviceTier", "store", "continuationToken", "model"),
}
_CODES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class FakeGemini(FakeServer):
    """The server; starts on a free port of 127.0.0.1 and stops at the end of the block."""

    def signed_with(self, asked: Asked) -> str:
        """The key, which comes in a header of Google's own, or the token of a sign-in."""
        return asked.headers.get("x-goog-api-key") or super().signed_with(asked)

    def error_body(self, status: int, message: str, code: str) -> Any:
        """As Google writes errors."""
        error: dict[str, Any] = {"code": status, "message": message, "status": _CODES.get(status, "INTERNAL")}
        if code:
            kind, domain = "type.googleapis.com/google.rpc.ErrorInfo", "googleapis.com"
            error["details"] = [{"@type": kind, "reason": code, "domain": domain}]
        return {"error": error}

    def complain(self, status: int, message: str, code: str = "") -> Answer:
        """A wrong key is 400 here."""
        if code == "invalid_api_key":
            return super().complain(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
        return super().complain(status, message, code)

    def route(self, asked: Asked) -> Answer:
        """Answers, counts, embeddings, the list of models, or an error."""
        place = urlsplit(asked.path)
        _, version, collection, *names = [*unquote(place.path).split("/", 3), "", ""][:4]
        if version not in ("v1", "v1beta") or collection != "models":
            return self.complain(404, f"Requested entity was not found: {place.path}")
        if asked.method == "GET":
            return self._list(names[0])
        name, _, method = names[0].rpartition(":")
        body = asked.body
        if name not in self.models:
            message = f"models/{name} is not found for API version {version}, or is not supported for {method}."
            return self.complain(404, message)
        if not isinstance(body, dict):
            return self.complain(400, "Invalid JSON payload received.")
        match method:
            case "generateContent" | "streamGenerateContent":
                sse = parse_qs(place.query).get("alt") == ["sse"]
                return self._answer(name, body, streams=method == "streamGenerateContent", sse=sse)
            case "countTokens":
                inner = body.get("generateContentRequest", body)
                return self.tell({"totalTokens": max(1, len(json.dumps(inner.get("contents", []))) // 4)})
            case "batchEmbedContents":
                texts = ["".join(part["text"] for part in row["content"]["parts"]) for row in body["requests"]]
                return self.tell({"embeddings": [{"values": [float(len(text)), 0.5]} for text in texts]})
        return self.complain(404, f"Method {method} not found.")

    def _answer(self, model: str, body: dict[str, Any], *, streams: bool, sse: bool) -> Answer:
        if problem := problem_with(body, needs_signatures=model.startswith("gemini-3")):
            return self.complain(400, problem)
        reply = self.next_reply()
        whole = _response(model, list(_parts(reply)), _reason(reply), reply.counts(USAGE))
        pieces = stream_pieces(reply, model)
        return self.play(reply, streams=streams and sse, stream=pieces, whole=[whole] if streams else whole)

    def _list(self, name: str) -> Answer:
        if name or not self.lists_models:
            return self.complain(404, "Requested entity was not found.")
        limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "thinking": True}
        methods = {"supportedGenerationMethods": ["generateContent", "countTokens"]}
        rows = [{"name": f"models/{name}", "version": "1", **limits, **methods} for name in self.models]
        embedder = {"name": "models/fake-embedding", "supportedGenerationMethods": ["embedContent"]}
        return self.tell({"models": [*rows, {**embedder, "inputTokenLimit": 2048, "outputTokenLimit": 1}]})


def problem_with(body: Mapping[str, Any], *, needs_signatures: bool = False) -> str:
    """What Google would say against a request; empty when it is good."""
    for name in body:
        if name not in FIELDS:
            return f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        return "* GenerateContentRequest.contents: contents is not specified"
    if contents[0]["role"] != "user":
        return "Please ensure that the first content is of the user."
    waiting: list[Any] = []
    for place, content in enumerate(contents):
        if content["role"] not in ("user", "model"):
            return "Please use a valid role: user, model."
        if not content["parts"]:
            return f"* GenerateContentRequest.contents[{place}].parts: contents.parts must not be empty."
        given = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if [(row["name"], row.get("id")) for row in given] != [(call["name"], call.get("id")) for call in waiting]:
            return (
                "Please ensure that the number of function response parts is equal to the number of function call"
                " parts of the function call turn."
            )
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and needs_signatures and not calls[0].get("thoughtSignature"):
            return f"Function call is missing a thought_signature in functionCall parts ({place}. content block)."
        waiting = [part["functionCall"] for part in calls]
    return "Please ensure that function call turn is followed by a function response turn." if waiting else ""


def _reason(reply: Reply) -> str:
    return reply.finish_reason or "STOP"


def _parts(reply: Reply) -> Iterator[dict[str, Any]]:
    """The parts of the answer; the first call is signed, else an empty text is, as with Gemini 3."""
    if reply.reasoning:
        yield {"text": reply.reasoning, "thought": True}
    if reply.text or reply.refusal:
        yield {"text": reply.text or reply.refusal}
    for n, (name, arguments) in enumerate(reply.calls):
        call = {"name": name, "args": json.loads(arguments), "id": f"call_fake_{n}"}
        yield {"functionCall": call, **({} if n else {"thoughtSignature": SIGNATURE})}
    if not reply.calls and reply.text:
        yield {"text": "", "thoughtSignature": SIGNATURE}


def _response(
    model: str, parts: list[dict[str, Any]], reason: str = "", usage: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    value: dict[str, Any] = {"candidates": [candidate], "modelVersion": model, "responseId": "fake-response"}
    return value if usage is None else {**value, "usageMetadata": dict(usage)}


def stream_pieces(reply: Reply, model: str = "fake-1") -> Iterator[bytes]:
    """The server-sent events of a reply, as Google sends them: words in pieces, each call in an event of its own."""
    usage = reply.counts(USAGE)
    early = None if usage is None else {"promptTokenCount": 20, "totalTokenCount": 20}
    responses: list[dict[str, Any]] = []
    for part in _parts(reply):
        if part.get("text"):
            rest = {name: value for name, value in part.items() if name != "text"}
            responses += [_response(model, [{"text": piece, **rest}], usage=early) for piece in words(part["text"])]
        elif "functionCall" in part:
            responses.append(_response(model, [part], usage=early))
    last = [part for part in _parts(reply) if part.get("text") == ""] or [{"text": ""}]
    responses.append(_response(model, last, _reason(reply), usage))
    for response in responses:
        yield b"data: " + json.dumps(response, ensure_ascii=False).encode() + b"\r\n\r\n"


if __name__ == "__main__":
    serve_by_hand(FakeGemini)
