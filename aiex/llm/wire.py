"""What a wire protocol must offer: pure encoding and decoding, without any input or output.

A module in `aiex/llm/providers` offers `PROVIDER`, which is either a `Codec` (a protocol spoken to a server by
`aiex.llm.http`) or a `Speaker` (something in this process that answers by itself). `aiex.llm.router` joins the parts.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final, Literal, Protocol, runtime_checkable

from aiex.errors import AiexError
from aiex.events import StreamEvent
from aiex.messages import Request, Usage
from aiex.record import record

Stream = Callable[[Request], AsyncIterator[StreamEvent]]
"""Asks a model once; the events of its answer in order, one `Stopped` or `Failed` last."""


@record
class Credential:
    """What signs a request; the secret shows in no representation."""

    kind: Literal["none", "key", "bearer"] = "none"
    """bearer: a token from signing in; key: what the vendor calls an API key."""
    secret: str = field(default="", repr=False)
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further headers that belong to it, such as the project that is charged."""


NO_CREDENTIAL = Credential()


@record
class ModelCard:
    """What a server says about one of its models; unknown is None."""

    id: str
    context_tokens: int | None = None
    output_tokens: int | None = None
    capabilities: frozenset[str] = frozenset()
    """Of: tools, images, reasoning, json_schema, embeddings."""


@record
class Profile:
    """Who is asked, and how this one wants to be asked; nothing secret is in it."""

    provider: str
    model: str
    base_url: str
    quirks: Any = None
    """What `Codec.quirks` gave for this model at this server: a frozen dataclass of the codec's own."""

    @property
    def tag(self) -> tuple[str, str, str]:
        """What opaque blocks are bound to: provider, model, endpoint."""
        return self.provider, self.model, self.base_url


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
    stream_form: Literal["sse", "ndjson"]
    """How a stream is cut into events: server-sent events, or one JSON object a line."""
    models_path: str
    """Where the server lists its models, below the base URL."""

    def path(self, profile: Profile) -> str:
        """Where streaming requests go, below the base URL, with a query where the protocol wants one."""

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """Headers that sign the request and name the version of the protocol; names in lower case."""

    def quirks(self, host: str, model: str) -> Any:
        """How this server, and this model there, departs from the rule; data, and the rule for unknown ones."""

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The JSON body of a streaming request."""

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means; header names in lower case."""

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models in an answer from `models_path`; empty when it is something else."""


@runtime_checkable
class HeedsSignIn(Protocol):
    """A codec whose vendor wants to be asked otherwise where a person's own plan pays."""

    def for_signed_in(self, profile: Profile) -> Profile:
        """The profile for requests signed by a sign-in."""


@runtime_checkable
class CountsTokens(Protocol):
    """A codec whose vendor counts the tokens of a request."""

    def count_path(self, profile: Profile) -> str:
        """Where to ask, below the base URL."""

    def encode_count(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The JSON body of the question."""

    def read_count(self, body: bytes) -> int:
        """Tokens of the request. Raises `Rejected` when the answer says something else."""


@runtime_checkable
class Embeds(Protocol):
    """A codec whose protocol has embeddings."""

    def embed_path(self, profile: Profile) -> str:
        """Where to ask, below the base URL."""

    def encode_embed(self, texts: Sequence[str], profile: Profile) -> dict[str, Any]:
        """The JSON body of the question."""

    def read_embeddings(self, body: bytes) -> tuple[list[list[float]], Usage]:
        """One vector for each text, in order. Raises `Rejected` when the answer says something else."""


@runtime_checkable
class Speaker(Protocol):
    """Answers without a server."""

    name: str

    def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """The events of the answer; same rules as any other stream."""


class Lasting(dict[str, Any]):
    """A part of bodies that is never changed: its JSON is made once for all requests that it is in."""

    __slots__ = ("json",)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.json = b""
        """Empty until it is asked for."""

    def write(self) -> bytes:
        """Its JSON."""
        self.json = self.json or _write(self)
        return self.json


def to_json(body: Mapping[str, Any]) -> bytes:
    """A body, which has a field at least, as UTF-8 JSON; halves of surrogate pairs, which no vendor accepts, become
    U+FFFD.

    Cost: 14 ns a byte; what is `Lasting` in a list of the body is but copied from the second time on, and once, for
    memory of that size is dear.
    """
    pieces: list[bytes] = []
    plain: dict[str, Any] = {}
    for name, value in body.items():
        if type(value) is list and any(type(one) is Lasting for one in value):
            values = [one.json or one.write() if type(one) is Lasting else _write(one) for one in value]
            values[0] = _write({**plain, name: []})[1:-2] + values[0]
            values[-1] += b"]"
            pieces += values
            plain = {}
        else:
            plain[name] = value
    if plain:
        pieces.append(_write(plain)[1:-1])
    pieces[0] = b"{" + pieces[0]
    pieces[-1] += b"}"
    return b",".join(pieces)


def _write(value: object) -> bytes:
    text = _ENCODE(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return heal(text).encode()


_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def heal(text: str) -> str:
    """Text that UTF-8 can carry: surrogate pairs joined, lone halves replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
