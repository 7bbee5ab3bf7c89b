"""What goes to a model: requests, messages, their parts, and what they cost in tokens."""

from collections.abc import Mapping
from typing import Any, Literal

from aiex.record import record

Role = Literal["system", "user", "assistant", "tool"]
StopReason = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "refusal",
    "content_filter",
    "context_overflow",
    "pause",
    "malformed_tool_call",
    "incomplete",
    "error",
    "other",
]


@record
class Text:
    """Words, as Markdown where it matters."""

    text: str


@record
class Reasoning:
    """What a model thought aloud; not part of its answer."""

    text: str


@record
class ToolCall:
    """A wish of the model to run a tool; `arguments` is parsed JSON and complete."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@record
class Image:
    """A picture; `data` is base64 without line breaks."""

    media_type: str
    data: str


@record
class ToolResult:
    """What a tool answered to the call with the same id."""

    call_id: str
    text: str
    is_error: bool = False
    images: tuple[Image, ...] = ()


@record
class Document:
    """A text handed over as material, such as a file or a briefing."""

    title: str
    media_type: str
    text: str


@record
class Refusal:
    """The model declined, in its own words."""

    text: str


@record
class Opaque:
    """A vendor's signed block, kept verbatim and replayed only to the same provider, model and endpoint.

    `covers` parts directly before it say the same in our words: where the block is replayed they are left out, and
    everywhere else they stand and the block is left out.
    """

    provider: str
    model: str
    endpoint: str
    data: Mapping[str, Any]
    covers: int = 0


@record
class CachePoint:
    """Everything before this place is stable and worth caching at the vendor."""


Part = Text | Reasoning | ToolCall | ToolResult | Image | Document | Refusal | Opaque | CachePoint


@record
class Message:
    """One contribution to a conversation."""

    role: Role
    parts: tuple[Part, ...]


@record
class ToolDefinition:
    """A tool as the model sees it; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]


@record
class Request:
    """One model call: `messages` in order, system first where there is one.

    What a model cannot do (a temperature, an effort, a forced tool) is left out for it as its profile says.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolDefinition, ...] = ()
    max_output_tokens: int | None = None
    temperature: float | None = None
    response_schema: Mapping[str, Any] | None = None
    """JSON schema of type object that the whole answer must fit."""
    tool_choice: str = "auto"
    """auto, any, none, or the name of the one tool to call."""
    parallel_tool_calls: bool = True
    effort: Effort = ""
    """How much to think; empty leaves it to the vendor."""
    stop_sequences: tuple[str, ...] = ()
    cache_key: str = ""
    """Requests that share a beginning share this, where a vendor routes by it."""


@record
class Usage:
    """Tokens of a call. Totals include the sub-counts beside them; unknown is None, never 0."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
