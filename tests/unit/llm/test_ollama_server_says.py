"""What Ollama says beside answers: errors, its models, embeddings."""

import json
from typing import Any

import pytest

from aiex.errors import AiexError, ContextOverflow, FailureKind, NotSignedIn, Rejected, Transient
from aiex.llm.failures import UnknownModel
from aiex.llm.providers.ollama import PROVIDER
from aiex.llm.wire import ModelCard, Profile
from aiex.messages import Usage
from tests.unit.llm.ollama_streams import OVERFLOW, embedded

PROFILE = Profile("ollama", "m", "http://127.0.0.1:11434")


def error_of(status: int, error: Any, headers: dict[str, str] | None = None, **more: Any) -> AiexError:
    return PROVIDER.to_error(status, headers or {}, json.dumps({"error": error, **more}).encode(), PROFILE)


@pytest.mark.parametrize(
    ("status", "error", "kind", "outcome", "hint"),
    [
        (400, '"m" does not support tools', "invalid_request", Rejected, "calls tools"),
        (400, '"m" does not support thinking', "invalid_request", Rejected, "without an effort"),
        (400, "invalid format", "invalid_request", Rejected, ""),
        (401, "unauthorized", "auth", NotSignedIn, ""),
        (403, "this model requires a subscription", "permission", NotSignedIn, ""),
        (404, "model 'm' not found", "not_found", UnknownModel, "ollama pull m"),
        (404, 'model "m" not found, try pulling it first', "not_found", UnknownModel, "ollama pull m"),
        (404, "404 page not found", "not_found", UnknownModel, "check the base URL"),
        (429, "too many concurrent requests", "rate_limit", Transient, "wait"),
        (429, "you have reached your weekly usage limit, please upgrade", "quota", Rejected, "plan and billing"),
        (500, "model requires more system memory (9 GiB) than is available", "invalid_request", Rejected, "smaller"),
        (500, "llama runner process has terminated: exit status 2", "server_error", Transient, "later"),
        (502, "upstream error", "server_error", Transient, "later"),
        (503, "server busy, please try again.  maximum pending requests exceeded", "overloaded", Transient, "later"),
        (400, "the input length exceeds the context length", "context_overflow", ContextOverflow, "send less"),
        (500, "the input length exceeds the context length", "context_overflow", ContextOverflow, "send less"),
        (400, "prompt too long; exceeded max context length by 9 tokens", "context_overflow", ContextOverflow, "less"),
        (
            400,
            "the prompt is longer than the context length currently available to the model; shorten the prompt",
            "context_overflow",
            ContextOverflow,
            "send less",
        ),
    ],
)
def test_an_error_answer_has_its_meaning(
    status: int, error: str, kind: FailureKind, outcome: type[AiexError], hint: str
) -> None:
    failure = error_of(status, error)
    assert (type(failure), failure.kind) == (outcome, kind)
    assert hint in failure.hint
    assert error[:30] in failure.message


def test_an_overflow_tells_both_sizes_through_the_text_around_it() -> None:
    failure = error_of(400, embedded(OVERFLOW, type="exceed_context_size_error", n_prompt_tokens=8889, n_ctx=4096))
    assert isinstance(failure, ContextOverflow)
    assert (failure.needed_tokens, failure.limit_tokens) == (8889, 4096)
    assert "{" not in failure.message


def test_the_page_to_sign_in_is_shown_only_if_it_is_the_vendors_own() -> None:
    url = "https://ollama.com/connect?name=x&key=y"
    assert url in error_of(401, "unauthorized", signin_url=url).hint
    for other in (
        "https://ollama.com.evil.example/",
        "http://ollama.com/",
        "https://ollama.com/\x1b[2J",
        "https://[",
        7,
    ):
        hint = error_of(401, "unauthorized", signin_url=other).hint
        assert hint == "run `ollama signin`"
    assert error_of(401, "unauthorized").hint == ""


def test_a_wish_to_wait_is_read() -> None:
    failure = error_of(503, "busy", {"retry-after": "7"})
    assert isinstance(failure, Transient)
    assert failure.retry_after_s == 7


# --- models ---------------------------------------------------------------------------------------------------------


def test_the_models_of_the_server_are_listed() -> None:
    rows = [
        {"name": "a:latest", "model": "a:latest", "details": {"family": "x"}},
        {"name": "b", "capabilities": ["completion", "tools", "telepathy"], "details": {"context_length": 4096}},
        {"nothing": 1},
        7,
    ]
    assert PROVIDER.read_models(json.dumps({"models": rows}).encode()) == (
        ModelCard("a:latest"),
        ModelCard("b", 4096, None, frozenset({"tools", "json_schema"})),
    )


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"null", b"{}", b'{"models": 3}', b'{"models": null}', b"\xff"])
def test_what_is_no_list_of_models_has_none(body: bytes) -> None:
    assert PROVIDER.read_models(body) == ()


def test_the_card_of_a_model_tells_its_window_and_what_it_can_do() -> None:
    info = {"clip.vision.context_length": 77, "general.architecture": "gptoss", "gptoss.context_length": 131_072}
    shown = {"model_info": info, "capabilities": ["completion", "tools", "thinking", "vision", "insert"]}
    assert PROVIDER.read_card(json.dumps(shown).encode(), PROFILE) == ModelCard(
        "m", 131_072, None, frozenset({"tools", "json_schema", "reasoning", "images"})
    )
    assert PROVIDER.read_card(b'{"model_info": {"x.context_length": 5}}', PROFILE) == ModelCard("m", 5)
    assert PROVIDER.read_card(b'{"capabilities": ["embedding"]}', PROFILE) == ModelCard(
        "m", None, None, frozenset({"embeddings"})
    )


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "model not found"}', b'{"model_info": 3}', b"<html>"])
def test_what_is_no_card_is_none(body: bytes) -> None:
    assert PROVIDER.read_card(body, PROFILE) is None


# --- embeddings -----------------------------------------------------------------------------------------------------


def test_embeddings_are_read_in_order() -> None:
    body = b'{"embeddings": [[1, 2.5], [0.5, -1]], "prompt_eval_count": 8}'
    assert PROVIDER.read_embeddings(body) == ([[1.0, 2.5], [0.5, -1.0]], Usage(input_tokens=8))
    assert PROVIDER.read_embeddings(b'{"embeddings": []}') == ([], Usage())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"embeddings": [1]}', b'{"embeddings": [["x"]]}', b'{"embeddings": [[NaN]]}',
             b'{"embeddings": [[]]}', b'{"error": "this model does not support embeddings"}']
)  # fmt: skip
def test_what_is_no_embeddings_is_refused_with_the_words_of_the_server(body: bytes) -> None:
    with pytest.raises(Rejected, match="no embeddings") as caught:
        PROVIDER.read_embeddings(body)
    assert ("does not support" in caught.value.message) == (b"error" in body)
