"""Where requests of Chat Completions go, how they are signed, and what lists of models say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import NO_CREDENTIAL, Credential, ModelCard, Profile

AZURE = "https://x.openai.azure.com"
VERSION = "?api-version=2024-10-21"


def at(base_url: str, model: str = "m") -> Profile:
    return Profile("p", model, base_url, PROVIDER.quirks(base_url.split("/")[2], model))


@pytest.mark.parametrize(
    ("base_url", "model", "path"),
    [
        ("https://api.openai.com/v1", "m", "/chat/completions"),
        ("https://openrouter.ai/api/v1", "a/b", "/chat/completions"),
        (AZURE, "m", "/openai/v1/chat/completions"),
        (f"{AZURE}/openai/v1", "m", "/chat/completions"),
        (f"{AZURE}/openai", "d 1", f"/deployments/d%201/chat/completions{VERSION}"),
        (f"{AZURE}/openai/deployments/d1", "m", f"/chat/completions{VERSION}"),
        ("https://x.services.ai.azure.com/openai/v1", "m", "/chat/completions"),
    ],
)
def test_requests_go_where_the_vendor_wants_them(base_url: str, model: str, path: str) -> None:
    assert PROVIDER.path(at(base_url, model)) == path
    assert PROVIDER.embed_path(at(base_url, model)) == path.replace("/chat/completions", "/embeddings")


@pytest.mark.parametrize(
    ("base_url", "kind", "headers"),
    [
        ("http://127.0.0.1/v1", "key", {"authorization": "Bearer k"}),
        ("http://127.0.0.1/v1", "bearer", {"authorization": "Bearer k"}),
        (AZURE, "key", {"api-key": "k"}),
        (AZURE, "bearer", {"authorization": "Bearer k"}),
        ("https://openrouter.ai/api/v1", "key", {"authorization": "Bearer k", "x-title": "Aiex"}),
    ],
)
def test_requests_are_signed_as_the_vendor_wants_it(base_url: str, kind: Any, headers: dict[str, str]) -> None:
    assert PROVIDER.headers(Credential(kind, "k"), at(base_url)) == headers
    assert PROVIDER.headers(Credential(kind, "k", {"x-more": "1"}), at(base_url)) == {**headers, "x-more": "1"}


def test_without_a_key_nothing_is_signed() -> None:
    assert PROVIDER.headers(NO_CREDENTIAL, at("http://127.0.0.1/v1")) == {}
    assert PROVIDER.headers(NO_CREDENTIAL, at(AZURE)) == {}


@pytest.mark.parametrize(
    ("row", "card"),
    [
        ({"id": "m"}, ModelCard("m")),
        ({"name": "m"}, ModelCard("m")),
        ({"id": "m", "max_model_len": 4096}, ModelCard("m", 4096)),
        ({"id": "m", "context_window": 8192, "max_completion_tokens": 1024}, ModelCard("m", 8192, 1024)),
        ({"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 9999}}, ModelCard("m", 2048)),
        ({"id": "m", "context_length": "many", "max_model_len": 0}, ModelCard("m")),
        (
            {
                "id": "a/b", "context_length": 100, "top_provider": {"max_completion_tokens": 50},
                "supported_parameters": ["tools", "reasoning", "structured_outputs", "seed"],
                "architecture": {"input_modalities": ["text", "image"]},
            },
            ModelCard("a/b", 100, 50, frozenset({"tools", "reasoning", "json_schema", "images"})),
        ),
        (
            {"id": "mistral", "max_context_length": 9, "capabilities": {"function_calling": True, "vision": False}},
            ModelCard("mistral", 9, None, frozenset({"tools"})),
        ),
        ({"id": "e", "type": "embeddings", "capabilities": ["tool_use"]},
         ModelCard("e", None, None, frozenset({"embeddings", "tools"}))),
    ],
)  # fmt: skip
def test_a_list_of_models_is_read_in_the_forms_of_the_field(row: dict[str, Any], card: ModelCard) -> None:
    for form in ({"object": "list", "data": [row]}, {"models": [row]}, [row]):
        assert list(PROVIDER.read_models(json.dumps(form).encode())) == [card]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "models", "id", "name", "capabilities", "meta", "architecture", "n_ctx", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_as_some_list(value: Any) -> None:
    assert all(isinstance(card.id, str) for card in PROVIDER.read_models(json.dumps(value).encode()))


@given(st.binary(max_size=50))
def test_any_bytes_are_read_as_some_list(body: bytes) -> None:
    assert isinstance(PROVIDER.read_models(body), tuple)
