"""OpenAI Chat Completions, the protocol of OpenAI and of nearly every compatible server; pure, no input or output.

Sources: the API reference of OpenAI, the types of its Python SDK 3.52, and the departures of vLLM, llama.cpp, LM
Studio, Ollama, OpenRouter, DeepSeek, Mistral, Groq and Azure, November 2026.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiex.errors import AiexError
from aiex.llm import failures
from aiex.llm.protocols.openai_chat import address, embeddings, encode, listing
from aiex.llm.protocols.openai_chat.decode import ChatDecoder
from aiex.llm.protocols.openai_chat.quirks import Quirks, find_quirks
from aiex.llm.wire import Credential, Decoder, ModelCard, Profile
from aiex.messages import Request, Usage


class OpenAIChat:
    """The codec; stateless. It also embeds."""

    name = "openai-chat"
    stream_form: Literal["sse", "ndjson"] = "sse"
    models_path = "/models"

    def path(self, profile: Profile) -> str:
        """The same for every model, but at Azure."""
        return address.path_of("/chat/completions", profile)

    def headers(self, credential: Credential, profile: Profile) -> dict[str, str]:
        """The key as a bearer token; at Azure as `api-key`."""
        return address.headers_for(credential, profile)

    def quirks(self, host: str, model: str) -> Quirks:
        """How this server, and this model there, wants to be asked."""
        return find_quirks(host, model)

    def encode(self, request: Request, profile: Profile) -> dict[str, Any]:
        """The body of a streaming request; `profile.model` is asked, whatever the request calls it."""
        return encode.encode(request, profile)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one answer."""
        return ChatDecoder(profile)

    def to_error(self, status: int, headers: Mapping[str, str], body: bytes, profile: Profile) -> AiexError:
        """What an answer other than 200 means."""
        return failures.explain(failures.read_body(status, body), profile, headers)

    def read_models(self, body: bytes) -> Sequence[ModelCard]:
        """The models of the list, with their windows and capabilities where the server tells."""
        return listing.read_models(body)

    def embed_path(self, profile: Profile) -> str:
        """Where embeddings are made, below the base URL."""
        return address.path_of("/embeddings", profile)

    def encode_embed(self, texts: Sequence[str], profile: Profile) -> dict[str, Any]:
        """The JSON body that asks for embeddings."""
        return embeddings.encode_embed(texts, profile)

    def read_embeddings(self, body: bytes) -> tuple[list[list[float]], Usage]:
        """One vector for each text, in order. Raises `Rejected` when the answer says something else."""
        return embeddings.read_embeddings(body)


PROVIDER = OpenAIChat()
