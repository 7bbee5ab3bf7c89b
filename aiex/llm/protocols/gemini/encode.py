"""A request as the body of generateContent.

What the vendor wants: roles `user` and `model` in turn, a user first; the responses to all calls of a model's content
together in the next one, as many and in the same order; a signature on the part it came with.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiex.llm import history
from aiex.llm.protocols.gemini.names import to_wire_name
from aiex.llm.protocols.gemini.quirks import Quirks, quirks_of
from aiex.llm.wire import Profile
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from aiex.pairing import NO_RESULT, balanced

DUMMY_SIGNATURE = "skip_thought_signature_validator"
"""Stands for the signature of a call that another model made. Source: ai.google.dev/gemini-api/docs/thought-signatures,
FAQ, November 2026."""

OPENING = "Go on."
"""Said by the user where a conversation begins with the model's words, which the vendor refuses."""

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif")
"""Source: ai.google.dev/gemini-api/docs/image-understanding, November 2026."""
RESULT_IMAGE_TYPES = IMAGE_TYPES[:3]
"""Source: ai.google.dev/gemini-api/docs/function-calling, "Multimodal function responses", November 2026."""
MAX_STOP_SEQUENCES = 5

Json = dict[str, Any]


def encode(request: Request, profile: Profile) -> Json:
    """The body of a request, streaming or not."""
    quirks = quirks_of(profile)
    system, talk = _split_system(request.messages)
    talk, token = _take_continuation(talk, profile)
    instructions = list(_encode_words(system))
    config = _encode_config(request, quirks)
    if "responseJsonSchema" in config and request.tools and not quirks.schema_beside_tools:
        wish = json.dumps(config.pop("responseJsonSchema"), ensure_ascii=False, sort_keys=True)
        del config["responseMimeType"]
        instructions.append({"text": f"Answer with one JSON object that fits this JSON schema: {wish}"})
    contents = _Contents(profile, quirks).encode(talk)
    if not contents:
        contents, instructions = [{"role": "user", "parts": instructions or [{"text": OPENING}]}], []
    body: Json = {"systemInstruction": {"parts": instructions}} if instructions else {}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_encode_tool(tool) for tool in _in_order(request.tools)]}]
        body["toolConfig"] = {"functionCallingConfig": _encode_choice(request)}
    body["contents"] = contents
    if config:
        body["generationConfig"] = config
    if token:
        body["continuationToken"] = token
    return body


# --- what is asked for ----------------------------------------------------------------------------------------------


def _in_order(tools: Iterable[ToolDefinition]) -> list[ToolDefinition]:
    """By name, so that the beginning of requests stays alike."""
    return sorted(tools, key=lambda tool: tool.name)


def _encode_tool(tool: ToolDefinition) -> Json:
    return {
        "name": to_wire_name(tool.name),
        "description": tool.description,
        "parametersJsonSchema": dict(tool.parameters),
    }


def _encode_choice(request: Request) -> Json:
    names = [tool.name for tool in request.tools]
    match request.tool_choice:
        case "any":
            return {"mode": "ANY"}
        case "none":
            return {"mode": "NONE"}
        case name if name in names:
            return {"mode": "ANY", "allowedFunctionNames": [to_wire_name(name)]}
    return {"mode": "AUTO"}


def _encode_config(request: Request, quirks: Quirks) -> Json:
    config: Json = {}
    if request.max_output_tokens is not None:
        config["maxOutputTokens"] = request.max_output_tokens
    if request.temperature is not None:
        config["temperature"] = request.temperature
    if request.stop_sequences:
        config["stopSequences"] = [stop for stop in request.stop_sequences if stop][:MAX_STOP_SEQUENCES]
    if request.response_schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = dict(request.response_schema)
    if thinking := quirks.thinking_config(request.effort):
        config["thinkingConfig"] = thinking
    return config


# --- the conversation -----------------------------------------------------------------------------------------------


def _split_system(messages: Sequence[Message]) -> tuple[list[Part], Sequence[Message]]:
    """The parts of the system's words at the beginning, and the rest; later ones stay where they are."""
    count = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    return [part for message in messages[:count] for part in message.parts], messages[count:]


def _take_continuation(talk: Sequence[Message], profile: Profile) -> tuple[Sequence[Message], str]:
    """The token of an answer that paused last, and the conversation without that answer, as the vendor wants it."""
    last = talk[-1].parts[-1] if talk and talk[-1].role == "assistant" and talk[-1].parts else None
    if isinstance(last, Opaque) and (last.provider, last.model, last.endpoint) == profile.tag:
        token = last.data.get("continuationToken")
        if isinstance(token, str) and token:
            return talk[:-1], token
    return talk, ""


class _Contents:
    """Builds `contents`, message by message."""

    def __init__(self, profile: Profile, quirks: Quirks) -> None:
        self._tag = profile.tag
        self._quirks = quirks
        self._contents: list[Json] = []
        self._calls: list[Json] = []
        """Calls of the last content of the model that wait for their responses."""

    def encode(self, messages: Sequence[Message]) -> list[Json]:
        """All contents."""
        for message in history.with_call_ids(balanced(messages), self._tag):
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            if results or self._calls:
                self._respond(results)
            if message.role == "assistant":
                self._add_answer(message.parts)
            else:
                self._add("user", _encode_words(message.parts))
        if self._calls:
            self._respond([])
        if self._contents and self._contents[0]["role"] == "model":
            self._contents.insert(0, {"role": "user", "parts": [{"text": OPENING}]})
        return self._contents

    def _add(self, role: str, parts: Iterable[Json]) -> None:
        new = list(parts)
        if new and self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += new
        elif new:
            self._contents.append({"role": role, "parts": new})

    def _add_answer(self, parts: Sequence[Part]) -> None:
        encoded = [shape for part in history.native(parts, self._tag) for shape in _encode_answered(part)]
        verbatim_without_id = any(
            "functionCall" in shape and "id" not in shape["functionCall"] and "thoughtSignature" in shape
            for shape in encoded
        )
        calls = [shape for shape in encoded if "functionCall" in shape]
        if verbatim_without_id:
            for shape in calls:
                if "thoughtSignature" not in shape:
                    shape["functionCall"].pop("id", None)
        if calls and self._quirks.signs_calls and "thoughtSignature" not in calls[0]:
            calls[0]["thoughtSignature"] = DUMMY_SIGNATURE
        self._calls = [shape["functionCall"] for shape in calls]
        self._add("model", encoded)

    def _respond(self, results: Sequence[ToolResult]) -> None:
        """One response for each waiting call, in their order, and then pictures that have no place in a response."""
        calls, self._calls = self._calls, []
        missing = [ToolResult("", NO_RESULT, True)] * (len(calls) - len(results))
        beside: list[Json] = []
        for call, result in zip(calls, [*results, *missing], strict=False):
            response, pictures = _encode_result(call, result, self._quirks)
            self._add("user", [response])
            beside += pictures
        self._add("user", beside)


def _encode_words(parts: Iterable[Part]) -> Iterable[Json]:
    """Parts of the user or the system."""
    for part in parts:
        match part:
            case Text(text) | Refusal(text):
                if text:
                    yield {"text": text}
            case Document():
                yield {"text": history.words_of(part)}
            case Image():
                yield _encode_image(part, IMAGE_TYPES)
            case Reasoning() | ToolCall() | ToolResult() | Opaque() | CachePoint():
                pass


def _encode_answered(part: Part) -> Iterable[Json]:
    """Parts of the model; thinking without a signature is worth nothing and is left out."""
    match part:
        case ToolCall(id, name, arguments):
            yield {"functionCall": {"id": id, "name": to_wire_name(name), "args": dict(arguments)}}
        case Opaque(data=data):
            shapes = data.get("parts", [data])
            for shape in shapes if isinstance(shapes, list | tuple) else ():
                if isinstance(shape, Mapping) and "continuationToken" not in shape:
                    yield dict(shape)
        case _:
            yield from _encode_words([part])


def _encode_image(image: Image, types: Sequence[str]) -> Json:
    media_type = {"image/jpg": "image/jpeg"}.get(image.media_type.lower(), image.media_type.lower())
    if media_type not in types:
        return {"text": f"[a picture of type {image.media_type}, which this model cannot read, was left out]"}
    return {"inlineData": {"mimeType": media_type, "data": image.data}}


def _encode_result(call: Json, result: ToolResult, quirks: Quirks) -> tuple[Json, list[Json]]:
    """The response to a call, and the pictures that go beside it."""
    name = call.get("name", "")
    response: Json = {"id": call["id"]} if "id" in call else {}
    response["name"] = name
    response["response"] = {"error" if result.is_error else "output": result.text}
    beside: list[Json] = []
    within: list[Json] = []
    for image in result.images:
        shape = _encode_image(image, RESULT_IMAGE_TYPES if quirks.images_in_results else IMAGE_TYPES)
        if quirks.images_in_results and "inlineData" in shape:
            within.append(shape)
        else:
            beside += [{"text": f"[a picture that {name} gave]"}, shape] if "inlineData" in shape else [shape]
    if within:
        response["parts"] = within
    return {"functionResponse": response}, beside
