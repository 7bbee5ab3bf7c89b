"""Ollama's own protocol, for models on this machine or in its cloud; pure, no input or output.

It says how large a window is wanted, which the OpenAI-compatible path of the same server cannot.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiex.errors import AiexError
from aiex.llm import failures
from aiex.llm.protocols.ollama import models
from aiex.llm.protocols.ollama.decode import OllamaDecoder
from aiex.llm.protocols.ollama.encode import encode
from aiex.llm.protocols.ollama.errors import explain
from aiex.llm.protocols.ollama.quirks import Quirks, find_quirks, learn
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Request, Usage


class Ollama:
    """The codec; stateless."""

    name = "ollama"
    stream_form: Literal["sse", "ndjson"] = "ndjson"
    models_path = "/api/tags"
    show_path = models.SHOW_PATH
    """Where the server describes one model; POST `encode_show`, then `read_card`."""

    def path(self, profile: Profile) -> str:
        """The same for every model."""
        return "/api/chat"

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key as a bearer token, which only the cloud wants."""
        signed = {"authorization": f"Bearer {credential.secret}"} if credential.secret else {}
        return {**signed, **credential.extra}

    def quirks(self, host: str, model: str) -> Quirks:
        """What the name of the model tells; hosts do not differ."""
        return find_quirks(model)

    def learn(self, profile: Profile, card: ModelCard) -> Profile:
        """The profile with what the server itself says about the model."""
        return learn(profile, card)

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request."""
        return encode(request, profile)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return OllamaDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models that the server has."""
        return models.read_models(body)

    def encode_show(self, profile: Profile) -> dict[str, Any]:
        """The question for `show_path`."""
        return models.encode_show(profile)

    def read_card(self, body: bytes, profile: Profile) -> ModelCard | None:
        """The model in an answer from `show_path`; None when it is something else."""
        return models.read_card(profile.model, body)

    def embed_path(self, profile: Profile) -> str:
        """The same for every model."""
        return models.EMBED_PATH

    def encode_embed(self, texts: Sequence[str], profile: Profile) -> dict[str, Any]:
        """The JSON body of the question."""
        return models.encode_embed(texts, profile)

    def read_embeddings(self, body: bytes) -> tuple[list[list[float]], Usage]:
        """One vector for each text, in order. Raises `Rejected` when the answer says something else."""
        return models.read_embeddings(body)


PROVIDER = Ollama()
