"""The body of a request."""

import json
from collections.abc import Mapping
from typing import Any, Final

from aiex.llm.protocols.anthropic.caching import place_points
from aiex.llm.protocols.anthropic.conversation import Block, Encoded, to_tool_name
from aiex.llm.protocols.anthropic.quirks import OLD_VERSION, Quirks, quirks_of
from aiex.llm.protocols.anthropic.schema import to_vendor_schema
from aiex.llm.protocols.anthropic.thinking import began_with_thinking, choose_effort, choose_thinking
from aiex.llm.wire import Profile
from aiex.messages import Request

_UNCOUNTED: Final = ("max_tokens", "temperature", "stop_sequences", "stream")
"""What a question for the number of tokens has no place for. Source: `MessageCountTokensParams` of the SDK."""


def encode_request(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of a streaming request; `profile.model` is asked, whatever the request calls it."""
    quirks = quirks_of(profile)
    encoded = Encoded(request, profile)
    max_tokens = _choose_max_tokens(request, quirks)
    body: dict[str, Any] = {"model": profile.model, "max_tokens": max_tokens, "messages": encoded.messages}
    if request.response_schema is not None and not quirks.json_schema:
        encoded.system.append(_describe_schema(request.response_schema))
    if encoded.system:
        body["system"] = encoded.system
    _add_tools(body, request, quirks)
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    may_budget = not forced and began_with_thinking(encoded.messages)
    if thinking := choose_thinking(request.effort, quirks, max_tokens, may_budget=may_budget):
        body["thinking"] = thinking
    if config := _choose_output(request, quirks):
        body["output_config"] = config
    if stops := [stop for stop in request.stop_sequences if stop.strip()]:
        body["stop_sequences"] = stops
    if request.temperature is not None and _takes_temperature(quirks) and "thinking" not in body:
        body["temperature"] = min(max(request.temperature, 0.0), 1.0)
    place_points(body, encoded.wished)
    return {**body, "stream": True}


def encode_count(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of the question how many tokens a request has."""
    body = encode_request(request, profile)
    return {key: value for key, value in body.items() if key not in _UNCOUNTED}


def _choose_max_tokens(request: Request, quirks: Quirks) -> int:
    wish = request.max_output_tokens if request.max_output_tokens is not None else quirks.default_max_tokens
    return min(wish, quirks.most_tokens or wish)


def _takes_temperature(quirks: Quirks) -> bool:
    return quirks.temperature and quirks.version == OLD_VERSION


def _choose_output(request: Request, quirks: Quirks) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if effort := choose_effort(request.effort, quirks):
        config["effort"] = effort
    if request.response_schema is not None and quirks.json_schema:
        config["format"] = {"type": "json_schema", "schema": to_vendor_schema(request.response_schema)}
    return config


def _describe_schema(schema: Mapping[str, Any]) -> Block:
    """The schema in words, for models that cannot be held to one."""
    told = json.dumps(schema, ensure_ascii=False, sort_keys=True)
    return {
        "type": "text",
        "text": f"Answer with one JSON object, without a code fence, that fits this schema:\n{told}",
    }


# --- tools ----------------------------------------------------------------------------------------------------------


def _add_tools(body: dict[str, Any], request: Request, quirks: Quirks) -> None:
    """Put tools and the choice among them into a body; the order of the tools is always the same."""
    tools = [
        {"name": to_tool_name(tool.name), "description": tool.description, "input_schema": _to_object(tool.parameters)}
        for tool in sorted(request.tools, key=lambda tool: tool.name)
    ]
    if tools:
        body["tools"] = tools
        choice = _choose_tool(request, quirks, {tool["name"] for tool in tools})
        if choice != {"type": "auto"}:
            body["tool_choice"] = choice
    elif names := _called_names(body["messages"]):
        # calls in the history need tools, though none may be called now
        body["tools"] = [{"name": name, "input_schema": {"type": "object"}} for name in names]
        body["tool_choice"] = {"type": "none"}


def _to_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    return dict(schema) if schema.get("type") == "object" else {**schema, "type": "object"}


def _choose_tool(request: Request, quirks: Quirks, names: set[Any]) -> dict[str, Any]:
    """The choice; where a call cannot be demanded the model is free to make one."""
    wish = request.tool_choice
    if wish == "none":
        return {"type": "none"}
    choice: dict[str, Any] = {"type": "auto"}
    if wish == "any" and quirks.forced_tools:
        choice = {"type": "any"}
    elif wish != "auto" and to_tool_name(wish) in names and quirks.forced_tools:
        choice = {"type": "tool", "name": to_tool_name(wish)}
    return choice if request.parallel_tool_calls else {**choice, "disable_parallel_tool_use": True}


def _called_names(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(
        {block["name"] for message in messages for block in message["content"] if block["type"] == "tool_use"}
    )
