"""Anthropic over a socket: the official SDK and ours agree about the fake server; errors, models, counts, headers."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from aiex import settings
from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient
from aiex.events import PartEnded, Started, Stopped, StreamEvent, TextDelta, UsageUpdated
from aiex.llm.failures import UnknownModel
from aiex.llm.protocols.anthropic.quirks import OLD_VERSION, VERSION
from aiex.llm.providers.anthropic import PROVIDER
from aiex.llm.router import open_stream
from aiex.llm.wire import NO_CREDENTIAL, CountsTokens, Credential, ModelCard, Profile
from aiex.messages import Message, Opaque, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult, Usage
from tests.fakes.anthropic_server import SIGNATURE, USAGE, FakeAnthropic, to_error
from tests.fakes.tables import each

if TYPE_CHECKING:
    import anthropic

READ = ToolDefinition("read", "Read a file.", {"type": "object"})
HI = Message("user", (Text("Hi"),))
CLAUDE = "claude-opus-5-5"


def profile_of(host: str, model: str = CLAUDE) -> Profile:
    return Profile("anthropic", model, f"https://{host}", PROVIDER.quirks(host, model))


VENDOR, OTHER = profile_of("api.anthropic.com"), profile_of("127.0.0.1", "qwen3")

# --- the SDK --------------------------------------------------------------------------------------------------------


def sdk(server: FakeAnthropic) -> anthropic.Anthropic:
    import anthropic  # when needed, because that takes two seconds

    return anthropic.Anthropic(base_url=server.base_url, api_key="k-123", max_retries=0)


ASKED: dict[str, Any] = {"model": "fake-1", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


def check_with_sdk(message: anthropic.types.Message) -> None:
    thinking, text, call = message.content
    assert (thinking.type, text.type, call.type) == ("thinking", "text", "tool_use")
    assert (thinking.thinking, thinking.signature) == ("hm é", SIGNATURE)
    assert text.text == "Wait. 😀"
    assert (call.name, call.input) == ("read", {"path": "x"})
    assert message.stop_reason == "tool_use"
    assert message.usage.cache_read_input_tokens == USAGE["cache_read_input_tokens"]
    assert message.usage.output_tokens == USAGE["output_tokens"]


def test_the_sdk_reads_a_whole_answer_of_the_fake() -> None:
    with FakeAnthropic(key="k-123") as server:
        server.say("Wait. 😀", reasoning="hm é", calls=(("read", '{"path": "x"}'),))
        check_with_sdk(sdk(server).messages.create(**ASKED))


def test_the_sdk_reads_a_stream_of_the_fake() -> None:
    with FakeAnthropic(key="k-123") as server:
        server.say("Wait. 😀", reasoning="hm é", calls=(("read", '{"path": "x"}'),), piece_bytes=7)
        with sdk(server).messages.stream(**ASKED) as stream:
            assert "".join(stream.text_stream) == "Wait. 😀"
            check_with_sdk(stream.get_final_message())


def test_the_sdk_counts_tokens_and_lists_models_of_the_fake() -> None:
    with FakeAnthropic() as server:
        assert sdk(server).messages.count_tokens(model="fake-1", messages=ASKED["messages"]).input_tokens > 0
        assert [model.max_input_tokens for model in sdk(server).models.list()] == [200_000, 200_000]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "gone"}, "NotFoundError"),
        ({"messages": []}, "BadRequestError"),
        ({"messages": [*ASKED["messages"], {"role": "assistant", "content": "x"}]}, "BadRequestError"),
        ({"temperature": 1.0}, "BadRequestError"),
    ],
)
def test_the_sdk_reads_errors_of_the_fake(change: dict[str, Any], error: str) -> None:
    import anthropic

    body = {**ASKED, **change}
    more = {"temperature": body.pop("temperature")} if "temperature" in body else {}
    with FakeAnthropic() as server, pytest.raises(getattr(anthropic, error)):
        sdk(server).messages.create(**body, extra_body=more)


# --- through the router ---------------------------------------------------------------------------------------------


def converse(server: FakeAnthropic, *messages: Message, model: str = "fake-1") -> list[StreamEvent]:
    """One answer, by the way that every command takes."""
    overrides = [f"providers.p.base_url={server.base_url}", "providers.p.protocol=anthropic"]
    chosen = settings.load(None, overrides=overrides, environ={})
    stream = open_stream(chosen, f"p/{model}", environ={})

    async def collect() -> list[StreamEvent]:
        return [event async for event in stream(Request("m", messages, (READ,)))]

    return asyncio.run(collect())


def parts_of(events: list[StreamEvent]) -> tuple[Any, ...]:
    return tuple(event.part for event in events if isinstance(event, PartEnded))


def test_a_conversation_with_a_tool_goes_through_the_router() -> None:
    with FakeAnthropic() as server:
        server.say("Let me look.", reasoning="hm", calls=(("read", '{"path": "x"}'),), piece_bytes=11)
        server.say("It is fine.")
        first = converse(server, HI)
        assert isinstance(first[0], Started)
        assert first[-1] == Stopped("tool_use")
        signed = {"type": "thinking", "thinking": "hm", "signature": SIGNATURE}
        held = Opaque("p", "fake-1", server.base_url, data=signed, covers=1)
        call = ToolCall("toolu_fake_0", "read", {"path": "x"})
        assert parts_of(first) == (Reasoning("hm"), held, Text("Let me look."), call)
        counts = [event.usage for event in first if isinstance(event, UsageUpdated)]
        assert counts[-1] == Usage(20, 7, 10, 6, 2)
        result = Message("tool", (ToolResult(call.id, "x = 1"),))
        second = converse(server, HI, Message("assistant", parts_of(first)), result)
        assert second[-1] == Stopped("end_turn")
        assert "".join(event.text for event in second if isinstance(event, TextDelta)) == "It is fine."
        replayed = server.requests[1].body["messages"][1]["content"]
        assert replayed[0] == signed
        assert [block["type"] for block in replayed] == ["thinking", "text", "tool_use"]
        assert server.requests[0].path == "/v1/messages"


def test_an_unknown_model_is_answered_with_the_nearest_names() -> None:
    with FakeAnthropic() as server, pytest.raises(UnknownModel) as caught:
        converse(server, HI, model="fake-3")
    assert "fake-1" in caught.value.hint
    assert server.requests[1].path == "/v1/models?limit=1000"


# --- headers --------------------------------------------------------------------------------------------------------


def test_a_key_and_a_token_have_headers_of_their_own() -> None:
    version = {"anthropic-version": VERSION}
    assert PROVIDER.headers(Credential("key", "k"), VENDOR) == {**version, "x-api-key": "k"}
    assert PROVIDER.headers(Credential("bearer", "t"), VENDOR) == {**version, "authorization": "Bearer t"}
    assert PROVIDER.headers(NO_CREDENTIAL, OTHER) == {"anthropic-version": OLD_VERSION}
    assert PROVIDER.headers(NO_CREDENTIAL, profile_of("gateway.example")) == {"anthropic-version": OLD_VERSION}
    assert PROVIDER.headers(NO_CREDENTIAL, Profile("p", "m", "https://api.anthropic.com")) == version
    extra = Credential("bearer", "t", {"x-project": "p"})
    assert PROVIDER.headers(extra, VENDOR)["x-project"] == "p"


@pytest.mark.parametrize(
    ("base_url", "path"), [("https://api.anthropic.com", "/v1/messages"), ("http://127.0.0.1:1234/v1", "/messages")]
)
def test_the_version_stands_in_the_path_once(base_url: str, path: str) -> None:
    profile = Profile("p", "m", base_url)
    assert PROVIDER.path(profile) == path
    assert PROVIDER.count_path(profile) == f"{path}/count_tokens"


# --- models and counts ----------------------------------------------------------------------------------------------


def test_models_come_with_limits_and_capabilities() -> None:
    yes, no = {"supported": True}, {"supported": False}
    rows = [
        {"id": "a", "max_input_tokens": 1000, "max_tokens": 50, "lifecycle": "active",
         "capabilities": {"thinking": yes, "image_input": yes, "structured_outputs": no}},
        {"id": "b", "max_input_tokens": None, "lifecycle": "deprecated"},
        {"id": "c", "lifecycle": "retired"},
        {"id": 7},
        "junk",
    ]  # fmt: skip
    assert PROVIDER.read_models(json.dumps({"data": rows}).encode()) == (
        ModelCard("a", 1000, 50, frozenset({"tools", "reasoning", "images"})),
        ModelCard("b"),
    )
    assert [PROVIDER.read_models(body) for body in (b"", b"[]", b'{"data": 1}', b"<html>")] == [()] * 4


def test_tokens_are_counted_by_the_vendor() -> None:
    assert isinstance(PROVIDER, CountsTokens)
    assert PROVIDER.read_count(b'{"input_tokens": 12}') == 12
    for body in (b"", b"{}", b'{"input_tokens": "x"}', b"[]"):
        with pytest.raises(Rejected):
            PROVIDER.read_count(body)


# --- errors ---------------------------------------------------------------------------------------------------------

LATER = {"retry-after": "7"}
ERRORS: list[tuple[int, dict[str, str], str, str, dict[str, str], type[AiexError], str]] = [
    (400, {}, "invalid_request_error", "messages: bad", {}, Rejected, "invalid_request"),
    (400, {}, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", {}, ContextOverflow,
     "context_overflow"),
    (400, {}, "invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 1 > 8", {},
     ContextOverflow, "context_overflow"),
    (400, {}, "invalid_request_error", "Your credit balance is too low to access the API.", {}, Rejected, "quota"),
    (400, {}, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on x",
     {}, Rejected, "quota"),
    (400, {}, "invalid_request_error", "off", {"error_code": "organization_on_hold"}, NotSignedIn, "permission"),
    (401, {}, "authentication_error", "invalid x-api-key", {}, NotSignedIn, "auth"),
    (402, {}, "billing_error", "pay", {}, Rejected, "quota"),
    (402, {}, "billing_error", "x", {"error_code": "linked_organization_billing_unavailable"}, Rejected, "quota"),
    (403, {}, "permission_error", "no", {}, NotSignedIn, "permission"),
    (404, {}, "not_found_error", "model: claude-x", {}, UnknownModel, "not_found"),
    (409, {}, "conflict_error", "again", {}, Transient, "server_error"),
    (413, {}, "request_too_large", "too large", {}, ContextOverflow, "request_too_large"),
    (400, {}, "invalid_request_error", "x", {"error_code": "request_body_too_large_after_decoding"}, ContextOverflow,
     "request_too_large"),
    (429, LATER, "rate_limit_error", "slow down", {}, Transient, "rate_limit"),
    (429, LATER, "rate_limit_error", "x", {"error_code": "ramp_limit_exceeded"}, Transient, "rate_limit"),
    (429, LATER, "rate_limit_error", "x", {"error_code": "contract_spend_limit_reached"}, Rejected, "quota"),
    (429, {}, "rate_limit_error", "x", {"error_code": "enforced_spend_limit_reached"}, Rejected, "quota"),
    (429, {}, "rate_limit_error", "x", {}, Rejected, "quota"),
    (429, {"x-should-retry": "true"}, "rate_limit_error", "x", {}, Transient, "rate_limit"),
    (429, {"anthropic-ratelimit-requests-remaining": "0"}, "rate_limit_error", "x", {}, Transient, "rate_limit"),
    (408, {}, "timeout_error", "x", {"error_code": "request_body_timeout"}, Transient, "timeout"),
    (500, {}, "api_error", "x", {}, Transient, "server_error"),
    (504, {}, "timeout_error", "x", {}, Transient, "timeout"),
    (529, {}, "overloaded_error", "x", {}, Transient, "overloaded"),
    (418, {}, "teapot_error", "x", {}, Rejected, "invalid_request"),
]  # fmt: skip


@each(("status", "headers", "type_", "words", "details", "error", "kind"), ERRORS)
def test_a_complaint_is_understood(
    status: int, headers: dict[str, str], type_: str, words: str, details: dict[str, str], error: type, kind: str
) -> None:
    body = json.dumps(to_error(type_, words, **details)).encode()
    found = PROVIDER.to_error(status, headers, body, VENDOR)
    assert (type(found), found.kind) == (error, kind)
    assert words in found.message


def test_another_server_that_names_no_delay_is_asked_again() -> None:
    body = json.dumps(to_error("rate_limit_error", "slow down")).encode()
    assert PROVIDER.to_error(429, {}, body, OTHER).kind == "rate_limit"


@pytest.mark.parametrize(
    ("headers", "delay_s", "should_retry"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5, None),
        ({"retry-after": "7", "x-should-retry": "false"}, 7.0, False),
        ({"x-should-retry": "true"}, None, True),
    ],
)
def test_the_wishes_of_the_vendor_are_read(
    headers: dict[str, str], delay_s: float | None, should_retry: bool | None
) -> None:
    body = json.dumps(to_error("overloaded_error", "x")).encode()
    found = PROVIDER.to_error(529, headers, body, VENDOR)
    assert isinstance(found, Transient)
    assert (found.retry_after_s, found.should_retry) == (delay_s, should_retry)


@pytest.mark.parametrize(
    ("status", "kind"), [(413, "request_too_large"), (403, "permission"), (502, "server_error"), (429, "rate_limit")]
)
def test_a_web_page_of_the_edge_is_understood_by_its_status(status: int, kind: str) -> None:
    page = b"<html><head><title>Sorry, you have been blocked</title></head></html>"
    found = PROVIDER.to_error(status, {}, page, VENDOR)
    assert found.kind == kind
    assert "Sorry, you have been blocked" in found.message


def test_sizes_are_read_from_the_words() -> None:
    body = json.dumps(to_error("invalid_request_error", "prompt is too long: 210,000 tokens > 200,000 maximum"))
    found = PROVIDER.to_error(400, {}, body.encode(), VENDOR)
    assert isinstance(found, ContextOverflow)
    assert (found.needed_tokens, found.limit_tokens) == (210_000, 200_000)
