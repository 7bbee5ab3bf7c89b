"""Requests as bodies of Chat Completions; pure.

What the protocol cannot say is said otherwise: pictures of tools come as a message of the user behind all results, a
failed result begins with the word error, a schema that the server does not know is told in words.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from hashlib import blake2b
from operator import is_
from typing import Any, Final, NamedTuple

from aiex.llm import history
from aiex.llm.protocols.openai_chat.details import join_details, read_details
from aiex.llm.protocols.openai_chat.quirks import Quirks, nearest_effort, quirks_of
from aiex.llm.wire import Lasting, Profile
from aiex.memo import Memo
from aiex.messages import (
    CachePoint,
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
from aiex.pairing import balanced, settled
from aiex.patterns import late

MAX_STOPS = 4
"""Stop sequences that a request may have. Source: the API reference of OpenAI, November 2026."""
MAX_CACHE_PARTS = 4
"""Marks that Anthropic's models take; the last ones count, for they cover most."""

_Body = dict[str, Any]


def encode(request: Request, profile: Profile) -> _Body:
    """The body of a streaming request; `profile.model` is asked, whatever the request calls it."""
    quirks = quirks_of(profile)
    body: _Body = {
        "model": profile.model,
        "messages": encode_messages(request, profile, quirks),
        "stream": True,
        **_encode_tools(request, quirks),
        **_encode_effort(request, quirks),
    }
    if quirks.stream_usage:
        body["stream_options"] = {"include_usage": True}
    if request.max_output_tokens is not None:
        body[quirks.max_tokens_field] = request.max_output_tokens
    if request.temperature is not None and quirks.temperature:
        body["temperature"] = request.temperature
    if request.stop_sequences and quirks.stop:
        body["stop"] = list(request.stop_sequences[:MAX_STOPS])
    if request.response_schema is not None:
        body["response_format"] = _encode_schema(request.response_schema, quirks)
    if request.cache_key and quirks.cache_key:
        body["prompt_cache_key"] = request.cache_key
    return body


# --- settings -------------------------------------------------------------------------------------------------------


def _encode_tools(request: Request, quirks: Quirks) -> _Body:
    """Tools in the order of their names, so that the beginning of requests stays the same, and how to choose."""
    tools, choice = _TOOLS.get(request.tools, (), partial(_encode_each, request.tools)), request.tool_choice
    named = choice not in ("auto", "any", "none")
    if (named and not quirks.named_tool) or (not quirks.tool_choice and choice not in ("auto", "any")):
        tools = [tool for tool in tools if named and tool["function"]["name"] == choice]
    if not tools:
        return {}
    body: _Body = {"tools": list(tools)}
    if choice != "auto" and quirks.tool_choice and _may_choose(request, quirks):
        one = {"type": "function", "function": {"name": choice}} if quirks.named_tool else "required"
        body["tool_choice"] = {"any": "required", "none": "none"}.get(choice, one)
    if not request.parallel_tool_calls and quirks.parallel_field:
        body["parallel_tool_calls"] = False
    return body


def _may_choose(request: Request, quirks: Quirks) -> bool:
    return request.tool_choice == "none" or quirks.forced_tools == "always" or request.effort == "none"


def _encode_each(tools: Sequence[ToolDefinition]) -> list[Lasting]:
    return [
        Lasting(
            type="function",
            function={"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        )
        for tool in sorted(tools, key=lambda tool: tool.name)
    ]


_TOOLS: Final[Memo[list[Lasting]]] = Memo(most=16)


def _encode_effort(request: Request, quirks: Quirks) -> _Body:
    level = nearest_effort(request.effort, quirks.efforts)
    match quirks.effort_form:
        case "reasoning_effort" if level:
            return {"reasoning_effort": level}
        case "reasoning" if level:
            return {"reasoning": {"effort": level}}
        case "thinking" if level == "none":
            return {"thinking": {"type": "disabled"}}
        case "thinking" if level:
            return {"thinking": {"type": "enabled"}, "reasoning_effort": level}
    return {}


def _encode_schema(schema: Mapping[str, Any], quirks: Quirks) -> _Body:
    if not quirks.json_schema:
        return {"type": "json_object"}
    title = schema.get("title")
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", title).strip("_")[:64] if isinstance(title, str) else ""
    described = {"name": name or "answer", "schema": schema, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": described}


def is_strict(schema: Any) -> bool:
    """Whether a schema may be enforced strictly: every object in it is closed and needs all its properties.

    Source: the guide to structured outputs of OpenAI, November 2026.
    """
    if isinstance(schema, list | tuple):
        return all(is_strict(inner) for inner in schema)
    if not isinstance(schema, Mapping):
        return True
    if any(word in schema for word in _NOT_STRICT):
        return False
    properties = schema.get("properties")
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list | tuple) and "object" in kind) or properties is not None:
        names = set(properties) if isinstance(properties, Mapping) else set()
        required = schema.get("required", ())
        if schema.get("additionalProperties") is not False or not isinstance(required, list | tuple):
            return False
        if set(map(str, required)) != names:
            return False
    plain = {word: inner for word, inner in schema.items() if word not in ("properties", "$defs", "definitions")}
    named = [schema[word] for word in ("properties", "$defs", "definitions") if isinstance(schema.get(word), Mapping)]
    return is_strict([inner for word, inner in plain.items() if word not in _DATA]) and all(
        is_strict(list(inner.values())) for inner in named
    )


_NOT_STRICT = ("allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas", "patternProperties")
_DATA = ("enum", "const", "default", "examples", "required")


# --- messages -------------------------------------------------------------------------------------------------------


def encode_messages(request: Request, profile: Profile, quirks: Quirks) -> list[_Body]:
    """The conversation as the server accepts it: calls and results paired, ids that fit, nothing empty."""
    encoded = _encode_conversation(request.messages, profile, quirks)
    if request.response_schema is not None and not quirks.json_schema:
        _tell_schema(request.response_schema, encoded, quirks)
    if quirks.alternating:
        encoded = list(_joined(encoded))
    if not quirks.user_after_tool:
        encoded = list(_with_words_between(encoded))
    if quirks.prefix_mark and encoded and encoded[-1]["role"] == "assistant" and "tool_calls" not in encoded[-1]:
        encoded[-1] = {**encoded[-1], "prefix": True}
    return _with_few_marks(encoded) if quirks.cache_parts else encoded


class _Grown(NamedTuple):
    """The last conversation that was encoded, which mostly goes on in the next request."""

    profile: Profile
    messages: tuple[Message, ...]
    ids: Set[str]
    encoded: Sequence[Lasting]


_GROWN: list[_Grown | None] = [None]


def _encode_conversation(messages: tuple[Message, ...], profile: Profile, quirks: Quirks) -> list[_Body]:
    """All messages; those that were encoded last time are taken from there, and are not to be changed."""
    last = _GROWN[0]
    if last is None or not _goes_on(last, messages, profile):
        last = _Grown(profile, (), frozenset(), ())
    rest = settled(messages[len(last.messages) :])
    if rest is None or quirks.cache_parts:  # results that come late; marks are taken out again from within
        return _encode_messages(_with_ids(balanced(messages), profile, quirks, set()), profile, quirks)
    ids = set(last.ids)
    encoded = [*last.encoded, *map(Lasting, _encode_messages(_with_ids(rest, profile, quirks, ids), profile, quirks))]
    _GROWN[0] = _Grown(profile, messages, ids, encoded)
    return list(encoded)


def _goes_on(last: _Grown, messages: tuple[Message, ...], profile: Profile) -> bool:
    """Whether the very messages of the last conversation stand at the beginning of this one."""
    return last.profile is profile and len(last.messages) <= len(messages) and all(map(is_, last.messages, messages))


def _encode_messages(messages: Sequence[Message], profile: Profile, quirks: Quirks) -> list[_Body]:
    return [one for message in messages for one in _encode_message(message, profile, quirks)]


def _with_ids(messages: Sequence[Message], profile: Profile, quirks: Quirks, taken: set[str]) -> Sequence[Message]:
    if quirks.short_ids:
        return history.with_call_ids(messages, profile.tag, fits=_SHORT, make=_to_short_id, taken=taken)
    return history.with_call_ids(messages, profile.tag, taken=taken)


_SHORT = late(r"[A-Za-z0-9]{9}")


def _to_short_id(seed: str) -> str:
    return blake2b(seed.encode("utf-8", "replace"), digest_size=8).hexdigest()[:9]


def _encode_message(message: Message, profile: Profile, quirks: Quirks) -> list[_Body]:
    match message.role:
        case "assistant":
            return _encode_answer(history.native(message.parts, profile.tag), quirks)
        case "tool":
            return _encode_results(message.parts, quirks)
        case "system":
            return _encode_words(quirks.system_role, message.parts, quirks)
        case "user":
            return _encode_words("user", message.parts, quirks)


def _encode_results(parts: Sequence[Part], quirks: Quirks) -> list[_Body]:
    """Each result its own message; their pictures, which the role cannot carry, as one of the user behind them."""
    encoded: list[_Body] = []
    pictures: list[Part] = []
    for part in parts:
        if isinstance(part, ToolResult):
            text = f"error: {part.text}" if part.is_error else part.text
            encoded.append({"role": "tool", "tool_call_id": part.call_id, "content": text})
            if part.images:
                pictures += [Text(f"Pictures in the result of call {part.call_id}:"), *part.images]
        elif isinstance(part, CachePoint) and quirks.cache_parts and encoded:
            last = encoded[-1]
            if isinstance(last["content"], str) and last["content"]:
                last["content"] = [_marked({"type": "text", "text": last["content"]})]
    return encoded + _encode_words("user", pictures, quirks)


def _encode_words(role: str, parts: Sequence[Part], quirks: Quirks) -> list[_Body]:
    """Plain text where possible, because many servers take nothing else; parts around pictures and cache marks."""
    content = list(_encode_parts(parts, pictures=role == "user", quirks=quirks))
    if not content:
        return []
    if all(part["type"] == "text" and "cache_control" not in part for part in content):
        return [{"role": role, "content": "\n\n".join(part["text"] for part in content)}]
    return [{"role": role, "content": content}]


def _encode_parts(parts: Sequence[Part], *, pictures: bool, quirks: Quirks) -> Iterator[_Body]:
    held: _Body | None = None
    for part in parts:
        if isinstance(part, CachePoint) and quirks.cache_parts and held is not None:
            held = _marked(held)
        shape = _encode_part(part, pictures=pictures, quirks=quirks)
        if shape is not None:
            if held is not None:
                yield held
            held = shape
    if held is not None:
        yield held


def _encode_part(part: Part, *, pictures: bool, quirks: Quirks) -> _Body | None:
    if isinstance(part, Image):
        if not pictures or not quirks.images:
            return {"type": "text", "text": f"[A picture ({part.media_type}) that this model cannot see]"}
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
    text = history.words_of(part)
    return {"type": "text", "text": text} if text else None


def _encode_answer(parts: Sequence[Part], quirks: Quirks) -> list[_Body]:
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": _encode_arguments(part)}}
        for part in parts
        if isinstance(part, ToolCall)
    ]
    if not text and not calls:
        return []
    message: _Body = {"role": "assistant", "content": text or None}
    message |= _encode_thought(parts, quirks, has_calls=bool(calls))
    if calls:
        message["tool_calls"] = calls
    elif quirks.cache_parts and text and isinstance(parts[-1], CachePoint):
        message["content"] = [_marked({"type": "text", "text": text})]
    return [message]


def _encode_thought(parts: Sequence[Part], quirks: Quirks, *, has_calls: bool) -> _Body:
    """The server's own thinking as it gave it; never an empty field, which would break the cache of the beginning."""
    blocks = [part.data for part in parts if isinstance(part, Opaque)]
    details = join_details(read_details(data.get("reasoning_details")) for data in blocks)
    fields: _Body = {"reasoning_details": details} if details else {}
    name = quirks.reasoning_field
    if has_calls and name:
        own = "".join(str(data.get(name) or "") for data in blocks)
        thought = own or "".join(part.text for part in parts if isinstance(part, Reasoning))
        if not thought and quirks.reasoning_required:
            thought = "(not recorded)"
        if thought:
            fields[name] = thought
    return fields


def _encode_arguments(call: ToolCall) -> str:
    return _ENCODE(call.arguments)


_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


# --- departures -----------------------------------------------------------------------------------------------------


def _tell_schema(schema: Mapping[str, Any], encoded: list[_Body], quirks: Quirks) -> None:
    """Put the schema into the words of the system, where the server only knows "some JSON object"."""
    words = f"Answer with one JSON object and nothing else. It fits this JSON schema:\n{_to_line(schema)}"
    if encoded and encoded[0]["role"] == quirks.system_role and isinstance(encoded[0]["content"], str):
        encoded[0] = {**encoded[0], "content": f"{encoded[0]['content']}\n\n{words}"}
    else:
        encoded.insert(0, {"role": quirks.system_role, "content": words})


def _to_line(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _joined(encoded: Sequence[_Body]) -> Iterator[_Body]:
    """Neighbours of the user, and of the assistant up to its calls, as one message."""
    held: _Body | None = None
    for message in encoded:
        if held is not None and held["role"] == message["role"] != "tool" and "tool_calls" not in held:
            held = {**held, **message, "content": _join_content(held["content"], message["content"])}
            continue
        if held is not None:
            yield held
        held = message
    if held is not None:
        yield held


def _join_content(first: Any, second: Any) -> Any:
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    lists = ([{"type": "text", "text": some}] if isinstance(some, str) else some for some in (first, second))
    return [part for some in lists for part in some]


def _with_words_between(encoded: Sequence[_Body]) -> Iterator[_Body]:
    before = ""
    for message in encoded:
        if before == "tool" and message["role"] == "user":
            yield {"role": "assistant", "content": "Done."}
        before = message["role"]
        yield message


def _marked(part: _Body) -> _Body:
    return {**part, "cache_control": {"type": "ephemeral"}}


def _with_few_marks(encoded: list[_Body]) -> list[_Body]:
    """The same with at most as many cache marks as the vendor takes: the last ones."""
    parts = [part for message in encoded if isinstance(message["content"], list) for part in message["content"]]
    marked = [part for part in parts if "cache_control" in part]
    for part in marked[:-MAX_CACHE_PARTS]:
        del part["cache_control"]
    return encoded
