"""Every complaint of a server becomes the error that says what to do."""

import json
from typing import Any

import pytest

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient
from aiex.llm.failover import redact, to_failed
from aiex.llm.failures import MAX_DELAY_S, MAX_WORDS, Complaint, UnknownModel, explain, read_body, read_delay_s
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile
from tests.fakes.tables import each

PROFILE = Profile("local", "m-1", "http://127.0.0.1:8000/v1")


def error_of(status: int, body: Any, headers: dict[str, str] | None = None) -> AiexError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PROVIDER.to_error(status, headers or {}, data, PROFILE)


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@each(
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


@each(
    ("headers", "message", "wait_s"),
    [
        ({"retry-after": "7"}, "", 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 0.0),
        ({"retry-after": "soon"}, "", None),
        ({"retry-after": "-5"}, "", None),
        ({"retry-after": "nan"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "1e9"}, "", None),
        ({"retry-after": "9" * 400}, "", None),
        ({"retry-after": "999999999"}, "", None),
        ({"retry-after": "Wed, 21 Oct 9999 07:28:00 GMT"}, "", None),
        ({"retry-after": f"{MAX_DELAY_S}"}, "", MAX_DELAY_S),
        ({}, "Please try again in 11.054s.", 11.054),
        ({}, "Please try again in 7m12s. Visit", 432.0),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Slow down.", None),
        ({}, "Please retry after 26 seconds. To increase", 26.0),
        ({}, "Please retry in 34.074824224s.", 34.075),
        ({}, "try again in 1 minute, 5 seconds", 65.0),
        ({}, "Try again in 1h2m3s", 3723.0),
        ({}, "try again in a while", None),
    ],
)
def test_the_wish_to_wait_is_read(headers: dict[str, str], message: str, wait_s: float | None) -> None:
    error = error_of(429, openai(message), headers)
    assert isinstance(error, Transient)
    assert error.retry_after_s == wait_s


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def google(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def spent(quota: str) -> dict[str, Any]:
    return {"@type": QUOTA_FAILURE, "violations": [{"quotaId": quota}]}


def anthropic(kind: str, message: str, **details: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, "details": details or None}}


@each(
    ("status", "body", "kind"),
    [
        (401, openai("no", "invalid_api_key"), "auth"),
        (403, openai("no"), "permission"),
        (403, anthropic("permission_error", "no"), "permission"),
        (400, google(400, "INVALID_ARGUMENT", "API key not valid.", {"@type": ERROR_INFO, "reason": "API_KEY_INVALID"}),
         "auth"),
        (402, {"error": {"message": "Insufficient credits", "code": 402}}, "quota"),
        (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, "quota"),
        (429, openai("You exceeded your current quota", "insufficient_quota"), "quota"),
        (400, anthropic("invalid_request_error", "Your credit balance is too low to access the API."), "quota"),
        (429, anthropic("rate_limit_error", "no", error_code="workspace_spend_limit_reached"), "quota"),
        (429, google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", spent("GenerateRequestsPerDay")),
         "quota"),
        (429, google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", spent("RequestsPerMinute")),
         "rate_limit"),
        (429, google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"), "rate_limit"),
        (429, openai("Rate limit reached", "rate_limit_exceeded"), "rate_limit"),
        (429, openai("The engine is currently overloaded", None, "engine_overloaded"), "overloaded"),
        (503, b"", "overloaded"),
        (529, anthropic("overloaded_error", "Overloaded"), "overloaded"),
        (500, anthropic("overloaded_error", "Overloaded"), "overloaded"),
        (500, b"", "server_error"),
        (409, b"", "server_error"),
        (408, b"", "timeout"),
        (504, google(504, "DEADLINE_EXCEEDED", "late"), "timeout"),
        (524, b"<html></html>", "timeout"),
        (404, openai("The model `x` does not exist", "model_not_found"), "not_found"),
        (404, {"error": {"code": 404, "message": "No endpoints found for a/b."}}, "not_found"),
        (404, {"error": {"code": 404, "message": "No endpoints found that support tool use."}}, "invalid_request"),
        (413, b"<html></html>", "request_too_large"),
        (413, anthropic("request_too_large", "Request exceeds the maximum size"), "request_too_large"),
        (400, openai("x", "context_length_exceeded"), "context_overflow"),
        (400, openai("Unknown parameter"), "invalid_request"),
        (400, {"error": {"message": "filtered", "code": "content_filter", "innererror": {}}}, "content_filter"),
        (400, {"error": {"message": "m", "code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
         "content_filter"),
        (403, {"error": {"code": 403, "message": "m", "metadata": {"reasons": ["x"], "flagged_input": "y"}}},
         "content_filter"),
        (500, {"error": "model requires more system memory (8 GiB) than is available"}, "invalid_request"),
        (501, b"", "invalid_request"),
    ],
)  # fmt: skip
def test_every_complaint_has_a_kind(status: int, body: Any, kind: str) -> None:
    error = error_of(status, body)
    assert error.kind == kind
    retryable = kind in ("rate_limit", "overloaded", "server_error", "timeout")
    assert isinstance(error, Transient) == retryable


@pytest.mark.parametrize(
    ("code", "kind"),
    [("RESOURCE_EXHAUSTED", "rate_limit"), ("UNAVAILABLE", "overloaded"), ("UNAUTHENTICATED", "auth"),
     ("INTERNAL", "server_error"), ("DEADLINE_EXCEEDED", "timeout"), ("overloaded_error", "overloaded"),
     ("timeout_error", "timeout"), ("billing_error", "quota"), ("unheard_of", "server_error")],
)  # fmt: skip
def test_within_a_stream_the_name_alone_tells_the_kind(code: str, kind: str) -> None:
    error = explain(read_body(0, json.dumps({"error": {"type": code, "message": "m"}}).encode()), PROFILE)
    assert error.kind == kind
    assert "answered" not in error.message


def test_the_delay_of_google_is_read_from_its_details() -> None:
    error = error_of(429, google(429, "RESOURCE_EXHAUSTED", "slow", spent("PerMinute"), RETRY_INFO))
    assert isinstance(error, Transient)
    assert error.retry_after_s == 34.07


@pytest.mark.parametrize(("said", "wish"), [("true", True), ("false", False), ("", None), ("maybe", None)])
def test_the_vendors_word_on_trying_again_is_kept(said: str, wish: bool | None) -> None:
    error = error_of(500, b"", {"x-should-retry": said})
    assert isinstance(error, Transient)
    assert error.should_retry is wish


def test_a_refusal_that_the_vendor_calls_worth_a_retry_is_transient() -> None:
    assert isinstance(error_of(400, openai("odd"), {"x-should-retry": "true"}), Transient)
    assert isinstance(error_of(400, openai("odd"), {"x-should-retry": "false"}), Rejected)
    assert isinstance(error_of(401, openai("key"), {"x-should-retry": "true"}), NotSignedIn)


def test_what_the_vendor_behind_a_router_said_is_told() -> None:
    raw = json.dumps({"error": {"message": "tool names must be short"}})
    body = {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw}}}
    assert "Provider returned error: tool names must be short" in error_of(400, body).message


def test_a_request_too_large_for_the_rate_tells_both_sizes() -> None:
    error = error_of(413, openai("Request too large on tokens per minute (TPM): Limit 6000, Requested 8,192"))
    assert isinstance(error, ContextOverflow)
    assert (error.needed_tokens, error.limit_tokens) == (8192, 6000)


def test_a_long_message_is_clipped_and_made_printable() -> None:
    complaint = read_body(400, json.dumps({"error": {"message": "\x1b[31m" + "x" * 5000}}).encode())
    assert len(complaint.message) <= MAX_WORDS + 1
    assert complaint.message.isprintable()


@pytest.mark.parametrize(
    "text",
    ["wrong key secret-key-1", "Bearer abcdefgh12345", "key sk-proj-abcdefgh12345678 is wrong"],
)
def test_a_key_is_taken_out_of_words(text: str) -> None:
    shown = redact(text, "secret-key-1")
    assert shown.count("[key]") + shown.count("[removed]") == 1
    assert "1234" not in shown
    assert "secret-key-1" not in shown


def test_a_failure_after_words_is_named_after_the_tree_and_says_that_the_answer_is_incomplete() -> None:
    failed = to_failed(explain(read_body(404, b'{"error": {"message": "no", "code": "model_not_found"}}'), PROFILE))
    assert (failed.error, failed.exit_code) == ("Rejected", 1)
    assert failed.hint.startswith("what was shown is incomplete; ")


@pytest.mark.parametrize(
    "date",
    [
        "Wed, 21 Oct 2015 07:28:00 +99999999999999",
        "Wed, 21 Oct 999999999999999999999 07:28:00 GMT",
        "99 Oct 99999999999999999999 07:28:00 GMT",
        "21 Oct 2015 99999999999999999999:1:1 GMT",
        "Wed, 21 Oct 99999 07:28:00 GMT",
    ],
)
def test_a_date_that_is_none_asks_for_no_delay(date: str) -> None:
    assert read_delay_s({"retry-after": date}, Complaint(429, "slow down")) is None


@pytest.mark.parametrize("key", ["error", "message", "detail"])
def test_a_complaint_that_is_nested_deeply_is_still_one(key: str) -> None:
    body = f'{{"{key}": {"[" * 900}{"]" * 900}}}'.encode()
    assert error_of(500, body).kind == "server_error"
