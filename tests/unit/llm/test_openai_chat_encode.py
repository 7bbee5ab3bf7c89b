"""Requests become bodies that the official types of Chat Completions accept."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aiex.llm.history import COMMON_IDS
from aiex.llm.protocols.openai_chat.quirks import Quirks, find_quirks, quirks_of
from aiex.llm.providers.openai_chat import PROVIDER
from aiex.llm.wire import Profile, to_json
from aiex.messages import (
    CachePoint,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Request,
    Text,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from aiex.pairing import NO_RESULT
from tests.unit.llm.chat_servers import DEEPSEEK, MISTRAL, OLLAMA, OPENAI, OPENROUTER, PROFILE, SERVERS, at

ASK = Request("ignored", (Message("user", (Text("hi"),)),))


def encode(request: Request, profile: Profile = PROFILE) -> dict[str, Any]:
    return PROVIDER.encode(request, profile)


def messages(*given: Message) -> list[dict[str, Any]]:
    encoded: list[dict[str, Any]] = encode(Request("m", given))["messages"]
    return encoded


def test_a_simple_question() -> None:
    assert encode(ASK) == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_document_has_its_title_above() -> None:
    document = Document("brief", "text/markdown", "# A\n\nwords")
    assert messages(Message("user", (Text("Explain."), document))) == [
        {
            "role": "user",
            "content": "Explain.\n\n[Document: brief (text/markdown)]\n\n# A\n\nwords\n\n[End of document: brief]",
        }
    ]


def test_results_follow_their_calls_each_as_a_message() -> None:
    call, other = ToolCall("a", "read", {"path": "é"}), ToolCall("b", "find", {})
    assert messages(
        Message("system", (Text("Be brief."), CachePoint())),
        Message("assistant", (Reasoning("hm"), Text("Wait."), call, other)),
        Message("user", (ToolResult("a", "text of é"), ToolResult("b", "not found", is_error=True), Text("Go on."))),
    ) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "assistant",
            "content": "Wait.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path":"é"}'}},
                {"id": "b", "type": "function", "function": {"name": "find", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "text of é"},
        {"role": "tool", "tool_call_id": "b", "content": "error: not found"},
        {"role": "user", "content": "Go on."},
    ]


def test_a_call_without_words_has_null_content() -> None:
    message, _ = messages(Message("assistant", (ToolCall("a", "f", {}),)))
    assert message["content"] is None


def test_pictures_and_words_keep_their_order() -> None:
    (message,) = messages(Message("user", (Text("before"), Image("image/png", "AAAA"), Text("after"))))
    assert message["content"] == [
        {"type": "text", "text": "before"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "after"},
    ]


@pytest.mark.parametrize("parts", [(), (Text(""),), (CachePoint(),), (Reasoning("hm"),)])
def test_what_is_empty_is_not_sent(parts: tuple[Part, ...]) -> None:
    assert messages(*(Message(role, parts) for role in ("system", "user", "assistant"))) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quirks", "expected", "absent"),
    [
        (Quirks(), {"max_tokens": 9, "temperature": 0.5}, {"max_completion_tokens"}),
        (Quirks(max_tokens_field="max_completion_tokens"), {"max_completion_tokens": 9}, {"max_tokens"}),
        (Quirks(temperature=False), {"max_tokens": 9}, {"temperature"}),
        (Quirks(stream_usage=False), {"stream": True}, {"stream_options"}),
        (Quirks(json_schema=False), {"response_format": {"type": "json_object"}}, set()),
    ],
)
def test_quirks_shape_the_body(quirks: Quirks, expected: Mapping[str, Any], absent: set[str]) -> None:
    request = replace(ASK, max_output_tokens=9, temperature=0.5, response_schema={"type": "object"})
    body = encode(request, replace(PROFILE, quirks=quirks))
    assert {key: body[key] for key in expected} == expected
    assert not absent & body.keys()


def test_thinking_goes_back_only_where_it_is_wanted_and_never_empty() -> None:
    profile = replace(PROFILE, quirks=Quirks(reasoning_field="reasoning_content"))
    call = ToolCall("a", "f", {})
    turns = (Message("assistant", (Reasoning("hm"), call)), Message("assistant", (call,)))
    with_thought, _, without, _ = encode(Request("m", turns), profile)["messages"]
    assert with_thought["reasoning_content"] == "hm"
    assert "reasoning_content" not in without
    assert all("reasoning_content" not in message for message in messages(*turns))


# --- tools and how much to think ------------------------------------------------------------------------------------

TOOLS = (ToolDefinition("write", "W.", {"type": "object"}), ToolDefinition("read", "R.", {"type": "object"}))
WITH_TOOLS = replace(ASK, tools=TOOLS)
NO_CHOICE = Quirks(tool_choice=False, parallel_field=False)


def test_tools_stand_in_the_order_of_their_names() -> None:
    names = [tool["function"]["name"] for tool in encode(WITH_TOOLS)["tools"]]
    assert names == ["read", "write"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        ("any", "required"),
        ("none", "none"),
        ("read", {"type": "function", "function": {"name": "read"}}),
    ],
)
def test_a_choice_of_tools(choice: str, expected: Any) -> None:
    assert encode(replace(WITH_TOOLS, tool_choice=choice)).get("tool_choice") == expected
    assert "tool_choice" not in encode(replace(ASK, tool_choice=choice))


@pytest.mark.parametrize(
    ("choice", "names"), [("auto", ["read", "write"]), ("any", ["read", "write"]), ("none", []), ("read", ["read"])]
)
def test_where_the_server_knows_no_choice_tools_are_left_out(choice: str, names: list[str]) -> None:
    body = encode(replace(WITH_TOOLS, tool_choice=choice), replace(PROFILE, quirks=NO_CHOICE))
    assert [tool["function"]["name"] for tool in body.get("tools", [])] == names
    assert "tool_choice" not in body


def test_a_server_that_takes_only_words_is_offered_the_one_tool_it_shall_call() -> None:
    body = encode(replace(WITH_TOOLS, tool_choice="read"), SERVERS["lm studio"])
    assert [tool["function"]["name"] for tool in body["tools"]] == ["read"]
    assert body["tool_choice"] == "required"
    assert len(encode(replace(WITH_TOOLS, tool_choice="none"), SERVERS["lm studio"])["tools"]) == 2


def test_one_call_at_a_time_is_asked_for_where_the_server_knows_it() -> None:
    request = replace(WITH_TOOLS, parallel_tool_calls=False)
    assert encode(request)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in encode(request, replace(PROFILE, quirks=NO_CHOICE))
    assert "parallel_tool_calls" not in encode(WITH_TOOLS)
    assert "parallel_tool_calls" not in encode(replace(ASK, parallel_tool_calls=False))


@pytest.mark.parametrize(
    ("server", "effort", "expected"),
    [
        ("rule", "", {}),
        ("rule", "high", {"reasoning_effort": "high"}),
        ("rule", "max", {"reasoning_effort": "high"}),
        ("rule", "minimal", {"reasoning_effort": "low"}),
        ("rule", "none", {}),
        ("openai", "max", {"reasoning_effort": "max"}),
        ("openai", "none", {"reasoning_effort": "none"}),
        ("openai without thinking", "high", {}),
        ("openrouter", "max", {"reasoning": {"effort": "xhigh"}}),
        ("openrouter", "none", {"reasoning": {"effort": "none"}}),
        ("deepseek", "medium", {"thinking": {"type": "enabled"}, "reasoning_effort": "medium"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("ollama", "none", {"reasoning_effort": "none"}),
        ("mistral", "high", {}),
        ("groq", "xhigh", {"reasoning_effort": "high"}),
    ],
)
def test_how_much_to_think_is_said_as_the_server_understands_it(server: str, effort: Any, expected: Any) -> None:
    body = encode(replace(ASK, effort=effort), SERVERS[server])
    assert {key: body[key] for key in ("reasoning_effort", "reasoning", "thinking") if key in body} == expected


def test_deepseek_is_forced_to_a_tool_only_while_it_does_not_think() -> None:
    request = replace(WITH_TOOLS, tool_choice="any")
    assert "tool_choice" not in encode(request, DEEPSEEK)
    assert encode(replace(request, effort="none"), DEEPSEEK)["tool_choice"] == "required"
    assert encode(replace(request, tool_choice="none"), DEEPSEEK)["tool_choice"] == "none"


@pytest.mark.parametrize(
    ("host", "model", "expected"),
    [
        ("127.0.0.1", "gpt-5", {}),
        ("api.openai.com", "gpt-4o", {"max_tokens_field": "max_completion_tokens", "temperature": True}),
        ("api.openai.com", "o4-mini", {"temperature": False, "stop": False, "system_role": "developer"}),
        ("x.openai.azure.com", "gpt-6", {"system_role": "developer", "key_header": "api-key"}),
        ("api.mistral.ai", "mistral-large", {"stream_usage": False, "short_ids": True}),
        ("openrouter.ai", "openai/gpt-6", {"cache_parts": False}),
        ("openrouter.ai", "anthropic/claude-opus-5.5", {"cache_parts": True}),
    ],
)
def test_quirks_are_found_by_host_and_model(host: str, model: str, expected: dict[str, Any]) -> None:
    quirks = find_quirks(host, model)
    assert {name: getattr(quirks, name) for name in expected} == expected
    assert (quirks == Quirks()) == (not expected)


def test_quirks_of_servers_without_a_host_of_their_own_are_found_by_port_and_path() -> None:
    assert not quirks_of(OLLAMA).tool_choice
    assert quirks_of(at("http://127.0.0.1:8000/v1", "m")) == Quirks(alternating=True)
    assert quirks_of(at("http://127.0.0.1:8001/v1", "m")) == Quirks()
    assert quirks_of(replace(OLLAMA, quirks=Quirks(images=False))) == Quirks(images=False)
    assert quirks_of(replace(PROFILE, base_url="http://[broken")) == Quirks()


def test_stop_sequences_and_the_cache_key_go_where_they_are_known() -> None:
    request = replace(ASK, stop_sequences=("a", "b", "c", "d", "e"), cache_key="s-1")
    assert encode(request)["stop"] == ["a", "b", "c", "d"]
    assert "prompt_cache_key" not in encode(request)
    assert encode(request, OPENAI)["prompt_cache_key"] == "s-1"
    assert "stop" not in encode(request, OPENAI)


# --- structured answers ---------------------------------------------------------------------------------------------

CLOSED = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "required": []}, False),
        ({"type": "object", "properties": {"n": {}}, "required": ["n"]}, False),
        ({**CLOSED, "properties": {"n": {"type": "object"}}}, False),
        ({**CLOSED, "properties": {"n": {"type": "array", "items": CLOSED}}}, True),
        ({**CLOSED, "properties": {"n": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({**CLOSED, "properties": {"n": {"oneOf": [CLOSED]}}}, False),
        ({**CLOSED, "properties": {"n": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "object"}}}, False),
        ({**CLOSED, "properties": {"n": {"enum": [{"properties": 1}]}}}, True),
        ({**CLOSED, "properties": {"not": {}}, "required": ["not"]}, True),
        ({"type": ["object", "null"]}, False),
    ],
)
def test_whether_a_schema_is_enforced_strictly_is_decided_from_it(schema: dict[str, Any], strict: bool) -> None:
    described = encode(replace(ASK, response_schema=schema))["response_format"]["json_schema"]
    assert described == {"name": "answer", "schema": schema, "strict": strict}


def test_a_schema_is_named_after_its_title() -> None:
    described = encode(replace(ASK, response_schema={"title": "Bug report (v2)", **CLOSED}))["response_format"]
    assert described["json_schema"]["name"] == "Bug_report_v2"


def test_a_schema_the_server_does_not_know_is_told_in_words() -> None:
    asked = Message("user", (Text("hi"),))
    with_system, without = (
        encode(Request("m", (*system, asked), response_schema=CLOSED), DEEPSEEK)["messages"]
        for system in ((Message("system", (Text("Be brief."),)),), ())
    )
    assert [message["role"] for message in with_system] == [message["role"] for message in without]
    assert with_system[0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert '"additionalProperties":false' in without[0]["content"]


# --- whole conversations --------------------------------------------------------------------------------------------


def picture_turn() -> tuple[Message, ...]:
    return (
        Message("user", (Text("look"),)),
        Message("assistant", (ToolCall("toolu_01AbC", "shot", {}), ToolCall("b", "read", {}))),
        Message("tool", (ToolResult("toolu_01AbC", "taken", images=(Image("image/png", "AAAA"),)),)),
    )


def test_pictures_in_results_follow_as_a_message_of_the_user_behind_all_results() -> None:
    encoded = messages(*picture_turn())
    assert [message["role"] for message in encoded] == ["user", "assistant", "tool", "tool", "user"]
    assert encoded[3]["content"] == f"error: {NO_RESULT}"
    assert encoded[4]["content"] == [
        {"type": "text", "text": "Pictures in the result of call toolu_01AbC:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


def test_where_no_model_sees_pictures_their_place_is_told() -> None:
    encoded = encode(Request("m", picture_turn()), DEEPSEEK)["messages"]
    assert "cannot see" in encoded[-1]["content"]


def test_mistral_gets_short_ids_and_a_word_between_result_and_user() -> None:
    encoded = encode(Request("m", (*picture_turn(), Message("assistant", (Text("So"),)))), MISTRAL)["messages"]
    assert [message["role"] for message in encoded] == [
        *("user", "assistant", "tool", "tool", "assistant", "user", "assistant")
    ]
    ids = [call["id"] for call in encoded[1]["tool_calls"]]
    assert all(re.fullmatch("[A-Za-z0-9]{9}", id) for id in ids)
    assert ids == [message["tool_call_id"] for message in encoded[2:4]]
    assert encoded[-1] == {"role": "assistant", "content": "So", "prefix": True}


def test_where_roles_must_alternate_neighbours_are_joined() -> None:
    call = ToolCall("a", "f", {})
    history = (
        Message("user", (Text("one"),)),
        Message("user", (Text("two"), Image("image/png", "AAAA"))),
        Message("assistant", (Text("Half an"),)),
        Message("assistant", (Text("answer."), call)),
        Message("tool", (ToolResult("a", "x", images=(Image("image/png", "BBBB"),)),)),
        Message("user", (Text("three"),)),
        Message("user", (Text("four"),)),
    )
    user, answer, result, last = encode(Request("m", history), SERVERS["vllm"])["messages"]
    assert [part["type"] for part in user["content"]] == ["text", "text", "image_url"]
    assert (answer["content"], len(answer["tool_calls"])) == ("Half an\n\nanswer.", 1)
    assert result["role"] == "tool"
    assert [part.get("text") for part in last["content"]] == [
        "Pictures in the result of call a:",
        None,
        "three",
        "four",
    ]
    plain = encode(Request("m", history[-2:]), SERVERS["vllm"])["messages"]
    assert plain == [{"role": "user", "content": "three\n\nfour"}]
    assert len(encode(Request("m", history[-2:]))["messages"]) == 2


def test_ids_that_vendors_refuse_are_rewritten_the_same_way_each_time() -> None:
    history = (Message("assistant", (ToolCall("call|1 é", "f", {}),)), Message("tool", (ToolResult("call|1 é", "x"),)))
    first, second = messages(*history), messages(*history)
    assert first == second
    assert COMMON_IDS.fullmatch(first[0]["tool_calls"][0]["id"])
    assert first[0]["tool_calls"][0]["id"] == first[1]["tool_call_id"]


def test_thinking_of_another_vendor_is_dropped_and_own_blocks_go_back_unchanged() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}, {"type": "x", "data": "d"}]
    own = Opaque(*OPENROUTER.tag, data={"reasoning_details": details}, covers=1)
    call = ToolCall("a", "f", {})
    history = (Message("assistant", (Reasoning("hm"), own, call)), Message("tool", (ToolResult("a", "x"),)))
    (answer, _), (foreign, _) = (encode(Request("m", history), to)["messages"] for to in (OPENROUTER, DEEPSEEK))
    assert answer["reasoning_details"] == details
    assert "reasoning_details" not in foreign
    assert foreign["reasoning_content"] == "(not recorded)"


def test_deepseek_gets_its_thinking_back_on_turns_with_calls_only() -> None:
    block = Opaque(*DEEPSEEK.tag, data={"reasoning_content": "hm"}, covers=1)
    calling = Message("assistant", (Reasoning("hm"), block, ToolCall("a", "f", {})))
    speaking = Message("assistant", (Reasoning("hm"), block, Text("Done.")))
    call, _, words = encode(Request("m", (calling, speaking)), DEEPSEEK)["messages"]
    assert call["reasoning_content"] == "hm"
    assert "reasoning_content" not in words


def test_cache_points_mark_parts_for_models_of_anthropic_behind_openrouter() -> None:
    history = (
        Message("system", (Text("Be brief."), CachePoint(), Text("Today."))),
        Message("user", (Text("hi"), CachePoint())),
        Message("assistant", (ToolCall("a", "f", {}),)),
        Message("tool", (ToolResult("a", "x"), CachePoint())),
        Message("assistant", (Text("So."), CachePoint())),
        Message("user", (CachePoint(), Text("on"), CachePoint())),
    )
    encoded = encode(Request("m", history), OPENROUTER)["messages"]
    marked = [
        part["text"]
        for message in encoded
        if isinstance(message["content"], list)
        for part in message["content"]
        if part.get("cache_control") == {"type": "ephemeral"}
    ]
    assert marked == ["hi", "x", "So.", "on"]
    assert "cache_control" not in str(encode(Request("m", history)))


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    body = to_json(encode(Request("m", (Message("user", (Text("a\ud83d b\ud83d\ude00"),)),))))
    assert json.loads(body)["messages"][0]["content"] == "a\ufffd b😀"
