"""Every complaint of a server becomes the error that says what to do."""

import json
from typing import Any

import pytest

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient
from aiex.llm.failures import MAX_WORDS, UnknownModel, explain, read_body
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.router import redact, to_failed
from aiex.llm.wire import Profile

PROFILE = Profile("local", "m-1", "http://127.0.0.1:8000/v1")


def error_of(status: int, body: Any, headers: dict[str, str] | None = None) -> AiexError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PROVIDER.to_error(status, headers or {}, data, PROFILE)


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, openai("Incorrect API key provided", "invalid_api_key"), NotSignedIn, "Incorrect API key"),
        (401, b"", NotSignedIn, "without a message"),
        (403, {"detail": "forbidden here"}, NotSignedIn, "forbidden here"),
        (402, {"error": {"message": "Insufficient credits", "code": 402}}, Rejected, "quota.*Insufficient credits"),
        (404, openai("The model `x` does not exist", "model_not_found"), UnknownModel, "model 'm-1' unknown: "),
        (404, {"error": 'model "x" not found, try pulling it first'}, UnknownModel, "'m-1' unknown: .*try pulling"),
        (404, b"<html><title>404 Not Found</title></html>", UnknownModel, "unknown, or the address is wrong.*404 Not"),
        (400, {"error": {"message": "zz is not a valid model ID", "code": 400}}, UnknownModel, "not a valid model ID"),
        (400, openai("Unknown parameter: 'x'."), Rejected, "Unknown parameter"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}, {"msg": "too"}]}, Rejected, "required; too"),
        (413, b"<html><body>too large</body></html>", ContextOverflow, "an HTML page"),
        (429, openai("Rate limit reached", "rate_limit_exceeded", "requests"), Transient, "rate limit.*reached"),
        (429, openai("You exceeded your current quota", "insufficient_quota"), Rejected, "quota"),
        (429, openai("no money", None, "insufficient_quota"), Rejected, "quota"),
        (408, b"", Transient, "408"),
        (500, {"error": "CUDA out of memory"}, Transient, "CUDA out of memory"),
        (500, {"message": "boom"}, Transient, "boom"),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", Transient, "502 Bad Gateway"),
        (503, openai("Loading model", None, "unavailable_error"), Transient, "Loading model"),
        (503, [{"error": {"message": "later"}}], Transient, "later"),
        (529, b"", Transient, "529"),
        (400, b"\xff\xfe", Rejected, "400"),
        (400, [], Rejected, "without a message"),
        (400, "a bare string", Rejected, "a bare string"),
        (400, {"error": {"reason": "odd"}}, Rejected, "odd"),
        (418, {}, Rejected, "418"),
    ],
)
def test_an_error_answer_becomes_its_error(status: int, body: Any, kind: type[AiexError], words: str) -> None:
    error = error_of(status, body)
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


@pytest.mark.parametrize(
    ("body", "needed", "limit"),
    [
        (openai("x", "context_length_exceeded"), None, None),
        (
            openai(
                "This model's maximum context length is 8192 tokens. However, you requested 9,100 tokens (9000 in the "
                "messages, 100 in the completion)."
            ),
            9100,
            8192,
        ),
        (openai("prompt is too long: 210000 tokens > 200000 maximum"), 210000, 200000),
        (
            {"error": {"code": 400, "message": "the request exceeds the available context size", "n_prompt_tokens": 5,
                       "n_ctx": 4, "type": "exceed_context_size_error"}},
            5,
            4,
        ),
        (openai("request (5000 tokens) exceeds the available context size (4096 tokens), increase it"), 5000, 4096),
        ({"message": "Input is longer than the model's context length"}, None, None),
    ],
)  # fmt: skip
def test_a_request_too_large_tells_both_sizes(body: Any, needed: int | None, limit: int | None) -> None:
    error = error_of(400, body)
    assert isinstance(error, ContextOverflow)
    assert (error.needed_tokens, error.limit_tokens) == (needed, limit)
    assert "--budget" in error.hint


def test_a_parameter_too_long_is_no_overflow() -> None:
    words = "Invalid 'user': string too long. Expected a maximum length, prompt is too long"
    assert type(error_of(400, openai(words, "string_above_max_length"))) is Rejected


@pytest.mark.parametrize(
    ("headers", "message", "wait_s"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
        ({}, "Please try again in 11.054s.", 11.054),
        ({}, "Please try again in 7m12s. Visit", 432.0),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Slow down.", None),
    ],
)
def test_the_wish_to_wait_is_read(headers: dict[str, str], message: str, wait_s: float | None) -> None:
    error = error_of(429, openai(message), headers)
    assert isinstance(error, Transient)
    assert error.retry_after_s == wait_s


def test_a_long_message_is_clipped_and_made_printable() -> None:
    complaint = read_body(400, json.dumps({"error": {"message": "\x1b[31m" + "x" * 5000}}).encode())
    assert len(complaint.message) <= MAX_WORDS + 1
    assert complaint.message.isprintable()


@pytest.mark.parametrize(
    "text",
    ["wrong key secret-key-1", "Bearer abcdefgh12345", "key sk-proj-abcdefgh12345678 is wrong"],
)
def test_a_key_is_taken_out_of_words(text: str) -> None:
    assert redact(text, "secret-key-1").count("[key]") == 1
    assert "1234" not in redact(text, "secret-key-1")
    assert "secret-key-1" not in redact(text, "secret-key-1")


def test_a_failure_after_words_is_named_after_the_tree_and_says_that_the_answer_is_incomplete() -> None:
    failed = to_failed(explain(read_body(404, b'{"error": {"message": "no", "code": "model_not_found"}}'), PROFILE))
    assert (failed.error, failed.exit_code) == ("Rejected", 1)
    assert failed.hint.startswith("what was shown is incomplete; ")
