"""Requests as the Responses protocol wants them.

Nothing is kept at the server (`store: false`), so the whole conversation goes along each time, and with it, word for
word, the items that the same model gave at the same place: its encrypted reasoning directly before what came of it.
"""

import json
from collections.abc import Mapping, Sequence, Set
from hashlib import blake2b
from typing import Any

from aiex.llm.history import native, with_call_ids, words_of
from aiex.llm.protocols.openai_responses.quirks import Quirks, quirks_of
from aiex.llm.protocols.openai_responses.strict import is_strict
from aiex.llm.wire import Profile
from aiex.messages import Image, Message, Opaque, Part, Refusal, Request, Text, ToolCall, ToolResult
from aiex.pairing import balanced

_MAX_CACHE_KEY = 64
_PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
Item = dict[str, Any]


def encode(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of a streaming request; `profile.model` is asked, whatever the request calls it."""
    quirks = quirks_of(profile)
    body = {**encode_question(request, profile), "stream": True, "store": False}
    if quirks.reasons:
        body["include"] = ["reasoning.encrypted_content"]
    if request.cache_key:
        body["prompt_cache_key"] = _short(request.cache_key)
    if quirks.signed_in:
        return body
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(request.max_output_tokens, quirks.least_output_tokens)
    if request.temperature is not None and not _is_reasoning(request, quirks):
        body["temperature"] = request.temperature
    return body


def encode_question(request: Request, profile: Profile) -> dict[str, Any]:
    """What decides how large a request is: model, conversation, tools, form of the answer."""
    quirks = quirks_of(profile)
    body: dict[str, Any] = {"model": profile.model, **_encode_conversation(request.messages, profile, quirks)}
    if request.tools:
        body["tools"] = _encode_tools(request)
        body["tool_choice"] = _encode_choice(request)
        if quirks.parallel_choice:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    if reasoning := _encode_reasoning(request, quirks):
        body["reasoning"] = reasoning
    if request.response_schema is not None:
        body["text"] = {"format": _encode_schema(request.response_schema)}
    return body


def _short(key: str) -> str:
    """A cache key within the length that the server takes."""
    return key if len(key) <= _MAX_CACHE_KEY else blake2b(key.encode("utf-8", "replace"), digest_size=32).hexdigest()


# --- options --------------------------------------------------------------------------------------------------------


def _encode_tools(request: Request) -> list[Item]:
    """Flat, in the order of their names so that the beginning of the request stays the same."""
    tools = []
    for tool in sorted(request.tools, key=lambda tool: tool.name):
        parameters = {"type": "object", "properties": {}, **tool.parameters}
        tools.append(
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": parameters,
                "strict": is_strict(parameters),
            }
        )
    return tools


def _encode_choice(request: Request) -> str | Item:
    if any(tool.name == request.tool_choice for tool in request.tools):
        return {"type": "function", "name": request.tool_choice}
    return {"any": "required", "none": "none"}.get(request.tool_choice, "auto")


def _is_reasoning(request: Request, quirks: Quirks) -> bool:
    effort = quirks.nearest(request.effort)
    return effort != "none" if effort else quirks.reasons_unasked


def _encode_reasoning(request: Request, quirks: Quirks) -> Item:
    effort = quirks.nearest(request.effort)
    reasoning: Item = {"effort": effort} if effort else {}
    if _is_reasoning(request, quirks):
        reasoning["summary"] = "auto"
    return reasoning


def _encode_schema(schema: Mapping[str, Any]) -> Item:
    return {"type": "json_schema", "name": "answer", "schema": dict(schema), "strict": is_strict(schema)}


# --- conversation ---------------------------------------------------------------------------------------------------


def _encode_conversation(messages: Sequence[Message], profile: Profile, quirks: Quirks) -> dict[str, Any]:
    """`instructions` from the system messages at the beginning, `input` from all others."""
    begin = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    instructions = "\n\n".join(filter(None, (_join(message.parts) for message in messages[:begin])))
    items: list[Item] = []
    for message in with_call_ids(balanced(messages[begin:]), profile.tag):
        items += _encode_message(message, items, profile, quirks)
    if not items and instructions:
        return {"input": _say(quirks.system_role, [_text(instructions)])}
    return {**({"instructions": instructions} if instructions else {}), "input": items}


def _encode_message(message: Message, before: Sequence[Item], profile: Profile, quirks: Quirks) -> list[Item]:
    """The items of one message; the form of a result follows that of its call, which is among those `before`."""
    match message.role:
        case "assistant":
            return _encode_answer(message.parts, profile)
        case "system":
            words = _join(message.parts)
            return _say(quirks.system_role, [_text(words)] if words else [])
        case "tool":
            custom = {item.get("call_id") for item in before if item.get("type") == "custom_tool_call"}
            return [_encode_result(part, custom) for part in message.parts if isinstance(part, ToolResult)]
        case "user":
            return _say("user", [content for part in message.parts for content in _encode_content(part)])


def _say(role: str, content: list[Item]) -> list[Item]:
    return [{"type": "message", "role": role, "content": content}] if content else []


def _text(words: str) -> Item:
    return {"type": "input_text", "text": words}


def _join(parts: Sequence[Part]) -> str:
    return "\n\n".join(filter(None, map(words_of, parts)))


def _encode_content(part: Part) -> list[Item]:
    if isinstance(part, Image):
        return [_encode_image(part)]
    words = words_of(part)
    return [_text(words)] if words else []


def _encode_image(image: Image) -> Item:
    """A picture in a form that the vendor reads, or words that say that it was left out."""
    if image.media_type not in _PICTURES:
        return _text(f"[a picture of type {image.media_type} was left out: it cannot be shown here]")
    return {"type": "input_image", "detail": "auto", "image_url": f"data:{image.media_type};base64,{image.data}"}


# --- answers --------------------------------------------------------------------------------------------------------


def _encode_answer(parts: Sequence[Part], profile: Profile) -> list[Item]:
    """What the model said, word for word where it is kept so; reasoning that nothing came of is left out."""
    said: list[Item] = []
    for part in native(parts, profile.tag):
        match part:
            case Opaque(data=data):
                said += _read_items(data)
            case Text(text) | Refusal(text) if text:
                _add_words(said, text)
            case ToolCall(id, name, arguments):
                call = {"type": "function_call", "call_id": id, "name": name, "arguments": _to_json(arguments)}
                said.append(call)
    while said and said[-1].get("type") == "reasoning":
        said.pop()
    return said


def _read_items(data: Mapping[str, Any]) -> list[Item]:
    """The items in a kept block: one, or several in their order."""
    output = data.get("output")
    if "type" not in data and isinstance(output, list | tuple):
        return [dict(item) for item in output if isinstance(item, Mapping)]
    return [dict(data)]


def _add_words(said: list[Item], text: str) -> None:
    """A message of the assistant, joined to the one before it if that is ours too."""
    last = said[-1] if said else {}
    if last.get("role") == "assistant" and isinstance(last.get("content"), str):
        last["content"] += text
    else:
        said.append({"type": "message", "role": "assistant", "content": text})


def _to_json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def _encode_result(result: ToolResult, custom: Set[Any]) -> Item:
    """A result; the protocol has no mark for failures, so the word stands in front."""
    kind = "custom_tool_call_output" if result.call_id in custom else "function_call_output"
    text = f"error: {result.text}" if result.is_error else result.text
    if not result.images:
        return {"type": kind, "call_id": result.call_id, "output": text}
    content = [_text(text)] if text else []
    return {"type": kind, "call_id": result.call_id, "output": [*content, *map(_encode_image, result.images)]}
