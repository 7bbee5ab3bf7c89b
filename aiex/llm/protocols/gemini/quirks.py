"""How the families of Google's models depart from each other."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from aiex.llm.wire import Profile
from aiex.messages import Effort

MINIMAL, LOW, MEDIUM, HIGH, XHIGH = "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a family can do; the defaults are those of the newest, which an unknown name is taken for."""

    thinking: Literal["", "budget", "level"] = "level"
    """How the amount of thinking is said; empty: the family does not think and refuses to be asked about it."""
    levels: tuple[str, ...] = (MINIMAL, LOW, MEDIUM, HIGH, XHIGH)
    """Levels that exist, least first."""
    least_budget: int = 0
    """The smallest budget of tokens; 0 where thinking can be turned off."""
    most_budget: int = 24_576
    signs_calls: bool = True
    """True: a call in the history without a signature is refused."""
    images_in_results: bool = True
    """False: a picture stands beside the result of a tool, not in it."""
    schema_beside_tools: bool = True
    """False: a schema for the answer is refused where tools are offered."""

    def thinking_config(self, effort: Effort) -> dict[str, Any]:
        """The value of `thinkingConfig`; empty when there is nothing to say."""
        if self.thinking == "level":
            return self._to_level(effort)
        return self._to_budget(effort) if self.thinking == "budget" else {}

    def _to_level(self, effort: Effort) -> dict[str, Any]:
        shown = {"includeThoughts": effort != "none"}
        if not effort:
            return shown
        wish = _LEVELS[effort]
        order = (MINIMAL, LOW, MEDIUM, HIGH, XHIGH)
        above = [level for level in self.levels if order.index(level) >= order.index(wish)]
        return {**shown, "thinkingLevel": above[0] if above else self.levels[-1]}

    def _to_budget(self, effort: Effort) -> dict[str, Any]:
        if not effort:
            return {"includeThoughts": True}
        budget = min(max(_BUDGETS[effort], self.least_budget), self.most_budget)
        return {"includeThoughts": effort != "none", "thinkingBudget": budget}


_LEVELS: dict[Effort, str] = {
    "none": MINIMAL, "minimal": MINIMAL, "low": LOW, "medium": MEDIUM, "high": HIGH, "xhigh": XHIGH, "max": XHIGH,
}  # fmt: skip
_BUDGETS: dict[Effort, int] = {
    "none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 32_768, "max": 32_768,
}  # fmt: skip
"""Tokens for an effort. Source: ai.google.dev/gemini-api/docs/openai, "Thinking", November 2026."""

_OLD = Quirks("", (), signs_calls=False, images_in_results=False, schema_beside_tools=False)
_FAMILIES: tuple[tuple[str, Quirks], ...] = (
    (r"gemma|learnlm|aqa|imagen|veo|text-|embedding|gemini-embedding", _OLD),
    (r"gemini-(?:1|2\.0|pro-vision|pro$)", _OLD),
    (r"gemini-2\.5-[a-z-]*(?:image|tts|audio|live|computer)", _OLD),
    (
        r"gemini-2\.5-pro",
        Quirks(
            "budget",
            (),
            least_budget=128,
            most_budget=32_768,
            signs_calls=False,
            images_in_results=False,
            schema_beside_tools=False,
        ),
    ),
    (r"gemini-2", Quirks("budget", (), signs_calls=False, images_in_results=False, schema_beside_tools=False)),
    (r"gemini-3(?:\.0)?-pro", Quirks(levels=(LOW, HIGH))),
    (r"gemini-3(?:\.[0-7])?-[a-z-]*pro", Quirks(levels=(LOW, MEDIUM, HIGH))),
    (r"gemini-(?:3(?:\.[0-7])?-|flash|pro)", Quirks(levels=(MINIMAL, LOW, MEDIUM, HIGH))),
)
"""Families by how a name begins, the first that fits. Source: ai.google.dev/gemini-api/docs/thinking, November 2026."""


def find_quirks(model: str) -> Quirks:
    """What this model can do; an unknown name is taken for one of the newest family."""
    name = bare_name(model).lower()
    return next((quirks for start, quirks in _FAMILIES if re.match(start, name)), Quirks())


def bare_name(model: str) -> str:
    """A model's name without the collection before it."""
    return model.removeprefix("models/")


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile, or those of the model's family when it has none."""
    return profile.quirks if isinstance(profile.quirks, Quirks) else find_quirks(profile.model)
