"""How the servers that speak Chat Completions depart from the rule: rows of data, found by address and model.

The rule suits an unknown compatible server: it is asked for little beyond the essential. Sources of the rows: the API
references of the vendors, the type definitions of the OpenAI SDK 3.52, the profiles of pydantic-ai 2.68, the message
transforms of opencode and the issues named in `aiex.llm.calls`, November 2026.
"""

import re
from collections.abc import Mapping
from dataclasses import field, replace
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from aiex.llm.wire import Profile
from aiex.messages import Effort
from aiex.record import record

Levels = tuple[Effort, ...]
LOW_TO_HIGH: Levels = ("low", "medium", "high")
ALL_LEVELS: Levels = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@record
class Quirks:
    """Where a server departs from the rule; the defaults suit an unknown compatible server."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    system_role: Literal["system", "developer"] = "system"
    temperature: bool = True
    """False: the server refuses `temperature`."""
    stop: bool = True
    """False: the server refuses `stop`."""
    stream_usage: bool = True
    """False: the server refuses `stream_options`."""
    json_schema: bool = True
    """False: of structured outputs the server knows only "some JSON object"; the schema is told in words."""
    tool_choice: bool = True
    """False: the server does not know `tool_choice`; tools are left out instead."""
    named_tool: bool = True
    """False: `tool_choice` is a word only; to force one tool, it is the only one offered."""
    forced_tools: Literal["always", "not while thinking"] = "always"
    """When a tool may be forced."""
    parallel_field: bool = True
    """False: the server does not know `parallel_tool_calls`."""
    images: bool = True
    """False: no model there sees pictures; their place is told in words."""
    effort_form: Literal["", "reasoning_effort", "reasoning", "thinking"] = "reasoning_effort"
    """How much to think: not at all settable, `reasoning_effort`, `reasoning: {effort}` (OpenRouter), or
    `reasoning_effort` with the switch `thinking: {type}` (DeepSeek)."""
    efforts: Levels = LOW_TO_HIGH
    """The levels the server takes; another wish becomes the nearest of them, but `none` is never approached."""
    reasoning_field: str = ""
    """The field in which the server wants its thinking back beside tool calls; empty: not at all."""
    reasoning_required: bool = False
    """True: a turn with calls and without that field is refused."""
    cache_parts: bool = False
    """True: `cache_control` on a part marks what to cache."""
    cache_key: bool = False
    """True: the server routes by `prompt_cache_key`."""
    short_ids: bool = False
    """True: call ids are exactly nine letters and digits."""
    user_after_tool: bool = True
    """False: a word of the assistant has to stand between a result and the user."""
    alternating: bool = False
    """True: neighbours of one role are joined, because the templates of many open models refuse them."""
    prefix_mark: bool = False
    """True: an answer to be continued, last in the conversation, carries `prefix: true`."""
    key_header: Literal["authorization", "api-key"] = "authorization"
    """Where the key goes; a token from signing in is always a bearer token."""
    api_version: str = ""
    """The `api-version` in the query of addresses with `/deployments/`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, none of them secret."""


@record
class Row:
    """What differs where everything named matches; later rows win."""

    changes: Mapping[str, Any]
    host: str = ""
    """A regular expression for the whole host."""
    port: int | None = None
    path: str = ""
    """How the path of the base URL begins."""
    model: str = ""
    """A regular expression for the beginning of the model's name."""

    def fits(self, host: str, port: int | None, path: str, model: str) -> bool:
        """Whether the row is about this model at this server."""
        return (
            (not self.host or re.fullmatch(self.host, host) is not None)
            and self.port in (None, port)
            and path.startswith(self.path)
            and (not self.model or re.match(self.model, model, re.IGNORECASE) is not None)
        )


_AZURE = r".+\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)"
_OPENAI = rf"api\.openai\.com|{_AZURE}"
_OPENAI_REASONING = r"o\d|gpt-(?:[5-9]|\d\d)"
"""Names of OpenAI models that think; they refuse `temperature` and `stop` and call the system a developer."""
_MOONSHOT = r"api\.moonshot\.(?:ai|cn)"

ROWS: tuple[Row, ...] = (
    # OpenAI, and Azure where it differs from it; deployments have names of their own, so only likely ones are known
    Row({"max_tokens_field": "max_completion_tokens", "cache_key": True, "effort_form": ""}, _OPENAI),
    Row(
        {"temperature": False, "stop": False, "system_role": "developer", "effort_form": "reasoning_effort",
         "efforts": ALL_LEVELS},
        _OPENAI, model=_OPENAI_REASONING,
    ),
    Row({"efforts": LOW_TO_HIGH}, _OPENAI, model=r"o\d"),
    Row({"efforts": ("minimal", "low", "medium", "high")}, _OPENAI, model=r"gpt-5(?:$|-)"),
    Row({"efforts": ("none", "low", "medium", "high")}, _OPENAI, model=r"gpt-5\.1"),
    Row({"efforts": ("none", "low", "medium", "high", "xhigh")}, _OPENAI, model=r"gpt-5\.[2-5]"),
    # the last version of the dated kind that is no preview
    Row({"key_header": "api-key", "api_version": "2024-10-21", "cache_key": False}, _AZURE),
    # OpenRouter
    Row(
        {"effort_form": "reasoning", "efforts": ("none", "minimal", "low", "medium", "high", "xhigh"),
         "headers": {"x-title": "Aiex"}},
        r"openrouter\.ai",
    ),
    Row({"cache_parts": True}, r"openrouter\.ai", model=r"~?anthropic/"),
    # Groq
    Row({"max_tokens_field": "max_completion_tokens", "effort_form": ""}, r"api\.groq\.com"),
    Row({"effort_form": "reasoning_effort"}, r"api\.groq\.com", model=r"openai/gpt-oss"),
    # DeepSeek: thinks unless told otherwise, and maps the levels itself; api-docs.deepseek.com/guides/thinking_mode
    Row(
        {"json_schema": False, "parallel_field": False, "images": False, "effort_form": "thinking",
         "efforts": ALL_LEVELS, "forced_tools": "not while thinking",
         "reasoning_field": "reasoning_content", "reasoning_required": True},
        r"api\.deepseek\.com",
    ),
    # Kimi wants its thinking back within a turn of tools; platform.moonshot.ai/docs
    Row({"reasoning_field": "reasoning_content", "effort_form": ""}, _MOONSHOT),
    # Mistral
    Row(
        {"stream_usage": False, "short_ids": True, "user_after_tool": False, "prefix_mark": True, "effort_form": ""},
        r"(?:api|codestral)\.mistral\.ai",
    ),
    # Ollama beneath /v1, known by its port
    Row(
        {"tool_choice": False, "parallel_field": False, "efforts": ("none", "low", "medium", "high", "max")},
        port=11_434, path="/v1",
    ),
    Row({"tool_choice": False, "parallel_field": False}, r"ollama\.com", path="/v1"),
    # LM Studio, llama.cpp and vLLM, known by their ports; the first two take only words for `tool_choice`
    Row({"named_tool": False, "parallel_field": False, "alternating": True}, port=1234, path="/v1"),
    Row({"named_tool": False, "alternating": True}, port=8080),
    Row({"alternating": True}, port=8000, path="/v1"),
)  # fmt: skip


def find_quirks(host: str, model: str) -> Quirks:
    """How this server, and this model there, wants to be asked; the rule for every server not listed."""
    return _find(host, None, "", model)


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile; where they are the rule, what port and path of its address tell."""
    given = profile.quirks if isinstance(profile.quirks, Quirks) else _RULE
    is_rule = given is _RULE or given == _RULE
    return _by_address(profile.base_url, profile.model) if is_rule else given


_RULE = Quirks()


@lru_cache(maxsize=64)
def _by_address(base_url: str, model: str) -> Quirks:
    try:
        parts = urlsplit(base_url)
        return _find(parts.hostname or "", parts.port, parts.path, model)
    except ValueError:
        return _RULE


def _find(host: str, port: int | None, path: str, model: str) -> Quirks:
    quirks = _RULE
    for row in ROWS:
        if row.fits(host, port, path, model):
            quirks = replace(quirks, **row.changes)
    return quirks


def nearest_effort(wish: Effort, levels: Levels) -> Effort:
    """The level to ask for: the wish, else the next one below, else the lowest; empty when it cannot be approached."""
    if not wish or wish in levels:
        return wish
    if wish == "none":
        return ""
    rank = {level: number for number, level in enumerate(ALL_LEVELS)}
    thinking = sorted((level for level in levels if level != "none"), key=lambda level: rank[level])
    below = [level for level in thinking if rank[level] < rank[wish]]
    return below[-1] if below else (thinking[0] if thinking else "")
