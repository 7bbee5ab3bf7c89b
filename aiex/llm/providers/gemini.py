"""Gemini generateContent, the protocol of Google's own models; pure, no input or output.

Sources: ai.google.dev/gemini-api, the types of Google's Python SDK google-genai 3.4, and its requests, November 2026.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from aiex.errors import AiexError, Rejected
from aiex.llm import failures
from aiex.llm.protocols.gemini.decode import GeminiDecoder, to_usage
from aiex.llm.protocols.gemini.encode import encode
from aiex.llm.protocols.gemini.errors import explain
from aiex.llm.protocols.gemini.quirks import Quirks, bare_name, find_quirks
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Request, Usage

_VERSIONS = ("v1", "v1beta", "v1alpha")
_ANSWERS = ("generateContent", "streamGenerateContent", "embedContent", "batchEmbedContents")


class Gemini:
    """The codec; stateless."""

    name = "gemini"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/v1beta/models?pageSize=1000"

    def path(self, profile: Profile) -> str:
        """The model's own address; the version is left out where the base URL names one."""
        return _path(profile, "streamGenerateContent") + "?alt=sse"

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key in Google's own header, or the token of a sign-in with the project that is charged beside it."""
        if not credential.secret:
            return dict(credential.extra)
        if credential.kind == "bearer":
            return {"authorization": f"Bearer {credential.secret}", **credential.extra}
        return {"x-goog-api-key": credential.secret, **credential.extra}

    def quirks(self, host: str, model: str) -> Quirks:
        """What the model's family can do; the same at every server."""
        return find_quirks(model)

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a request; the model is in the path, whatever the request calls it."""
        return encode(request, profile)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return GeminiDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models in `{models: [{name, inputTokenLimit, …}]}` that answer or embed."""
        rows = _read(body).get("models")
        cards = [_to_card(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return tuple(card for card in cards if card is not None)

    # --- counting ---------------------------------------------------------------------------------------------------

    def count_path(self, profile: Profile) -> str:
        """Beside the path of a request."""
        return _path(profile, "countTokens")

    def encode_count(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The whole request, tools and instructions included."""
        return {"generateContentRequest": {"model": _collection(profile), **encode(request, profile)}}

    def read_count(self, body: bytes) -> int:
        """`totalTokens`."""
        total = _read(body).get("totalTokens")
        if type(total) is not int or total < 0:
            raise Rejected("the server answered the question for a number of tokens with something else")
        return total

    # --- embeddings -------------------------------------------------------------------------------------------------

    def embed_path(self, profile: Profile) -> str:
        """For all texts at once."""
        return _path(profile, "batchEmbedContents")

    def encode_embed(self, texts: Sequence[str], profile: Profile) -> dict[str, Any]:
        """One request in the batch for each text."""
        model = _collection(profile)
        return {"requests": [{"model": model, "content": {"parts": [{"text": text}]}} for text in texts]}

    def read_embeddings(self, body: bytes) -> tuple[list[list[float]], Usage]:
        """`values` of each of the `embeddings`."""
        value = _read(body)
        rows = value.get("embeddings")
        vectors = (
            [row.get("values") if isinstance(row, dict) else None for row in rows] if isinstance(rows, list) else []
        )
        usage = value.get("usageMetadata")
        if vectors and all(_is_vector(vector) for vector in vectors):
            counts = to_usage(usage) if isinstance(usage, dict) else Usage()
            return [[float(number) for number in vector or ()] for vector in vectors], counts
        raise Rejected("the server answered the question for embeddings with something else")


PROVIDER = Gemini()


def _path(profile: Profile, method: str) -> str:
    has_version = profile.base_url.rstrip("/").rpartition("/")[2] in _VERSIONS
    return f"{'' if has_version else '/v1beta'}/{quote(_collection(profile))}:{method}"


def _collection(profile: Profile) -> str:
    """The model's full name: a collection before it, `models` unless another one is named."""
    name = bare_name(profile.model)
    return name if name.startswith("tunedModels/") else f"models/{name}"


def _to_card(row: dict[str, Any]) -> ModelCard | None:
    name, methods = row.get("name"), row.get("supportedGenerationMethods")
    known = [method for method in methods if isinstance(method, str)] if isinstance(methods, list) else []
    if not isinstance(name, str) or not name or (known and not set(known) & set(_ANSWERS)):
        return None
    said = {"reasoning": row.get("thinking") is True, "embeddings": any("mbed" in method for method in known)}
    capabilities = frozenset(capability for capability, is_there in said.items() if is_there)
    return ModelCard(bare_name(name), _limit(row, "inputTokenLimit"), _limit(row, "outputTokenLimit"), capabilities)


def _limit(row: dict[str, Any], name: str) -> int | None:
    value = row.get(name)
    return value if type(value) is int and value > 0 else None


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(number) in (int, float) for number in value)


def _read(body: bytes) -> dict[str, Any]:
    """A JSON object; empty when it is something else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
