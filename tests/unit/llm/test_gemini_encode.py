"""Requests for generateContent: what Google's own types accept, and what its server would not refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.errors import AiexError, ContextOverflow, NotSignedIn, Rejected, Transient
from aiex.events import PartEnded
from aiex.llm.answer import AnswerReader
from aiex.llm.protocols.gemini.encode import DUMMY_SIGNATURE, OPENING
from aiex.llm.protocols.gemini.names import from_wire_name, to_wire_name
from aiex.llm.providers.gemini import PROVIDER
from aiex.llm.wire import CountsTokens, Credential, Embeds, ModelCard, Profile, to_json
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
    Usage,
)
from aiex.pairing import NO_RESULT
from tests.fakes.gemini_server import FIELDS, SIGNATURE, FakeGemini, Reply, problem_with, stream_pieces
from tests.fakes.tables import each

if TYPE_CHECKING:
    from google.genai import types

Json = dict[str, Any]
URL = "https://generativelanguage.googleapis.com"
PNG = Image("image/png", "iVBORw0KGgo=")
TOOLS = (
    ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}}),
    ToolDefinition("find it", "Find.", {"type": "object", "$defs": {"n": {"type": "integer"}}}),
)


def profile(model: str) -> Profile:
    return Profile("google", model, URL, PROVIDER.quirks("generativelanguage.googleapis.com", model))


NEW, OLD = profile("gemini-3-flash-preview"), profile("gemini-2.5-flash")


def encode(*messages: Message, to: Profile = NEW, **wishes: Any) -> Json:
    return PROVIDER.encode(Request("m", messages, **wishes), to)


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return Message("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def results(*parts: ToolResult) -> Message:
    return Message("tool", parts)


def answer(reply: Reply, to: Profile) -> Message:
    """What the fake's answer becomes in the conversation."""
    reader = AnswerReader(PROVIDER.decoder(to))
    events = [event for piece in stream_pieces(reply) for event in reader.feed(piece)] + list(reader.end())
    return Message("assistant", tuple(event.part for event in events if isinstance(event, PartEnded)))


def three_turns(to: Profile) -> tuple[Message, ...]:
    """Parallel calls, signatures and pictures, with this model itself."""
    first = answer(Reply("I look.", reasoning="hm", calls=(("read", '{"path": "x"}'), ("find it", '{"n": 1}'))), to)
    second = answer(Reply("", calls=(("read", '{"path": "é"}'),)), to)
    return (
        Message("system", (Text("Be brief."), CachePoint())),
        user("What is this?", PNG, Document("notes", "text/plain", "N")),
        first,
        results(ToolResult("call_fake_0", "x = 1"), ToolResult("call_fake_1", "a picture", images=(PNG,))),
        second,
        results(ToolResult("call_fake_0", "no such file", is_error=True)),
        answer(Reply("It is x."), to),
        user("Thanks. And y?"),
    )


def validate(body: Json) -> list[types.Content]:
    """The body read by Google's own types, which forbid unknown fields."""
    from google.genai import types  # when needed, because that takes a second

    whole = json.loads(to_json(body))
    assert set(whole) <= FIELDS
    config = dict(whole.get("generationConfig", {}))
    for name in ("systemInstruction", "tools", "toolConfig"):
        if name in whole:
            config[name] = whole[name]
    types.GenerateContentConfig.model_validate_json(json.dumps(config))
    return [types.Content.model_validate_json(json.dumps(content)) for content in whole["contents"]]


# --- whole conversations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [NEW, OLD, profile("gemini-2.5-pro"), profile("gemini-2.0-flash"), profile("new-1")])
def test_a_conversation_of_three_turns_fits_the_types_of_the_sdk(to: Profile) -> None:
    body = encode(*three_turns(to), to=to, tools=TOOLS, effort="high", max_output_tokens=9, stop_sequences=("END",))
    contents = validate(body)
    assert problem_with(body, needs_signatures=True) == ""
    assert [content.role for content in contents] == ["user", "model", "user", "model", "user", "model", "user"]


@pytest.mark.parametrize("to", [NEW, OLD])
def test_a_conversation_from_another_vendor_fits_too(to: Profile) -> None:
    elsewhere = Profile("other", "gpt", "https://api.openai.com/v1")
    body = encode(*three_turns(elsewhere), to=to, tools=TOOLS)
    validate(body)
    assert problem_with(body, needs_signatures=to is NEW) == ""
    assert SIGNATURE not in json.dumps(body)
    assert "hm" not in [part.get("text") for content in body["contents"] for part in content["parts"]]


def test_what_was_signed_goes_back_part_by_part() -> None:
    contents = encode(*three_turns(NEW))["contents"]
    assert contents[1]["parts"] == [
        {"text": "I look."},
        {
            "functionCall": {"name": "read", "args": {"path": "x"}, "id": "call_fake_0"},
            "thoughtSignature": SIGNATURE,
        },
        {"functionCall": {"id": "call_fake_1", "name": "t:find:20:it", "args": {"n": 1}}},
    ]
    assert contents[5]["parts"] == [{"text": "It is x."}, {"text": "", "thoughtSignature": SIGNATURE}]


def test_a_longer_conversation_begins_like_the_shorter_one() -> None:
    whole = three_turns(NEW)
    long = encode(*whole, tools=TOOLS)
    for end in (2, 4, 6):
        short = encode(*whole[:end], tools=TOOLS)
        assert short["contents"] == long["contents"][: len(short["contents"])]
        assert {**short, "contents": 0} == {**long, "contents": 0}


def test_pieces_around_a_signature_stay_apart() -> None:
    pieces = {"parts": [{"text": "ab"}, {"text": "c", "thoughtSignature": "c2ln"}]}
    said = assistant("abc", Opaque(*NEW.tag, data=pieces, covers=1))
    assert encode(user("q"), said)["contents"][1]["parts"] == pieces["parts"]
    assert encode(user("q"), said, to=OLD)["contents"][1]["parts"] == [{"text": "abc"}]


def test_a_call_of_this_model_without_an_id_is_answered_without_one() -> None:
    block = {"functionCall": {"name": "read", "args": {}}, "thoughtSignature": "c2ln"}
    said = assistant(ToolCall("call_1", "read", {}), Opaque(*NEW.tag, data=block, covers=1), ToolCall("c2", "read", {}))
    contents = encode(user("q"), said, results(ToolResult("call_1", "a"), ToolResult("c2", "b")))["contents"]
    assert contents[1]["parts"] == [block, {"functionCall": {"name": "read", "args": {}}}]
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "read", "response": {"output": text}}} for text in ("a", "b")
    ]


def test_only_the_first_foreign_call_of_a_content_gets_the_dummy() -> None:
    said = assistant(ToolCall("a", "read", {}), ToolCall("b", "read", {}))
    calls = encode(user("q"), said)["contents"][1]["parts"]
    assert [call.get("thoughtSignature") for call in calls] == [DUMMY_SIGNATURE, None]
    assert not any("thoughtSignature" in call for call in encode(user("q"), said, to=OLD)["contents"][1]["parts"])


def test_every_call_gets_one_response_in_their_order() -> None:
    said = assistant(ToolCall("a", "read", {}), ToolCall("b", "read", {}), ToolCall("c", "read", {}))
    told = results(ToolResult("c", "3"), ToolResult("stray", "?"), ToolResult("a", "1"))
    given = [part["functionResponse"] for part in encode(user("q"), said, told)["contents"][2]["parts"]]
    assert [(row["id"], row["response"]) for row in given] == [
        ("a", {"output": "1"}),
        ("b", {"error": NO_RESULT}),
        ("c", {"output": "3"}),
    ]


def test_pictures_stand_in_the_response_where_the_family_can_and_beside_it_elsewhere() -> None:
    talk = user("q"), assistant(ToolCall("a", "shot", {})), results(ToolResult("a", "done", images=(PNG,)))
    blob = {"inlineData": {"mimeType": "image/png", "data": PNG.data}}
    (response,) = encode(*talk)["contents"][2]["parts"]
    assert response["functionResponse"]["parts"] == [blob]
    response, words, picture = encode(*talk, to=OLD)["contents"][2]["parts"]
    assert "parts" not in response["functionResponse"]
    assert (words, picture) == ({"text": "[a picture that shot gave]"}, blob)


def test_a_picture_of_an_unknown_type_is_left_out_in_words() -> None:
    (part,) = encode(user(Image("image/gif", "R0lG")))["contents"][0]["parts"]
    assert "image/gif" in part["text"]


@each(
    "messages",
    [
        (),
        (Message("system", (Text("Be brief."),)),),
        (assistant("I begin."),),
        (user(""), assistant(""), user(Reasoning("x"))),
        (user("a"), user("b"), assistant(Refusal("no")), assistant("c"), Message("system", (Text("late"),))),
        (user("a"), assistant(ToolCall("a", "f", {}))),
        (assistant(ToolCall("a", "f", {})), assistant(ToolCall("a", "f", {})), results(ToolResult("a", "x"))),
        (results(ToolResult("a", "x")), user("q")),
        (user("a"), assistant(Opaque(*NEW.tag, data={"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}))),
        (user("\ud83d half"), assistant(ToolCall("ü" * 99, "naïve tool", {"a": "\udc00"}))),
    ],
)
@each("to", [NEW, OLD])
def test_any_history_becomes_one_that_is_accepted(messages: tuple[Message, ...], to: Profile) -> None:
    body = encode(*messages, to=to)
    validate(body)
    assert problem_with(body, needs_signatures=to is NEW) == ""


def test_words_of_the_system_later_on_stay_in_their_place() -> None:
    body = encode(Message("system", (Text("s"),)), user("a"), assistant("b"), Message("system", (Text("late"),)))
    assert body["systemInstruction"] == {"parts": [{"text": "s"}]}
    assert body["contents"][-1] == {"role": "user", "parts": [{"text": "late"}]}


def test_a_conversation_that_begins_with_the_model_gets_an_opening() -> None:
    assert encode(assistant("I begin."))["contents"][0] == {"role": "user", "parts": [{"text": OPENING}]}


def test_a_paused_answer_is_continued_with_its_token() -> None:
    paused = assistant("half", Opaque(*NEW.tag, data={"continuationToken": "dG9r"}))
    body = encode(user("q"), paused)
    assert body["continuationToken"] == "dG9r"
    assert len(body["contents"]) == 1
    later = encode(user("q"), paused, user("go on"))
    assert "continuationToken" not in json.dumps(later)
    assert later["contents"][1]["parts"] == [{"text": "half"}]
    assert "continuationToken" not in json.dumps(encode(user("q"), paused, to=OLD))


# --- wishes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"mode": "AUTO"}),
        ("any", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ("find it", {"mode": "ANY", "allowedFunctionNames": ["t:find:20:it"]}),
        ("unheard of", {"mode": "AUTO"}),
    ],
)
def test_the_choice_of_tools_is_a_mode(choice: str, told: Json) -> None:
    body = encode(user("q"), tools=TOOLS, tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": told}
    assert "toolConfig" not in encode(user("q"), tool_choice=choice)


def test_tools_are_sorted_and_keep_their_schemas() -> None:
    from google.genai import types

    (tool,) = encode(user("q"), tools=TOOLS)["tools"]
    assert [row["name"] for row in tool["functionDeclarations"]] == ["t:find:20:it", "read"]
    assert tool["functionDeclarations"][0]["parametersJsonSchema"] == TOOLS[1].parameters
    types.Tool.model_validate(tool)


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-3-pro-preview", "", {"includeThoughts": True}),
        ("gemini-3-pro-preview", "none", {"includeThoughts": False, "thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        ("models/gemini-3-flash-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "MINIMAL"}),
        ("gemini-flash-latest", "max", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-9-ultra", "xhigh", {"includeThoughts": True, "thinkingLevel": "XHIGH"}),
        ("gemini-2.5-flash", "", {"includeThoughts": True}),
        ("gemini-2.5-flash", "none", {"includeThoughts": False, "thinkingBudget": 0}),
        ("gemini-2.5-flash-lite", "max", {"includeThoughts": True, "thinkingBudget": 24576}),
        ("gemini-2.5-pro", "none", {"includeThoughts": False, "thinkingBudget": 128}),
        ("gemini-2.5-pro", "xhigh", {"includeThoughts": True, "thinkingBudget": 32768}),
        ("gemini-2.5-flash-image", "high", None),
        ("gemini-2.0-flash", "high", None),
        ("gemma-3-27b-it", "", None),
    ],
)
def test_thinking_is_asked_for_as_the_family_wants_it(model: str, effort: Any, config: Json | None) -> None:
    body = encode(user("q"), to=profile(model), effort=effort)
    assert body.get("generationConfig", {}).get("thinkingConfig") == config


def test_the_shape_of_the_answer_is_a_json_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    config = encode(user("q"), response_schema=schema, tools=TOOLS)["generationConfig"]
    assert (config["responseMimeType"], config["responseJsonSchema"]) == ("application/json", schema)
    beside = encode(user("q"), response_schema=schema, tools=TOOLS, to=OLD)
    assert "responseMimeType" not in beside["generationConfig"]
    assert json.dumps(schema, sort_keys=True) in beside["systemInstruction"]["parts"][-1]["text"]


def test_limits_and_stops_are_named() -> None:
    wishes = {"max_output_tokens": 5, "temperature": 0.5, "stop_sequences": ("a", "", "b", "c", "d", "e", "f")}
    config = encode(user("q"), to=profile("gemini-2.0-flash"), **wishes)["generationConfig"]
    assert config == {"maxOutputTokens": 5, "temperature": 0.5, "stopSequences": ["a", "b", "c", "d", "e"]}


# --- names ----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z_][\w.:-]{0,140}"))
def test_every_name_of_a_tool_comes_back(name: str) -> None:
    from google.genai import types

    wire = to_wire_name(name)
    assert types.FunctionDeclaration(name=wire)
    assert len(wire) <= 128
    assert wire.isascii()
    assert wire[0].isalpha() or wire[0] == "_"
    assert from_wire_name(wire) == name


def test_a_good_name_stays() -> None:
    assert [to_wire_name(name) for name in ("read", "mcp__x-y.z", "a:b")] == ["read", "mcp__x-y.z", "a:b"]
    assert to_wire_name("1st") == "t:1st"
    assert to_wire_name("t:x") != "t:x"


# --- address and key ------------------------------------------------------------------------------------------------


def test_the_model_is_in_the_path_and_the_key_is_not() -> None:
    assert PROVIDER.path(NEW) == "/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse"
    assert PROVIDER.path(replace(NEW, model="models/a b?key=1")).startswith("/v1beta/models/a%20b%3Fkey%3D1:")
    assert PROVIDER.path(replace(NEW, model="tunedModels/x")).startswith("/v1beta/tunedModels/x:")
    assert PROVIDER.path(replace(NEW, base_url=URL + "/v1")).startswith("/models/gemini-3")


def test_a_key_and_a_sign_in_have_their_headers() -> None:
    assert PROVIDER.headers(Credential("key", "k"), NEW) == {"x-goog-api-key": "k"}
    bearer = Credential("bearer", "t", {"x-goog-user-project": "p1"})
    assert PROVIDER.headers(bearer, NEW) == {"authorization": "Bearer t", "x-goog-user-project": "p1"}
    assert PROVIDER.headers(Credential(), NEW) == {}


# --- errors ---------------------------------------------------------------------------------------------------------


def google(code: int, status: str, message: str = "m", *details: Json) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


QUOTA = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerMinute"}],
}
DAILY = {**QUOTA, "violations": [*QUOTA["violations"], {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}
INFO = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "googleapis.com"}
TOO_MANY = "The input token count (1048999) exceeds the maximum number of tokens allowed (1048576)."
ERRORS: list[tuple[int, bytes, type[AiexError], str]] = [
    (400, google(400, "INVALID_ARGUMENT"), Rejected, "invalid_request"),
    (400, google(400, "FAILED_PRECONDITION", "User location is not supported."), Rejected, "invalid_request"),
    (400, google(400, "INVALID_ARGUMENT", "bad", {**INFO, "reason": "API_KEY_INVALID"}), NotSignedIn, "auth"),
    (400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), NotSignedIn, "auth"),
    (400, google(400, "INVALID_ARGUMENT", TOO_MANY), ContextOverflow, "context_overflow"),
    (400, google(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit."), Rejected, "request_too_large"),
    (401, google(401, "UNAUTHENTICATED"), NotSignedIn, "auth"),
    (403, google(403, "PERMISSION_DENIED"), NotSignedIn, "permission"),
    (403, google(403, "PERMISSION_DENIED", "off", {**INFO, "reason": "BILLING_DISABLED"}), Rejected, "quota"),
    (404, google(404, "NOT_FOUND", "models/x is not found for API version v1beta"), Rejected, "not_found"),
    (413, b"<html><title>413</title></html>", Rejected, "request_too_large"),
    (429, google(429, "RESOURCE_EXHAUSTED", "slow", QUOTA), Transient, "rate_limit"),
    (429, google(429, "RESOURCE_EXHAUSTED", "stop", DAILY), Rejected, "quota"),
    (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded, limit: 0, model: x"), Rejected, "quota"),
    (500, google(500, "INTERNAL"), Transient, "server_error"),
    (502, b"<html><title>Bad Gateway</title></html>", Transient, "server_error"),
    (503, b"[" + google(503, "UNAVAILABLE", "The model is overloaded.") + b"]", Transient, "overloaded"),
    (504, google(504, "DEADLINE_EXCEEDED"), Transient, "timeout"),
]


@pytest.mark.parametrize(("status", "body", "kind", "failure"), ERRORS)
def test_an_error_of_google_has_its_meaning(status: int, body: bytes, kind: type[AiexError], failure: str) -> None:
    error = PROVIDER.to_error(status, {}, body, NEW)
    assert isinstance(error, kind)
    assert error.kind == failure
    assert str(status) in error.message


def test_what_google_says_about_sizes_and_delays_is_read() -> None:
    overflow = PROVIDER.to_error(400, {}, google(400, "INVALID_ARGUMENT", TOO_MANY), NEW)
    assert isinstance(overflow, ContextOverflow)
    assert (overflow.needed_tokens, overflow.limit_tokens) == (1_048_999, 1_048_576)
    for details, words, headers, wish in [
        ([{"@type": "RetryInfo", "retryDelay": "34.07s"}], "m", {"retry-after": "5"}, 34.07),
        ([], "m", {"retry-after": "5"}, 5.0),
        ([], "Please retry in 34.5s.", {}, 34.5),
        ([{"retryDelay": "soon"}], "m", {}, None),
    ]:
        error = PROVIDER.to_error(429, headers, google(429, "RESOURCE_EXHAUSTED", words, *details), NEW)
        assert isinstance(error, Transient)
        assert error.retry_after_s == wish
    error = PROVIDER.to_error(503, {"x-should-retry": "false"}, b"", NEW)
    assert isinstance(error, Transient)
    assert error.should_retry is False


# --- models, counts, embeddings -------------------------------------------------------------------------------------


def test_models_come_with_their_limits() -> None:
    with FakeGemini(models=("gemini-3-pro",)) as server, urlopen(server.base_url + PROVIDER.models_path) as reply:
        body = reply.read()
    assert PROVIDER.read_models(body) == (
        ModelCard("gemini-3-pro", 1_048_576, 65_536, frozenset({"reasoning"})),
        ModelCard("fake-embedding", 2048, 1, frozenset({"embeddings"})),
    )
    rows = [{"name": "models/imagen-4", "supportedGenerationMethods": ["predict"]}, {"name": 7}, None]
    assert PROVIDER.read_models(json.dumps({"models": rows}).encode()) == ()
    assert PROVIDER.read_models(b"<html>") == ()


def test_tokens_of_the_whole_request_are_counted() -> None:
    assert isinstance(PROVIDER, CountsTokens)
    request = Request("m", three_turns(NEW), TOOLS)
    body = PROVIDER.encode_count(request, NEW)["generateContentRequest"]
    assert body == {"model": "models/gemini-3-flash-preview", **PROVIDER.encode(request, NEW)}
    assert PROVIDER.count_path(NEW) == "/v1beta/models/gemini-3-flash-preview:countTokens"
    assert PROVIDER.read_count(b'{"totalTokens": 31}') == 31
    with pytest.raises(Rejected):
        PROVIDER.read_count(b"{}")


def test_texts_are_embedded_in_their_order() -> None:
    assert isinstance(PROVIDER, Embeds)
    to = profile("gemini-embedding-001")
    requests = PROVIDER.encode_embed(["a", "b"], to)["requests"]
    assert [row["content"]["parts"][0]["text"] for row in requests] == ["a", "b"]
    assert {row["model"] for row in requests} == {"models/gemini-embedding-001"}
    assert PROVIDER.embed_path(to) == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    body = b'{"embeddings": [{"values": [1, 0.5]}, {"values": [2, 0.5]}], "usageMetadata": {"promptTokenCount": 4}}'
    assert PROVIDER.read_embeddings(body) == ([[1.0, 0.5], [2.0, 0.5]], Usage(4))
    for other in (b"[]", b'{"embeddings": []}', b'{"embeddings": [{"values": ["x"]}]}', b'{"embeddings": [7]}'):
        with pytest.raises(Rejected):
            PROVIDER.read_embeddings(other)
