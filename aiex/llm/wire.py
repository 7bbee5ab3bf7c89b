"""What a wire protocol must offer: pure encoding and decoding, without any input or output.

A module in `aiex/llm/providers` offers `PROVIDER`, which is either a `Codec` (a protocol spoken to a server by
`aiex.llm.http`) or a `Speaker` (something in this process that answers by itself). `aiex.llm.router` joins the parts.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from aiex.errors import AiexError
from aiex.events import StreamEvent
from aiex.messages import Request

Stream = Callable[[Request], AsyncIterator[StreamEvent]]
"""Asks a model once; the events of its answer in order, one `Stopped` or `Failed` last."""


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


@dataclass(frozen=True, slots=True)
class Profile:
    """Who is asked, and how this one wants to be asked; nothing secret is in it."""

    provider: str
    model: str
    base_url: str
    quirks: Quirks = Quirks()


class Decoder(Protocol):
    """The state of one answer while it arrives."""

    @property
    def ended(self) -> bool:
        """True when the server said that nothing follows; reading can stop."""

    @property
    def answered(self) -> bool:
        """True when the answer is known to be whole, though counts may follow."""

    def feed(self, name: str, data: str) -> list[StreamEvent]:
        """Decode one event of the stream. Raises an `AiexError` when the event reports a failure."""

    def feed_whole(self, body: bytes) -> list[StreamEvent]:
        """Decode a whole answer that came in one piece, terminal event included."""

    def end(self) -> list[StreamEvent]:
        """The bytes are over: the last events, `Stopped` at their end. Raises `Transient` if the answer was cut."""


@runtime_checkable
class Codec(Protocol):
    """One wire protocol."""

    name: str
    """The value of the setting `providers.NAME.protocol`, and the file name."""
    path: str
    """Where requests go, below the base URL."""
    models_path: str
    """Where the server lists its models, below the base URL."""

    def headers(self, key: str) -> dict[str, str]:
        """Headers that carry the key; empty when there is none."""

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The JSON body of a streaming request."""

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means; header names in lower case."""

    def model_ids(self, body: bytes) -> Sequence[str]:
        """The names in an answer from `models_path`; empty when it is something else."""


@runtime_checkable
class Speaker(Protocol):
    """Answers without a server."""

    name: str

    def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The events of the answer; same rules as any other stream."""


def to_json(body: Mapping[str, Any]) -> bytes:
    """A body as UTF-8 JSON; halves of surrogate pairs, which no vendor accepts, become U+FFFD."""
    return heal(json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))).encode()


def heal(text: str) -> str:
    """Text that UTF-8 can carry: surrogate pairs joined, lone halves replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
