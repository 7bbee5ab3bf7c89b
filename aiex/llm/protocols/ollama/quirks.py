"""How the models behind Ollama differ: windows, thinking, pictures; and how large a window a request asks for.

The server loads a model for one size of window and loads it again for another, which takes seconds. So sizes go in
steps, and what one `Growth` has asked for never shrinks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aiex.llm.wire import ModelCard, Profile

Thinking = Literal["unknown", "switch", "levels", "never"]
"""unknown: may or may not; switch: on or off; levels: low, medium or high, and never off; never: refuses to."""

LEAST_WINDOW = 8_192
"""Twice what the server takes by itself below 24 GiB of graphics memory, because an agent's request begins near 4k.
Source: ollama/ollama docs/context-length.mdx, November 2026."""


@dataclass(slots=True)
class Growth:
    """The largest window that was asked for so far, in tokens."""

    tokens: int = 0

    def reach(self, tokens: int) -> int:
        """The window to ask for when this many are wanted."""
        self.tokens = max(self.tokens, tokens)
        return self.tokens


@dataclass(frozen=True, slots=True)
class Quirks:
    """What is known about a model; the defaults suit an unknown one."""

    window_tokens: int | None = None
    """No window is larger; unknown is None, and then the server takes the model's own where more is asked for."""
    thinking: Thinking = "unknown"
    images: bool = True
    """False: the model cannot see, and pictures are named in words instead."""
    growth: Growth | None = field(default=None, compare=False)
    """Shared by the requests of one target, so that the model is not loaded again; None: each for itself."""


_WINDOWS = (
    (r"llama3\.[123]|gemma3(?!:1b)|gpt-oss|phi3|deepseek-r1|mistral-nemo|mistral-small3", 131_072),
    (r"qwen3-coder|gemma4", 262_144),
    (r"qwen3(?![.\w-])", 40_960),
    (r"qwen2\.5|mistral(?![\w-])|mixtral|gemma3:1b", 32_768),
    (r"phi4|codellama", 16_384),
    (r"llama3(?![.\w-])|gemma2", 8_192),
)
"""Windows in tokens by the beginning of the model's name. Source: the pages of ollama.com/library, November 2026. What
`/api/show` says goes before."""

_THINKING: tuple[tuple[str, Thinking], ...] = (
    (r"gpt-oss", "levels"),
    (r"deepseek-(?:r1|v3\.[1-9])|qwen3(?!-coder|-vl:\w+-instruct)|magistral|kimi-k2-thinking|glm-4\.[5-9]|minimax-m2"
     r"|cogito|gemma4", "switch"),
    (r"llama[23]|codellama|gemma[23]|mistral(?![\w-])|mixtral|phi3|phi4(?![\w-])|qwen2|command-r|starcoder"
     r"|qwen3-coder", "never"),
)  # fmt: skip
"""Thinking by the beginning of the model's name. Source: the tag "thinking" of ollama.com/library, November 2026."""


def find_quirks(model: str) -> Quirks:
    """What the name of a model tells, with room to grow in."""
    name = model.rpartition("/")[2].lower()
    window = next((tokens for pattern, tokens in _WINDOWS if re.match(pattern, name)), None)
    thinking: Thinking = next((how for pattern, how in _THINKING if re.match(pattern, name)), "unknown")
    return Quirks(window, thinking, growth=Growth())


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile, or those of an unknown model when it has none."""
    return profile.quirks if isinstance(profile.quirks, Quirks) else Quirks()


def learn(profile: Profile, card: ModelCard) -> Profile:
    """The profile with what the server itself says about the model."""
    quirks = quirks_of(profile)
    if card.context_tokens:
        quirks = replace(quirks, window_tokens=card.context_tokens)
    if card.capabilities:
        quirks = replace(quirks, images="images" in card.capabilities)
        if "reasoning" not in card.capabilities:
            quirks = replace(quirks, thinking="never")
        elif quirks.thinking != "levels":
            quirks = replace(quirks, thinking="switch")
    return replace(profile, quirks=quirks)


def find_window(needed_tokens: int, quirks: Quirks) -> int:
    """The window to ask for: the next step that holds what is needed, within the model's own, never smaller again."""
    step = LEAST_WINDOW
    while step < needed_tokens:
        step *= 2
    if quirks.growth is not None:
        step = quirks.growth.reach(step)
    return step if quirks.window_tokens is None else min(step, quirks.window_tokens)
