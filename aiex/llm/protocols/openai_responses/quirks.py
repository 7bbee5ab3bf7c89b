"""How OpenAI's models, and the other servers that speak Responses, depart from the rule."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from aiex.llm.wire import Profile
from aiex.messages import Effort
from aiex.patterns import late

LADDER: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Efforts from least to most."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a server or a model departs from the rule; the defaults suit an unknown model at an unknown server."""

    efforts: tuple[Effort, ...] = ("low", "medium", "high")
    """Efforts that the model takes, from least to most; empty: it does not reason."""
    reasons_unasked: bool = False
    """It reasons even when no effort is named."""
    parallel_choice: bool = True
    """False: the model refuses `parallel_tool_calls`."""
    system_role: Literal["system", "developer"] = "system"
    """The role of instructions in the middle of a conversation."""
    least_output_tokens: int = 1
    """A smaller `max_output_tokens` is refused."""
    key_header: Literal["authorization", "api-key"] = "authorization"
    signed_in: bool = False
    """Asked on the plan of a person who signed in, not with a key: see `for_signed_in`."""

    @property
    def reasons(self) -> bool:
        """Whether the model can reason."""
        return bool(self.efforts)

    def nearest(self, effort: Effort) -> Effort:
        """The effort to send for one that was wished: the same or the nearest; empty where there is none to send."""
        if not effort or not self.efforts:
            return ""
        place = LADDER.index(effort)
        return min(self.efforts, key=lambda known: abs(LADDER.index(known) - place))


def for_signed_in(quirks: Quirks) -> Quirks:
    """The same model, paid by the ChatGPT plan of a person who signed in.

    Then the server refuses system messages, `max_output_tokens`, `temperature`, `top_p` and `service_tier`, and wants
    `stream` and `store=false`, which are always sent. Source: the preview limits of "Sign in with ChatGPT", OpenAI,
    November 2026; that `max` is not known to be accepted there: pydantic-ai 2.68.
    """
    efforts = tuple(effort for effort in quirks.efforts if effort != "max")
    return replace(quirks, signed_in=True, system_role="developer", efforts=efforts)


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile, or the rule when it has none."""
    return profile.quirks if isinstance(profile.quirks, Quirks) else Quirks()


_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_TO_XHIGH: tuple[Effort, ...] = (*_TO_HIGH, "xhigh")
_TO_MAX: tuple[Effort, ...] = (*_TO_XHIGH, "max")

_FAMILIES: tuple[tuple[str, tuple[Effort, ...], bool], ...] = (
    (r"gpt-6-astra|gpt-6\.1-sol", _TO_MAX, True),
    (r"gpt-6|gpt-5\.6", ("none", *_TO_MAX), True),
    (r"gpt-5\.\d+-chat", ("medium",), True),
    (r"gpt-5\.\d+-pro", ("medium", "high", "xhigh"), True),
    (r"gpt-5\.5", ("none", *_TO_XHIGH), True),
    (r"gpt-5\.[2-4]", ("none", *_TO_XHIGH), False),
    (r"gpt-5\.1-codex-max", _TO_XHIGH, True),
    (r"gpt-5\.1-codex", _TO_HIGH, True),
    (r"gpt-5\.1", ("none", *_TO_HIGH), False),
    (r"gpt-5-chat", (), False),
    (r"gpt-5-pro", ("high",), True),
    (r"gpt-5-codex|codex-", _TO_HIGH, True),
    (r"gpt-5", ("minimal", *_TO_HIGH), True),
    (r"o\d.*-deep-research", ("medium",), True),
    (r"o\d|gpt-oss", _TO_HIGH, True),
    (r"gpt-[34]|chatgpt-|gpt-audio|davinci|babbage", (), False),
)
"""Names of models, the efforts they take, and whether they reason unasked; the first that fits counts. Sources: the
profiles of pydantic-ai 2.68 (checked there against the live API until October 2026) and OpenAI's guide on reasoning."""

_OPENAI = late(r"(?:.+\.)?api\.openai\.com")
_AZURE = late(r".+\.(?:openai|services\.ai|cognitiveservices)\.azure\.com")


def find_quirks(host: str, model: str) -> Quirks:
    """How this server, and this model there, wants to be asked."""
    is_azure = bool(_AZURE.fullmatch(host))
    at_home = is_azure or bool(_OPENAI.fullmatch(host))
    quirks = Quirks()
    if at_home:  # a model there that is not in the table is newer than the table, and the newer ones reason
        quirks = Quirks(reasons_unasked=True, system_role="developer", least_output_tokens=16)
    name = model.rpartition("/")[2].removeprefix("ft:")
    for pattern, efforts, unasked in _FAMILIES:
        if re.match(pattern, name):
            quirks = replace(quirks, efforts=efforts, reasons_unasked=unasked)
            break
    return replace(
        quirks,
        parallel_choice=not re.match(r"o\d", name),
        key_header="api-key" if is_azure else "authorization",
    )
