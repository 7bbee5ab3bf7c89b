"""A request as the body of `/api/chat`.

Source: ollama/ollama docs/api.md and api/types.go, and the types of its Python SDK 0.6.3, November 2026.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiex import tokens
from aiex.llm.history import native, with_call_ids, words_of
from aiex.llm.protocols.ollama.quirks import find_window, quirks_of
from aiex.messages import Image, Reasoning, Refusal, Text, ToolCall, ToolResult
from aiex.pairing import balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.llm.protocols.ollama.quirks import Quirks
    from aiex.llm.wire import Profile
    from aiex.messages import Effort, Part, Request

ANSWER_TOKENS = 4_096
"""Room for an answer whose length nobody bounds."""
IMAGE_TOKENS = 1_024
"""A picture; the server itself reckons with 768 (server/prompt.go)."""
MESSAGE_TOKENS = 8
"""What a template writes around a message."""


def encode(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of a streaming request; `profile.model` is asked, whatever the request calls it.

    `truncate` and `shift` are off: by default the server forgets the oldest words of a request, and of the
    conversation while it answers, without a word about it. Off, it refuses what does not fit, and ends with "length".
    """
    quirks = quirks_of(profile)
    messages = _encode_messages(request, profile)
    tools = _encode_tools(request)
    body: dict[str, Any] = {"model": profile.model, "messages": messages, "stream": True}
    if tools:
        body["tools"] = tools
    if request.response_schema is not None:
        body["format"] = request.response_schema
    think = _encode_effort(request.effort, quirks)
    if think is not None:
        body["think"] = think
    return {**body, "truncate": False, "shift": False, "options": _encode_options(request, body, quirks)}


def _encode_options(request: Request, body: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    options: dict[str, Any] = {"num_ctx": find_window(_estimate(body) + _room(request), quirks)}
    if request.max_output_tokens is not None:
        options["num_predict"] = request.max_output_tokens
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.stop_sequences:
        options["stop"] = list(request.stop_sequences)
    return options


def _room(request: Request) -> int:
    return ANSWER_TOKENS if request.max_output_tokens is None else request.max_output_tokens


def _estimate(body: dict[str, Any]) -> int:
    """Tokens of a body, a little too many rather than too few."""
    total = 0
    for message in body["messages"]:
        calls = json.dumps(message["tool_calls"], ensure_ascii=False) if "tool_calls" in message else ""
        words = message["content"] + message.get("thinking", "") + calls
        total += tokens.estimate(words).tokens + MESSAGE_TOKENS + IMAGE_TOKENS * len(message.get("images", ()))
    for name in ("tools", "format"):
        if name in body:
            total += tokens.estimate(json.dumps(body[name], ensure_ascii=False)).tokens
    return total


def _encode_tools(request: Request) -> list[dict[str, Any]]:
    """The tools by name, so that the beginning of every request is the same; none where none may be called."""
    if request.tool_choice == "none":
        return []
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in sorted(request.tools, key=lambda tool: tool.name)
    ]


def _encode_effort(effort: Effort, quirks: Quirks) -> bool | str | None:
    """The field `think`; None leaves it out, which lets a model that can think do so."""
    if not effort:
        return None
    if quirks.thinking == "levels":
        return _LEVELS[effort]
    if effort == "none":
        return False
    return None if quirks.thinking == "never" else True


_LEVELS = {"none": "low", "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high",
           "max": "high"}  # fmt: skip
"""What gpt-oss has. It cannot stop thinking, and it would ignore a switch."""

# --- messages -------------------------------------------------------------------------------------------------------


def _encode_messages(request: Request, profile: Profile) -> list[dict[str, Any]]:
    """The conversation: after each message with calls their results, each its own message that names its tool."""
    quirks, names = quirks_of(profile), dict[str, str]()
    messages: list[dict[str, Any]] = []
    for message in with_call_ids(balanced(request.messages), profile.tag):
        match message.role:
            case "assistant":
                parts = native(message.parts, profile.tag)
                names |= {part.id: part.name for part in parts if isinstance(part, ToolCall)}
                messages += _encode_answer(parts)
            case "tool":
                results = (part for part in message.parts if isinstance(part, ToolResult))
                messages += [_encode_result(result, names.get(result.call_id, ""), quirks) for result in results]
            case "system" | "user":
                messages += _encode_words(message.role, message.parts, quirks)
    return _with_orders(messages, _orders(request))


def _orders(request: Request) -> list[str]:
    """In words what the protocol has no field for."""
    if not request.tools or request.tool_choice == "none":
        return []
    orders = []
    if request.tool_choice == "any":
        orders.append("Answer by calling one of the tools, not with words.")
    elif request.tool_choice != "auto":
        orders.append(f"Answer by calling the tool {request.tool_choice}, not with words.")
    if not request.parallel_tool_calls:
        orders.append("Call at most one tool at a time.")
    return orders


def _with_orders(messages: list[dict[str, Any]], orders: list[str]) -> list[dict[str, Any]]:
    """Orders at the end of the first words of the system; many templates read no others."""
    if not orders:
        return messages
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": "\n\n".join([messages[0]["content"], *orders])}
        return [first, *messages[1:]]
    return [{"role": "system", "content": "\n\n".join(orders)}, *messages]


def _encode_words(role: str, parts: Sequence[Part], quirks: Quirks) -> list[dict[str, Any]]:
    pictures = [part for part in parts if isinstance(part, Image)]
    text = "\n\n".join(filter(None, [*map(words_of, parts), *_names_of(pictures, quirks)]))
    message = {"role": role, "content": text, **_encode_images(pictures, quirks)}
    return [message] if text or "images" in message else []


def _encode_images(pictures: Sequence[Image], quirks: Quirks) -> dict[str, Any]:
    return {"images": [picture.data for picture in pictures]} if pictures and quirks.images else {}


def _names_of(pictures: Iterable[Image], quirks: Quirks) -> list[str]:
    """Words for pictures that the model cannot see."""
    return [] if quirks.images else [f"[a picture, {picture.media_type}, left out]" for picture in pictures]


def _encode_answer(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Words, calls, and what was thought before the calls, which the model wants back."""
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if not text and not calls:
        return []
    answer: dict[str, Any] = {"role": "assistant", "content": text}
    thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
    if calls and thought:
        answer["thinking"] = thought
    if calls:
        answer["tool_calls"] = [
            {"id": call.id, "function": {"index": index, "name": call.name, "arguments": dict(call.arguments)}}
            for index, call in enumerate(calls)
        ]
    return [answer]


def _encode_result(result: ToolResult, name: str, quirks: Quirks) -> dict[str, Any]:
    """A result's words and pictures; the protocol has no mark for failures, so the word stands in front."""
    text = f"error: {result.text}" if result.is_error else result.text
    content = "\n\n".join(filter(None, [text, *_names_of(result.images, quirks)]))
    message = {"role": "tool", "tool_name": name, "tool_call_id": result.call_id, "content": content}
    return {**message, **_encode_images(result.images, quirks)}
