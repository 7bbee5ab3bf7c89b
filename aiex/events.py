"""What happened: frozen dataclasses that screen, pipe, JSON lines, log and tests all read.

Stream events come from a model while it speaks; lasting events tell the story of a session.
Exactly one `Stopped` or `Failed` ends a stream, and it is last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiex.messages import Part, StopReason, Usage

# --- stream events -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """A provider accepted the request and began to answer."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A tool call begins; its arguments are not complete yet."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of a call's JSON arguments."""

    id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part is complete; the deltas before it join to this part."""

    part: Part


@dataclass(frozen=True, slots=True)
class UsageUpdated:
    """Tokens so far; replaces earlier values of the same call."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Retrying:
    """The same provider is asked again after `wait_s` seconds."""

    reason: str
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class FailedOver:
    """Another provider takes over; `mid_answer` when words were already shown."""

    from_provider: str
    to_provider: str
    reason: str
    mid_answer: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The stream ended as the protocol says it should."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class Failed:
    """The stream broke; what was shown before is incomplete."""

    error: str
    message: str
    hint: str
    exit_code: int


StreamEvent = (
    Started
    | TextDelta
    | ReasoningDelta
    | ToolCallStarted
    | ToolCallDelta
    | PartEnded
    | UsageUpdated
    | Retrying
    | FailedOver
    | Stopped
    | Failed
)

# --- lasting events ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A run begins: which version, where, asking whom."""

    version: str
    cwd: str
    command: str
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class UserSpoke:
    """What the person asked."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class AssistantSpoke:
    """One complete answer, as it was given."""

    parts: tuple[Part, ...]
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """Long work moved on; `total` is 0 while it is unknown. Shown on a terminal only."""

    label: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should know that does not stop the work."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The outcome of a wish; always the last event, and the only one that carries an exit code.

    `subtype` names the outcome more closely ("answered", "planned", or an error class name), `answer` is the text for a
    person (Markdown), `data` the same for a program.
    """

    status: Literal["success", "error"]
    subtype: str
    exit_code: int
    answer: str = ""
    data: Mapping[str, Any] | None = None
    error: str = ""
    hint: str = ""
    usage: Usage = Usage()
    num_turns: int = 1


LastingEvent = SessionStarted | UserSpoke | AssistantSpoke | Progressed | Warned | TurnEnded
Event = StreamEvent | LastingEvent
