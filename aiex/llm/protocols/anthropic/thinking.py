"""How much a model thinks, in the words that it takes: `thinking`, `output_config.effort`, and what they exclude."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiex.llm.protocols.anthropic.quirks import Quirks
from aiex.messages import Effort

_ADAPTIVE: Final = {"type": "adaptive", "display": "summarized"}
"""Without `display` recent models think unseen, and say nothing for minutes."""
_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1_024, "low": 2_048, "medium": 10_000, "high": 16_384, "xhigh": 32_768, "max": 32_768
}  # fmt: skip
"""Tokens of thinking where it has a budget. Source: pydantic-ai 2.68, `profiles/anthropic.py`."""
LEAST_BUDGET: Final = 1_024
"""The vendor refuses less. Source: `ThinkingConfigEnabledParam` of the SDK."""
_NEAREST: Final[Mapping[str, tuple[str, ...]]] = {
    "minimal": ("low",), "low": ("low",), "medium": ("medium",), "high": ("high",),
    "xhigh": ("xhigh", "max", "high"), "max": ("max", "xhigh", "high"),
}  # fmt: skip
"""The levels that stand for a wish, best first."""


def choose_thinking(effort: Effort, quirks: Quirks, max_tokens: int, *, may_budget: bool) -> dict[str, Any]:
    """The value of `thinking`; empty where it is left out.

    `may_budget` is False where the rest of the request forbids a budget: a demanded call, or a history in which the
    last calls came without thinking.
    """
    if quirks.thinking == "none":
        return {}
    if effort == "none" and (quirks.off or quirks.thinking == "budget"):
        return {"type": quirks.off} if quirks.thinks_unasked else {}
    if quirks.thinking == "adaptive":
        return dict(_ADAPTIVE) if quirks.thinks_unasked or effort else {}
    if not effort or not may_budget or max_tokens <= LEAST_BUDGET:
        return {}
    budget = max(LEAST_BUDGET, min(_BUDGETS[effort], max_tokens * 3 // 4))
    return {"type": "enabled", "budget_tokens": budget}


def choose_effort(effort: Effort, quirks: Quirks) -> str:
    """The level nearest to the wish; empty where it is left out, as it is while thinking is off."""
    if effort == "none":
        effort = "" if quirks.off or not quirks.thinks_unasked else "low"
    return next((level for level in _NEAREST.get(effort, ()) if level in quirks.efforts), "")


def began_with_thinking(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last calls of a history came after thinking, as a budget demands; True where there are none."""
    answers = (message["content"] for message in reversed(messages) if message["role"] == "assistant")
    last: Sequence[Mapping[str, Any]] = next(answers, ())
    calls = any(block["type"] == "tool_use" for block in last)
    return not calls or last[0]["type"] in ("thinking", "redacted_thinking")
