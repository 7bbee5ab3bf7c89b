"""How the servers that speak Chat Completions depart from the rule."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from aiex.llm.wire import Profile


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a server departs from the rule; the defaults suit an unknown compatible server."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    system_role: Literal["system", "developer"] = "system"
    temperature: bool = True
    """False: the server refuses `temperature`."""
    stream_usage: bool = True
    """False: the server refuses `stream_options`."""
    json_schema: bool = True
    """False: of structured outputs the server knows only "some JSON object"."""
    reasoning_field: str = ""
    """The field in which the server wants its thinking back beside tool calls; empty: not at all."""


_BY_HOST = {
    "api.openai.com": Quirks(max_tokens_field="max_completion_tokens"),
    "api.deepseek.com": Quirks(json_schema=False, reasoning_field="reasoning_content"),
    "api.mistral.ai": Quirks(stream_usage=False),
}
"""Departures by server. Sources: the vendors' API references and the profiles of pydantic-ai 2.68, November 2026."""

_OPENAI_REASONING = re.compile(r"o\d|gpt-(?:[5-9]|\d\d)")
"""Names of OpenAI models that refuse `temperature` and call the system a developer."""


def find_quirks(host: str, model: str) -> Quirks:
    """How this server, and this model there, wants to be asked; the rule for every server not listed."""
    quirks = _BY_HOST.get(host, Quirks())
    if host == "api.openai.com" and _OPENAI_REASONING.match(model):
        return replace(quirks, temperature=False, system_role="developer")
    return quirks


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile, or the rule when it has none."""
    return profile.quirks if isinstance(profile.quirks, Quirks) else Quirks()
