"""How models and servers depart from the rule of the Messages protocol.

Sources: platform.claude.com/docs (models, api/versioning, api/migration-2026-10-21), the types of the Python SDK 2.11,
and the profiles of pydantic-ai 2.68 (`profiles/anthropic.py`), November 2026.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from aiex.llm.wire import Profile
from aiex.patterns import late

VERSION: Final = "2026-10-21"
OLD_VERSION: Final = "2023-06-01"
"""The version before; compatible servers know at least this one, and it has `temperature`."""

_LOW: Final = ("low", "medium", "high")
_ALL: Final = (*_LOW, "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a model wants to be asked; the defaults suit any recent model of the vendor."""

    version: str = VERSION
    vendor: bool = False
    """The server is the vendor's own, which tells a spent account by what is missing beside a 429."""
    default_max_tokens: int = 32_000
    """`max_tokens` must be sent; this one where the request has none."""
    most_tokens: int | None = None
    """The model's own bound for `max_tokens`; more is refused."""
    thinking: Literal["none", "budget", "adaptive"] = "adaptive"
    """budget: thinks only when asked, so many tokens; adaptive: as much as it finds right."""
    thinks_unasked: bool = True
    off: Literal["", "disabled", "between_tools"] = ""
    """How thinking is turned off; empty where it cannot be."""
    efforts: tuple[str, ...] = _ALL
    """Levels of `output_config.effort`; none where the model refuses it."""
    temperature: bool = False
    """Whether the model takes a temperature; the new version never does."""
    forced_tools: bool = False
    """Whether a call can be demanded."""
    json_schema: bool = True
    signs_thinking: bool = True
    """False: the server's thinking comes without a signature, and it takes it back like that."""


_CLAUDE: Final = Quirks(default_max_tokens=64_000, most_tokens=128_000)
_FIXED: Final = replace(_CLAUDE, forced_tools=True)
_BUDGET: Final = Quirks(
    thinking="budget", thinks_unasked=False, off="disabled", efforts=(), temperature=True, forced_tools=True,
    default_max_tokens=32_000, most_tokens=64_000,
)  # fmt: skip
_EARLY: Final = replace(_BUDGET, json_schema=False, default_max_tokens=8_192, most_tokens=None)
_FIRST: Final = replace(_EARLY, thinking="none", off="", default_max_tokens=4_096)
_FOREIGN: Final = replace(
    _BUDGET, version=OLD_VERSION, default_max_tokens=8_192, most_tokens=None, signs_thinking=False
)
"""Another vendor's model behind this protocol: Ollama, DeepSeek, Kimi, GLM, LM Studio, vLLM."""

_NAME = late(
    r"claude-(?:(?P<early>\d)(?:[-.](?P<point>\d))?-)?(?P<line>opus|sonnet|haiku|fable|mythos|instant)"
    r"(?:-(?P<major>\d{1,2})(?!\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?)?"
)


def find_quirks(host: str, model: str) -> Quirks:
    """How this model at this server wants to be asked; the newest rule for models not known yet.

    Servers other than the vendor's are asked by the old version, which gateways and imitations are sure to know.
    """
    vendor = host == "anthropic.com" or host.endswith(".anthropic.com")
    if vendor:
        return replace(_of_model(model.lower()), vendor=True)
    return replace(_of_model(model.lower()), version=OLD_VERSION) if "claude" in model.lower() else _FOREIGN


def quirks_of(profile: Profile) -> Quirks:
    """The quirks in a profile, or the rule when it has none."""
    return profile.quirks if isinstance(profile.quirks, Quirks) else Quirks()


def _of_model(model: str) -> Quirks:
    found = _NAME.search(model)
    if found is None:
        return Quirks()
    if int(found["early"] or 0) > 3:
        return _of_version(found["line"], (int(found["early"]), int(found["point"] or 0)))
    if found["early"] or found["line"] == "instant":
        return _EARLY if found["point"] == "7" else _FIRST
    if found["major"] is None:
        return _CLAUDE if found["line"] != "mythos" else replace(_CLAUDE, efforts=())
    return _of_version(found["line"], (int(found["major"]), int(found["minor"] or 0)))


def _of_version(line: str, version: tuple[int, int]) -> Quirks:
    if version < (4, 5):
        return replace(_EARLY, json_schema=version >= (4, 1))
    if version == (4, 5):
        return replace(_BUDGET, efforts=_LOW) if line == "opus" else _BUDGET
    if version < (5, 0):
        unasked = replace(_FIXED, thinks_unasked=False, off="disabled")
        return replace(unasked, efforts=(*_LOW, "max"), temperature=True) if version == (4, 6) else unasked
    if line in ("fable", "mythos"):
        return _FIXED if version == (5, 0) else _CLAUDE
    if version == (5, 0) or (line, version) == ("haiku", (5, 5)):
        return replace(_FIXED, off="disabled")
    return replace(_CLAUDE, off="between_tools") if (line, version) == ("sonnet", (5, 5)) else _CLAUDE
