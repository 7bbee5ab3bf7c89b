"""Anthropic Messages, the protocol of Claude and of servers that imitate it; pure, no input or output.

Sources: platform.claude.com/docs (api/messages, api/errors, api/versioning) and the types of the Python SDK 2.11,
November 2026.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiex.errors import AiexError, Rejected
from aiex.llm import failures
from aiex.llm.protocols.anthropic import complaints
from aiex.llm.protocols.anthropic.decode import MessagesDecoder
from aiex.llm.protocols.anthropic.encode import encode_count, encode_request
from aiex.llm.protocols.anthropic.quirks import Quirks, find_quirks, quirks_of
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Request


class Anthropic:
    """The codec; stateless. It counts tokens as well."""

    name = "anthropic"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/v1/models?limit=1000"

    def path(self, profile: Profile) -> str:
        """The same for every model; a base URL that ends in `/v1` has the first half already."""
        return _below(profile, "/v1/messages")

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key in a header of its own, a token from signing in as bearer, and the version of the protocol."""
        signed: dict[str, str] = {}
        if credential.secret and credential.kind == "bearer":
            signed["authorization"] = f"Bearer {credential.secret}"
        elif credential.secret:
            signed["x-api-key"] = credential.secret
        return {"anthropic-version": quirks_of(profile).version, **signed, **credential.extra}

    def quirks(self, host: str, model: str) -> Quirks:
        """How this model at this server wants to be asked."""
        return find_quirks(host, model)

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request."""
        return encode_request(request, profile)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return MessagesDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return complaints.explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models with their limits and capabilities; those that were retired are left out."""
        value = _read_object(body)
        rows = value.get("data")
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return tuple(
            ModelCard(
                row["id"], _size(row.get("max_input_tokens")), _size(row.get("max_tokens")), _read_capabilities(row)
            )
            for row in rows
            if isinstance(row.get("id"), str) and row.get("lifecycle") != "retired"
        )

    def count_path(self, profile: Profile) -> str:
        """Where the vendor counts tokens."""
        return _below(profile, "/v1/messages/count_tokens")

    def encode_count(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The request without what has no tokens."""
        return encode_count(request, profile)

    def read_count(self, body: bytes) -> int:
        """Tokens of the request. Raises `Rejected` when the answer says something else."""
        count = _size(_read_object(body).get("input_tokens"))
        if count is None:
            raise Rejected("the server did not say how many tokens the request has", hint="an estimate has to do")
        return count


PROVIDER = Anthropic()

_CAPABILITIES = {"image_input": "images", "thinking": "reasoning", "structured_outputs": "json_schema"}


def _read_capabilities(row: Mapping[str, Any]) -> frozenset[str]:
    """What a model can do; nothing is known where the server does not say. All models of the vendor take tools."""
    told = row.get("capabilities")
    if not isinstance(told, dict):
        return frozenset()
    has = (ours for theirs, ours in _CAPABILITIES.items() if _is_supported(told.get(theirs)))
    return frozenset(("tools", *has))


def _is_supported(value: Any) -> bool:
    return isinstance(value, dict) and value.get("supported") is True


def _below(profile: Profile, path: str) -> str:
    return path.removeprefix("/v1") if profile.base_url.rstrip("/").endswith("/v1") else path


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _size(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
