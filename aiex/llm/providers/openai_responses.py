"""OpenAI Responses, the protocol of OpenAI's own models; pure, no input or output.

Sources: the API reference of OpenAI, the types of its Python SDK 3.52, and the profiles of pydantic-ai 2.68, November
2026. The conversation is never kept at the server.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from aiex.errors import AiexError, Rejected
from aiex.llm import failures
from aiex.llm.protocols.openai_responses.decode import ResponsesDecoder
from aiex.llm.protocols.openai_responses.encode import encode, encode_question
from aiex.llm.protocols.openai_responses.failing import explain
from aiex.llm.protocols.openai_responses.quirks import Quirks, find_quirks, for_signed_in, quirks_of
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Request, Usage


class OpenAIResponses:
    """The codec; stateless."""

    name = "openai-responses"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/models"

    def path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/responses"

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key or token as a bearer; at Azure, a key has a header of its own."""
        if not credential.secret:
            return dict(credential.extra)
        if credential.kind == "key" and quirks_of(profile).key_header == "api-key":
            return {"api-key": credential.secret, **credential.extra}
        return {"authorization": f"Bearer {credential.secret}", **credential.extra}

    def quirks(self, host: str, model: str) -> Quirks:
        """How this server, and this model there, wants to be asked."""
        return find_quirks(host, model)

    def for_signed_in(self, profile: Profile) -> Profile:
        """The profile for requests that a ChatGPT plan pays."""
        return replace(profile, quirks=for_signed_in(quirks_of(profile)))

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request."""
        return encode(request, profile)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return ResponsesDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models in `{data: [{id}, …]}`, with the size of the window where a compatible server tells it."""
        rows = _read_rows(body)
        return tuple(
            ModelCard(row["id"], context_tokens=_window(row)) for row in rows if isinstance(row.get("id"), str)
        )

    # --- counting ---------------------------------------------------------------------------------------------------

    def count_path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/responses/input_tokens"

    def encode_count(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The question, without what only the answer is about."""
        return encode_question(request, profile)

    def read_count(self, body: bytes) -> int:
        """Tokens of the request. Raises `Rejected` when the answer says something else."""
        value = _read(body)
        count = value.get("input_tokens") if isinstance(value, dict) else None
        if type(count) is not int or count < 0:
            raise Rejected("the server did not count the tokens: its answer has no `input_tokens`")
        return count

    # --- embeddings -------------------------------------------------------------------------------------------------

    def embed_path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/embeddings"

    def encode_embed(self, texts: Sequence[str], profile: Profile) -> dict[str, Any]:
        """The question; an empty text, which the vendor refuses, becomes a blank."""
        return {"model": profile.model, "input": [text or " " for text in texts], "encoding_format": "float"}

    def read_embeddings(self, body: bytes) -> tuple[list[list[float]], Usage]:
        """One vector for each text, in order. Raises `Rejected` when the answer says something else."""
        rows = _read_rows(body)
        vectors = [row.get("embedding") for row in sorted(rows, key=_place)]
        floats = [[float(x) for x in vector] for vector in vectors if isinstance(vector, list) and _are_numbers(vector)]
        if not floats or len(floats) != len(vectors):
            raise Rejected("the server gave no embeddings: its answer has no vectors of numbers")
        value = _read(body)
        usage = value.get("usage") if isinstance(value, dict) else None
        count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return floats, Usage(input_tokens=count if type(count) is int and count >= 0 else None)


PROVIDER = OpenAIResponses()


def _read(body: bytes) -> Any:
    """The JSON of a body; None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _read_rows(body: bytes) -> list[dict[str, Any]]:
    value = _read(body)
    rows = value.get("data") if isinstance(value, dict) else value
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _window(row: Mapping[str, Any]) -> int | None:
    """vLLM says `max_model_len`, OpenRouter `context_length`, LM Studio `max_context_length`."""
    sizes = (row.get(name) for name in ("max_model_len", "context_length", "max_context_length"))
    return next((size for size in sizes if type(size) is int and size > 0), None)


def _place(row: Mapping[str, Any]) -> int:
    index = row.get("index")
    return index if type(index) is int else 0


def _are_numbers(vector: list[Any]) -> bool:
    return bool(vector) and all(type(number) in (int, float) for number in vector)
