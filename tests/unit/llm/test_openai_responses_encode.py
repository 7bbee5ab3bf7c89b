"""Requests as the Responses protocol wants them, checked against the types of OpenAI's SDK."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter, with_config

from aiex.errors import ContextOverflow, NotSignedIn, Rejected, Transient
from aiex.events import PartEnded
from aiex.llm.answer import AnswerReader
from aiex.llm.failures import ReplayRefused, UnknownModel
from aiex.llm.protocols.openai_responses.quirks import find_quirks, for_signed_in
from aiex.llm.protocols.openai_responses.strict import is_strict
from aiex.llm.providers.openai_responses import PROVIDER
from aiex.llm.wire import CountsTokens, Credential, Embeds, Profile, to_json
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
    Usage,
)
from tests.fakes.responses_server import stream_pieces
from tests.fakes.server import Reply
from tests.fakes.tables import each
from tests.unit.llm.responses_streams import CASES

HOST = "api.openai.com"
BASE = f"https://{HOST}/v1"
PICTURE = Image("image/png", "iVBORw0KGgo=")
STRICT = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}
TOOLS = (ToolDefinition("read", "Read a file.", STRICT), ToolDefinition("find", "Find.", LOOSE))
RESEARCH = "gpt-5.6-sol"


def profile(model: str = RESEARCH, provider: str = "openai") -> Profile:
    return Profile(provider, model, BASE, find_quirks(HOST, model))


def ask(*messages: Message, model: str = RESEARCH, **how: Any) -> dict[str, Any]:
    """The body, as it goes over the wire."""
    request = Request(model, messages or (Message("user", (Text("Hi"),)),), **how)
    body: dict[str, Any] = json.loads(to_json(PROVIDER.encode(request, profile(model))))
    return body


def answer(reply: Reply, model: str = RESEARCH) -> tuple[Part, ...]:
    """The parts of an answer, as the loop keeps them."""
    return read(b"".join(stream_pieces(reply, {"model": model})), profile(model))


def read(body: bytes, who: Profile) -> tuple[Part, ...]:
    reader = AnswerReader(PROVIDER.decoder(who))
    events = [*reader.feed(body), *reader.end()]
    return tuple(event.part for event in events if isinstance(event, PartEnded))


def fits(kind: Any, value: Any) -> None:
    """The value is of this type of the SDK: no field is missing, none is of another type, none is unknown."""
    checker_of(kind).validate_python(value)


@cache
def checker_of(kind: str) -> TypeAdapter[Any]:
    """Made when needed, because to load the SDK takes a second."""
    from openai import types
    from openai.types import responses
    from openai.types.responses import (
        response_create_params,
        response_input_item_param,
        response_reasoning_item_param,
    )

    homes = {
        "EmbeddingCreateParams": types,
        "ResponseCreateParamsStreaming": response_create_params,
        "FunctionCallOutput": response_input_item_param,
        "Summary": response_reasoning_item_param,
    }
    return TypeAdapter(with_config(ConfigDict(extra="forbid"))(getattr(homes.get(kind, responses), kind)))


def check(body: dict[str, Any]) -> None:
    """The body fits the SDK's own types; what they only call iterable is looked at piece by piece."""
    fits("ResponseCreateParamsStreaming", body)
    for tool in body.get("tools", ()):
        fits("FunctionToolParam", tool)
    for item in body["input"]:
        is_answer = item["type"] == "message" and isinstance(item["content"], list) and item["role"] == "assistant"
        fits("ResponseOutputMessageParam" if is_answer else ITEMS[item["type"]], item)
        pieces = item.get("content", item.get("output", item.get("summary")))
        for piece in pieces if isinstance(pieces, list) else ():
            fits(PIECES[piece["type"]], piece)


ITEMS = {
    "message": "EasyInputMessageParam",
    "function_call": "ResponseFunctionToolCallParam",
    "function_call_output": "FunctionCallOutput",
    "reasoning": "ResponseReasoningItemParam",
}
PIECES = {
    "input_text": "ResponseInputTextParam",
    "input_image": "ResponseInputImageParam",
    "output_text": "ResponseOutputTextParam",
    "summary_text": "Summary",
}


def say(*parts: Part) -> Message:
    return Message("user", parts)


FIRST = Reply(text="Let me look.", reasoning="hm", calls=(("read", '{"path": "x"}'), ("find", '{"n": 2}')))
SECOND = Reply(text="", reasoning="so", calls=(("read", '{"path":"y"}'),))
THIRD = Reply(text="Both are empty.")


def three_turns(model: str = RESEARCH) -> tuple[Message, ...]:
    return (
        Message("system", (Text("Be brief."),)),
        say(Text("Look at this."), PICTURE, Document("a.md", "text/markdown", "# A"), CachePoint()),
        Message("assistant", answer(FIRST, model)),
        Message(
            "tool",
            (ToolResult("call_fake_1", "none", is_error=True), ToolResult("call_fake_0", "seen", images=(PICTURE,))),
        ),
        Message("assistant", answer(SECOND, model)),
        Message("tool", (ToolResult("call_fake_0", ""),)),
        Message("assistant", answer(THIRD, model)),
        say(Text("And now?")),
    )


# --- a whole conversation -------------------------------------------------------------------------------------------


def test_a_conversation_of_three_turns_fits_the_types_of_the_sdk() -> None:
    body = ask(
        *three_turns(), tools=TOOLS, max_output_tokens=500, effort="high", cache_key="s-1", response_schema=STRICT
    )
    check(body)
    assert [item["type"] for item in body["input"]] == [
        "message", "reasoning", "message", "function_call", "function_call", "function_call_output",
        "function_call_output", "reasoning", "function_call", "function_call_output", "message", "message",
    ]  # fmt: skip
    assert body["instructions"] == "Be brief."
    assert (body["store"], body["stream"]) == (False, True)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["prompt_cache_key"] == "s-1"


@each("how", [{"tool_choice": "any"}, {"tool_choice": "read"}, {"tool_choice": "none"}, {"effort": "none"}])
@each("model", [RESEARCH, "gpt-4.1", "o3", "gpt-6-astra", "qwen"])
def test_every_option_fits_the_types_of_the_sdk(how: dict[str, Any], model: str) -> None:
    check(ask(*three_turns(), model=model, tools=TOOLS, temperature=0.5, parallel_tool_calls=False, **how))


def test_what_the_model_gave_goes_back_word_for_word() -> None:
    items = ask(*three_turns())["input"]
    reasoning, message, call = items[1:4]
    assert reasoning["encrypted_content"] == "gAAAAfake"
    assert message["phase"] == "commentary"
    assert message["content"][0]["text"] == "Let me look."
    assert call["arguments"] == '{"path": "x"}'
    assert items[10]["phase"] == "final_answer"


def test_results_stand_behind_their_calls_in_the_order_of_the_calls() -> None:
    items = ask(*three_turns())["input"]
    results = [item for item in items if item["type"] == "function_call_output"]
    assert [(item["call_id"], item["output"]) for item in results[1:]] == [
        ("call_fake_1", "error: none"),
        ("call_fake_0", ""),
    ]
    assert results[0]["output"] == [
        {"type": "input_text", "text": "seen"},
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,iVBORw0KGgo="},
    ]


@pytest.mark.parametrize("name", ["words between calls", "reasoning between calls"])
def test_a_tangled_answer_goes_back_in_its_own_order(name: str) -> None:
    who = profile()
    parts = read(CASES[name].body, who)
    items = ask(say(Text("Hi")), Message("assistant", parts))["input"]
    middle = "message" if name.startswith("words") else "reasoning"
    assert [item["type"] for item in items[1:5]] == ["reasoning", "function_call", middle, "function_call"]
    assert [item["call_id"] for item in items[5:]] == ["c1", "c2"]


def test_another_model_gets_the_words_and_calls_without_the_blocks() -> None:
    history = (say(Text("Hi")), Message("assistant", answer(FIRST)), Message("tool", (ToolResult("call_fake_0", "x"),)))
    items = ask(*history, model="gpt-4.1")["input"]
    assert items[1:] == [
        {"type": "message", "role": "assistant", "content": "Let me look."},
        {"type": "function_call", "call_id": "call_fake_0", "name": "read", "arguments": '{"path":"x"}'},
        {"type": "function_call", "call_id": "call_fake_1", "name": "find", "arguments": '{"n":2}'},
        {"type": "function_call_output", "call_id": "call_fake_0", "output": "x"},
        {"type": "function_call_output", "call_id": "call_fake_1", "output": "error: no result was recorded"},
    ]


def test_foreign_blocks_and_thoughts_stay_at_home() -> None:
    block = Opaque("anthropic", "c", "https://a", {"type": "thinking", "signature": "s"}, covers=1)
    body = ask(say(Text("Hi")), Message("assistant", (Reasoning("hm"), block, Refusal("No."))))
    assert body["input"][1:] == [{"type": "message", "role": "assistant", "content": "No."}]


def test_reasoning_that_nothing_came_of_is_left_out() -> None:
    cut = tuple(part for part in answer(SECOND) if not isinstance(part, ToolCall))[:2]
    assert [item["type"] for item in ask(say(Text("Hi")), Message("assistant", cut))["input"]] == ["message"]


def test_call_ids_of_other_vendors_are_made_legal_and_stay_unique() -> None:
    def turn(path: str) -> tuple[Message, Message]:
        call = ToolCall("toolu:1/ä" * 20, "read", {"path": path})
        return Message("assistant", (call,)), Message("tool", (ToolResult(call.id, path),))

    items = ask(say(Text("Hi")), *turn("x"), *turn("y"))["input"][1:]
    ids = [item["call_id"] for item in items]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert all(len(id) <= 64 and id.isascii() for id in ids)
    assert [item["output"] for item in items[1::2]] == ["x", "y"]


def test_instructions_in_the_middle_become_a_message() -> None:
    history = (say(Text("Hi")), Message("assistant", (Text("Ho"),)), Message("system", (Text("Be kind."),)))
    assert ask(*history)["input"][-1]["role"] == "developer"
    bare = PROVIDER.encode(Request("m", history), Profile("local", "m", "http://127.0.0.1/v1"))
    assert bare["input"][-1]["role"] == "system"


def test_instructions_alone_are_still_a_question() -> None:
    body = ask(Message("system", (Text("Say hi."),)))
    assert "instructions" not in body
    assert [item["role"] for item in body["input"]] == ["developer"]


def test_empty_words_pictures_of_strange_kinds_and_half_characters() -> None:
    body = ask(say(Text(""), Text("a\ud83d"), Image("image/tiff", "AA==")), Message("assistant", (Text(""),)))
    assert [part["text"] for part in body["input"][0]["content"]] == [
        "a\ufffd",
        "[a picture of type image/tiff was left out: it cannot be shown here]",
    ]
    assert len(body["input"]) == 1


def test_a_growing_conversation_keeps_its_beginning() -> None:
    history = three_turns()
    shorter, longer = (ask(*history[:n], tools=TOOLS) for n in (6, 8))
    assert longer["input"][: len(shorter["input"])] == shorter["input"]
    assert (longer["instructions"], longer["tools"]) == (shorter["instructions"], shorter["tools"])


# --- options --------------------------------------------------------------------------------------------------------


def test_tools_are_flat_sorted_and_say_whether_they_are_strict() -> None:
    body = ask(tools=(*TOOLS, ToolDefinition("wait", "Wait.", {})), parallel_tool_calls=False)
    assert [(tool["name"], tool["strict"], tool["type"]) for tool in body["tools"]] == [
        ("find", False, "function"),
        ("read", True, "function"),
        ("wait", False, "function"),
    ]
    assert body["tools"][2]["parameters"] == {"type": "object", "properties": {}}
    assert body["parallel_tool_calls"] is False
    assert "tools" not in ask()


@pytest.mark.parametrize(
    ("wish", "sent"),
    [
        ("auto", "auto"),
        ("any", "required"),
        ("none", "none"),
        ("read", {"type": "function", "name": "read"}),
        ("x", "auto"),
    ],
)
def test_tool_choice(wish: str, sent: Any) -> None:
    assert ask(tools=TOOLS, tool_choice=wish)["tool_choice"] == sent


@pytest.mark.parametrize(
    ("model", "effort", "sent", "warm"),
    [
        ("gpt-4.1", "high", None, True),
        ("gpt-4.1", "", None, True),
        ("gpt-5-chat-latest", "", None, True),
        ("ft:gpt-4.1:org::id", "", None, True),
        ("o3", "", {"summary": "auto"}, False),
        ("o3", "none", {"effort": "low", "summary": "auto"}, False),
        ("gpt-5", "minimal", {"effort": "minimal", "summary": "auto"}, False),
        ("gpt-5", "max", {"effort": "high", "summary": "auto"}, False),
        ("gpt-5-pro", "low", {"effort": "high", "summary": "auto"}, False),
        ("gpt-5.1", "", None, True),
        ("gpt-5.1", "none", {"effort": "none"}, True),
        ("gpt-5.1", "low", {"effort": "low", "summary": "auto"}, False),
        ("gpt-5.2-chat-latest", "xhigh", {"effort": "medium", "summary": "auto"}, False),
        ("gpt-5.4", "xhigh", {"effort": "xhigh", "summary": "auto"}, False),
        ("gpt-5.6-sol", "none", {"effort": "none"}, True),
        ("gpt-5.6-sol", "minimal", {"effort": "none"}, True),
        ("gpt-6-astra", "none", {"effort": "low", "summary": "auto"}, False),
        ("gpt-6.1-sol", "max", {"effort": "max", "summary": "auto"}, False),
        ("gpt-9-nova", "", {"summary": "auto"}, False),
    ],
)
def test_effort_and_temperature_by_model(model: str, effort: Any, sent: Any, warm: bool) -> None:
    body = ask(model=model, effort=effort, temperature=0.5)
    assert body.get("reasoning") == sent
    assert ("temperature" in body) is warm
    assert ("include" in body) is find_quirks(HOST, model).reasons


def test_a_server_of_ones_own_gets_what_was_asked_for() -> None:
    who = Profile("local", "qwen", "http://127.0.0.1/v1", find_quirks("127.0.0.1", "qwen"))
    body = PROVIDER.encode(Request("m", (say(Text("Hi")),), temperature=0.5, max_output_tokens=5), who)
    assert (body["temperature"], body["max_output_tokens"]) == (0.5, 5)
    assert "reasoning" not in body


def test_a_signed_in_person_is_asked_for_with_less() -> None:
    who = profile()
    who = replace(who, quirks=for_signed_in(who.quirks))
    history = (*three_turns(), Message("system", (Text("Be kind."),)), say(Text("Go")))
    request = Request("m", history, TOOLS, max_output_tokens=9, temperature=0.1, effort="max", cache_key="s")
    body = json.loads(to_json(PROVIDER.encode(request, who)))
    check(body)
    assert not {"max_output_tokens", "temperature", "top_p", "service_tier"} & set(body)
    assert (body["stream"], body["store"]) == (True, False)
    assert "system" not in {item.get("role") for item in body["input"]}
    assert body["reasoning"]["effort"] == "xhigh"


def test_o_models_are_not_told_about_parallel_calls() -> None:
    assert "parallel_tool_calls" not in ask(model="o3-mini", tools=TOOLS)


def test_the_form_of_the_answer_says_whether_it_is_strict() -> None:
    assert ask(response_schema=STRICT)["text"]["format"]["strict"] is True
    assert ask(response_schema=LOOSE)["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": LOOSE, "strict": False}
    }


def test_small_answers_and_long_cache_keys_are_made_acceptable() -> None:
    body = ask(max_output_tokens=1, cache_key="k" * 100)
    assert body["max_output_tokens"] == 16
    assert len(body["prompt_cache_key"]) == 64


OBJECT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@each(
    ("schema", "strict"),
    [
        (STRICT, True),
        (OBJECT, True),
        ({"type": "object"}, False),
        ({}, False),
        ({**STRICT, "required": []}, False),
        ({**STRICT, "additionalProperties": True}, False),
        ({**STRICT, "properties": {"path": {"type": "string", "minLength": 1}}}, False),
        ({**STRICT, "properties": {"path": {"type": "string", "format": "uri"}}}, False),
        ({**STRICT, "properties": {"path": {"type": "string", "pattern": "(?=x)"}}}, False),
        ({**STRICT, "properties": {"path": {"type": ["string", "null"]}}}, True),
        ({**STRICT, "properties": {"path": {"type": "array"}}}, False),
        ({**STRICT, "properties": {"path": {"type": "array", "items": {"type": "string"}}}}, True),
        ({**STRICT, "properties": {"path": {"type": "array", "items": True}}}, False),
        ({**STRICT, "properties": {"path": {}}}, False),
        ({**STRICT, "properties": {"path": {"anyOf": [{"type": "string"}, OBJECT]}}}, True),
        ({**STRICT, "properties": {"path": {"oneOf": [{"type": "string"}]}}}, False),
        ({**STRICT, "properties": {"path": {"$ref": "#/$defs/a"}}, "$defs": {"a": STRICT}}, True),
        ({**STRICT, "properties": {"path": {"$ref": "#/$defs/a"}}, "$defs": {"a": LOOSE}}, False),
        ({**STRICT, "properties": {"path": {"$ref": "#/properties/a"}}}, False),
        ({"type": "array", "items": STRICT}, False),
    ],
)
def test_only_a_schema_that_is_legal_word_for_word_is_strict(schema: dict[str, Any], strict: bool) -> None:
    assert is_strict(schema) is strict


# --- headers, lists, counts, embeddings -----------------------------------------------------------------------------


def test_a_key_is_a_bearer_and_at_azure_a_header_of_its_own() -> None:
    azure = Profile("azure", "m", "https://x.openai.azure.com/openai/v1", find_quirks("x.openai.azure.com", "m"))
    assert PROVIDER.headers(Credential("key", "k"), profile()) == {"authorization": "Bearer k"}
    assert PROVIDER.headers(Credential("key", "k"), azure) == {"api-key": "k"}
    assert PROVIDER.headers(Credential("bearer", "k", {"openai-project": "p"}), azure) == {
        "authorization": "Bearer k",
        "openai-project": "p",
    }


def test_models_are_read() -> None:
    body = b'{"data": [{"id": "a"}, {"id": "b", "max_model_len": 4096}, {"id": 3}, 5]}'
    assert [(card.id, card.context_tokens) for card in PROVIDER.read_models(body)] == [("a", None), ("b", 4096)]
    assert PROVIDER.read_models(b"<html>") == ()


def test_counting_fits_the_types_of_the_sdk() -> None:
    assert isinstance(PROVIDER, CountsTokens)
    body = PROVIDER.encode_count(Request("m", three_turns(), TOOLS, max_output_tokens=9), profile())
    fits("InputTokenCountParams", body)
    assert PROVIDER.read_count(b'{"object": "response.input_tokens", "input_tokens": 11}') == 11
    with pytest.raises(Rejected):
        PROVIDER.read_count(b"[]")


def test_embeddings_come_in_the_order_of_the_texts() -> None:
    assert isinstance(PROVIDER, Embeds)
    body = PROVIDER.encode_embed(["a", ""], profile("text-embedding-3-small"))
    fits("EmbeddingCreateParams", body)
    assert body["input"] == ["a", " "]
    rows = [{"index": 1, "embedding": [3]}, {"index": 0, "embedding": [1.5]}]
    said = json.dumps({"data": rows, "usage": {"prompt_tokens": 2}}).encode()
    assert PROVIDER.read_embeddings(said) == ([[1.5], [3.0]], Usage(input_tokens=2))
    for wrong in (b"{}", b'{"data": [{"embedding": "AAA="}]}', b"nonsense"):
        with pytest.raises(Rejected):
            PROVIDER.read_embeddings(wrong)


TOO_LARGE = "Request too large for m on tokens per min (TPM): Limit 30000, Requested 31,500."

# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "kind", "code", "message"),
    [
        (400, ContextOverflow, "context_overflow", "context_length_exceeded", "too long"),
        (400, Rejected, "invalid_request", "string_above_max_length", "exceeds the context window"),
        (400, ReplayRefused, "invalid_request", "invalid_encrypted_content", "could not be verified"),
        (400, ReplayRefused, "invalid_request", "previous_response_not_found", "not found"),
        (404, ReplayRefused, "invalid_request", None, "Item 'rs_1' not found. Items are not persisted when ..."),
        (400, ReplayRefused, "invalid_request", None, "Item 'm' was provided without its required 'reasoning' item"),
        (401, NotSignedIn, "auth", "invalid_api_key", "wrong"),
        (403, NotSignedIn, "permission", "unsupported_country_region_territory", "no"),
        (404, UnknownModel, "not_found", "model_not_found", "no such model"),
        (409, Transient, "server_error", None, "conflict"),
        (422, Rejected, "invalid_request", None, "what"),
        (429, Transient, "rate_limit", "rate_limit_exceeded", "Please try again in 7m12s."),
        (429, Rejected, "quota", "insufficient_quota", "no credit"),
        (429, Rejected, "quota", "usage_limit_reached", "the plan is used up"),
        (429, ContextOverflow, "request_too_large", "rate_limit_exceeded", TOO_LARGE),
        (500, Transient, "server_error", "server_error", "oh"),
        (503, Transient, "overloaded", "overloaded", "busy"),
        (400, Rejected, "content_filter", "image_content_policy_violation", "no"),
    ],
)  # fmt: skip
def test_every_code_has_its_meaning(status: int, error: type, kind: str, code: str | None, message: str) -> None:
    body = {"error": {"message": message, "type": "x", "param": None, "code": code}}
    found = PROVIDER.to_error(status, {}, json.dumps(body).encode(), profile())
    assert (type(found), found.kind) == (error, kind)
    assert str(status) in found.message or error is ContextOverflow


def test_the_sizes_of_a_request_that_never_fits_a_minute_are_read() -> None:
    body = {"error": {"message": TOO_LARGE, "code": "rate_limit_exceeded"}}
    found = PROVIDER.to_error(429, {}, json.dumps(body).encode(), profile())
    assert isinstance(found, ContextOverflow)
    assert (found.needed_tokens, found.limit_tokens) == (31_500, 30_000)


@pytest.mark.parametrize(("wish", "read"), [("true", True), ("false", False), ("perhaps", None)])
def test_the_vendors_word_on_trying_again_is_read(wish: str, read: bool | None) -> None:
    found = PROVIDER.to_error(500, {"x-should-retry": wish, "retry-after-ms": "1500"}, b"", profile())
    assert isinstance(found, Transient)
    assert (found.should_retry, found.retry_after_s) == (read, 1.5)


def test_a_plan_that_is_used_up_says_when_it_is_full_again() -> None:
    body = b'{"error": {"type": "usage_limit_reached", "message": "limit", "resets_in_seconds": 3600}}'
    assert "60 min" in PROVIDER.to_error(429, {}, body, profile()).hint
