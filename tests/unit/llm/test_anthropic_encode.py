"""Requests as Anthropic takes them, checked against the types of its SDK and the rules of its server."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from aiex.llm.providers.anthropic import PROVIDER
from aiex.llm.wire import Profile, to_json
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
)
from tests.fakes.anthropic_server import problem_with
from tests.fakes.tables import each

PNG = Image("image/png", "iVBORw0KGgo=")
READ = ToolDefinition("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
FIND = ToolDefinition("find", "Find words.", {"properties": {}})
HI = Message("user", (Text("Hi"),))


def profile_of(model: str, host: str = "") -> Profile:
    host = host or ("api.anthropic.com" if "claude" in model else "127.0.0.1")
    return Profile("anthropic", model, f"https://{host}", PROVIDER.quirks(host, model))


OPUS = profile_of("claude-opus-5-5")
TAG = OPUS.tag


@cache
def vendors_types() -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
    """Of requests for an answer, and for a count; read when needed, because that takes two seconds."""
    from anthropic.types import message_count_tokens_params, message_create_params

    create: TypeAdapter[Any] = TypeAdapter(message_create_params.MessageCreateParamsStreaming)
    return create, TypeAdapter(message_count_tokens_params.MessageCountTokensParams)


def read_out(value: Any) -> Any:
    """What the types know of a value; an iterable is only checked while it is read."""
    if isinstance(value, dict):
        return {key: read_out(inner) for key, inner in value.items()}
    return value if value is None or isinstance(value, str | int | float) else [read_out(inner) for inner in value]


def encode(request: Request, profile: Profile = OPUS) -> dict[str, Any]:
    """The body, after everybody else has agreed to it."""
    body = PROVIDER.encode(request, profile)
    known = {key: value for key, value in body.items() if key != "temperature"}  # which the new version has not
    assert read_out(vendors_types()[0].validate_python(body)) == known
    assert problem_with(json.loads(to_json(body)), counts=False) == ""
    count = PROVIDER.encode_count(request, profile)
    assert read_out(vendors_types()[1].validate_python(count)) == count
    assert not {"max_tokens", "stream", "temperature", "stop_sequences"} & count.keys()
    return body


def ask(*parts: Part, **how: Any) -> Request:
    return Request("m", (Message("user", parts or (Text("Hi"),)),), **how)


def contents(body: dict[str, Any]) -> list[Any]:
    return [message["content"] for message in body["messages"]]


def points(body: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block for block in (*body.get("tools", ()), *body.get("system", ()), *blocks) if "cache_control" in block]


def bare(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks]


# --- conversations --------------------------------------------------------------------------------------------------

SIGNED = {"type": "thinking", "thinking": "hm", "signature": "sig"}
SEALED = {"type": "redacted_thinking", "data": "EmwK"}
CONVERSATION = (
    Message("system", (Text("Be brief."), Document("rules", "text/markdown", "# Rules"))),
    Message("user", (Text("What is this?"), PNG, Document("a.py", "text/x-python", "x = 1"))),
    Message(
        "assistant",
        (
            *(Reasoning("hm"), Opaque(*TAG, data=SIGNED, covers=1), Opaque(*TAG, data=SEALED), Text("Let me look.")),
            *(ToolCall("a", "read", {"path": "x"}), ToolCall("b", "find", {})),
        ),
    ),
    Message("tool", (ToolResult("b", "", images=(PNG,)), ToolResult("a", "no such file", is_error=True))),
    Message("user", (Text("Hurry."),)),
    Message(
        "assistant", (Reasoning("foreign"), Opaque("openai", "o", "u", data={"id": "rs_1"}, covers=1), Text("Ok."))
    ),
    Message("user", (Text("Thanks."),)),
)


def test_a_conversation_of_three_turns_fits_the_types_of_the_sdk() -> None:
    body = encode(Request("m", CONVERSATION, (READ, FIND), max_output_tokens=100))
    assert body["max_tokens"] == 100
    assert [tool["name"] for tool in body["tools"]] == ["find", "read"]
    assert [block["text"].split("\n")[0] for block in body["system"]] == [
        "Be brief.",
        "[Document: rules (text/markdown)]",
    ]
    asked, answered, results, spoken, last = map(bare, contents(body))
    assert [block["type"] for block in asked] == ["text", "image", "text"]
    assert answered == [
        SIGNED,
        SEALED,
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "a", "name": "read", "input": {"path": "x"}},
        {"type": "tool_use", "id": "b", "name": "find", "input": {}},
    ]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG.data}}
    assert results == [
        {"type": "tool_result", "tool_use_id": "a", "content": "no such file", "is_error": True},
        {"type": "tool_result", "tool_use_id": "b", "content": [picture]},
        {"type": "text", "text": "Hurry."},
    ]
    assert (spoken, last) == ([{"type": "text", "text": "Ok."}], [{"type": "text", "text": "Thanks."}])


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-4-5", "claude-3-5-haiku-20241022", "fake-1"])
def test_another_model_gets_the_words_without_the_signed_blocks(model: str) -> None:
    body = encode(Request("m", CONVERSATION, (READ, FIND)), profile_of(model))
    assert [block["type"] for block in contents(body)[1]] == ["text", "tool_use", "tool_use"]


def test_blocks_in_an_order_of_their_own_are_replayed_in_it() -> None:
    use = {"type": "tool_use", "id": "a", "name": "read", "input": {}, "caller": {"type": "direct"}}
    later = {**SIGNED, "thinking": "and"}
    held = Opaque(*TAG, data={"blocks": [use, later]}, covers=2)
    answer = Message("assistant", (Text("Wait."), Reasoning("and"), ToolCall("a", "read", {}), held))
    body = encode(Request("m", (HI, answer, Message("tool", (ToolResult("a", "x"),))), (READ,)))
    assert contents(body)[1] == [{"type": "text", "text": "Wait."}, use, later]
    assert bare(contents(body)[2]) == [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]


def test_a_failed_result_has_words_only_and_its_pictures_follow_all_results() -> None:
    calls = Message("assistant", (ToolCall("a", "read", {}), ToolCall("b", "read", {})))
    results = Message("tool", (ToolResult("a", "", is_error=True, images=(PNG,)), ToolResult("b", "x")))
    failed, fine, picture = contents(encode(Request("m", (HI, calls, results), (READ,))))[2]
    assert failed["content"] == "the tool failed and said nothing"
    assert (fine["tool_use_id"], picture["type"]) == ("b", "image")


def test_replaying_changes_no_part_of_the_session() -> None:
    before = json.dumps(SIGNED)
    encode(Request("m", CONVERSATION, (READ, FIND)))
    assert json.dumps(SIGNED) == before


def test_words_of_the_system_in_between_are_said_by_the_user() -> None:
    body = encode(Request("m", (Message("system", (Text("A"),)), HI, Message("system", (Text("B"),)))))
    assert [block["text"] for block in body["system"]] == ["A"]
    assert [block["text"] for block in contents(body)[0]] == ["Hi", "<system>\nB\n</system>"]


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message("system", (Text("only"),)),),
        (Message("assistant", (Text("first"),)),),
        (HI, Message("assistant", (Text("half an answer"),))),
        (HI, Message("assistant", (Opaque(*TAG, data=SIGNED),)), HI),
        (HI, Message("assistant", (Text(" \n"), Refusal("")))),
        (HI, Message("assistant", (ToolCall("a", "read", {}),))),
        (HI, Message("assistant", (ToolCall("a", "read", {}), ToolCall("a", "read", {}))), HI),
        (HI, Message("tool", (ToolResult("gone", "x"),))),
        (HI, Message("assistant", (ToolCall("a b/c" * 40, "functions.read", {}),)), Message("assistant", (Text("x"),))),
        (
            HI,
            Message("assistant", (PNG, Text("drawn"))),
            Message("user", (Image("image/bmp", "x"), Text("\ud800"))),
        ),
    ],
)
def test_any_history_becomes_one_that_is_accepted(messages: tuple[Message, ...]) -> None:
    encode(Request("m", messages, (READ,)))
    encode(Request("m", messages))


PARTS = st.one_of(
    st.builds(Text, st.sampled_from(["", " ", "x", "\ud83d"])),
    st.builds(Reasoning, st.just("hm")),
    st.builds(lambda id, name: ToolCall(id, name, {}), st.sampled_from("aab é"), st.sampled_from(["read", "f.g", ""])),
    st.builds(ToolResult, st.sampled_from("abcé"), st.sampled_from(["", "x"]), st.booleans()),
    st.just(PNG),
    st.just(CachePoint()),
    st.builds(lambda covers: Opaque(*TAG, data=SIGNED, covers=covers), st.integers(0, 3)),
    st.just(Opaque("openai", "o", "u", data={}, covers=1)),
    st.just(Refusal("no")),
)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(PARTS).map(tuple))


@given(st.lists(MESSAGES, max_size=6).map(tuple), st.sampled_from(["claude-opus-5-5", "claude-opus-4-5", "own"]))
def test_any_conversation_at_all_is_accepted(messages: tuple[Message, ...], model: str) -> None:
    body = encode(Request("m", messages, (READ,), effort="high"), profile_of(model))
    assert len(points(body)) <= 4


def test_a_growing_conversation_keeps_its_beginning() -> None:
    whole = [*CONVERSATION, *CONVERSATION[1:]]
    last: list[Any] = []
    for at in range(2, len(whole) + 1):
        if whole[at - 1].role != "user":
            continue
        body = encode(Request("m", tuple(whole[:at]), (READ, FIND)))
        now = [bare(content) for content in contents(body)]
        assert [content[: len(old)] for content, old in zip(now, last, strict=False)] == last
        last = now


# --- cache ----------------------------------------------------------------------------------------------------------


def test_tools_system_and_the_last_block_are_cached() -> None:
    body = encode(replace(ask(Text("a"), Text("b")), messages=(CONVERSATION[0], HI), tools=(READ, FIND)))
    assert points(body) == [body["tools"][-1], body["system"][-1], contents(body)[-1][-1]]
    assert points(body)[0]["cache_control"] == {"type": "ephemeral"}


def test_cache_points_mark_the_block_before_them() -> None:
    body = encode(ask(CachePoint(), Text("stable"), CachePoint(), Text("question")))
    assert [block["text"] for block in points(body)] == ["stable", "question"]


def test_at_most_four_places_are_marked_and_the_latest_wishes_win() -> None:
    parts = [part for n in range(9) for part in (Text(str(n)), CachePoint())]
    body = encode(Request("m", (Message("system", (Text("s"),)), Message("user", (*parts, Text("?")))), (READ,)))
    assert [block["text"] for block in points(body)] == ["s", "7", "8", "?"]


def test_a_long_history_of_tools_is_marked_at_places_that_stay() -> None:
    def steps(count: int) -> tuple[Message, ...]:
        pairs = (
            (Message("assistant", (ToolCall(f"c{n}", "read", {}),)), Message("tool", (ToolResult(f"c{n}", "x"),)))
            for n in range(count)
        )
        return (HI, *(message for pair in pairs for message in pair))

    def places(count: int) -> list[int]:
        blocks = [block for content in contents(encode(Request("m", steps(count), (READ,)))) for block in content]
        return [at for at, block in enumerate(blocks) if "cache_control" in block]

    assert places(20) == [15, 31, 40]
    assert places(22) == [15, 31, 44]
    assert places(30) == [31, 47, 60]


# --- choices --------------------------------------------------------------------------------------------------------

ADAPTIVE = {"type": "adaptive", "display": "summarized"}
THINKING: list[tuple[str, str, dict[str, Any] | None, str]] = [
    ("claude-opus-5-5", "", ADAPTIVE, ""),
    ("claude-opus-5-5", "none", ADAPTIVE, "low"),
    ("claude-opus-5-5", "minimal", ADAPTIVE, "low"),
    ("claude-fable-5-2", "xhigh", ADAPTIVE, "xhigh"),
    ("claude-sonnet-5-5", "none", {"type": "between_tools"}, ""),
    ("claude-sonnet-5-5", "max", ADAPTIVE, "max"),
    ("claude-sonnet-5", "none", {"type": "disabled"}, ""),
    ("claude-haiku-5-5", "none", {"type": "disabled"}, ""),
    ("claude-opus-4-8", "", None, ""),
    ("claude-opus-4-8", "none", None, ""),
    ("claude-opus-4-8", "high", ADAPTIVE, "high"),
    ("claude-sonnet-4-6", "xhigh", ADAPTIVE, "max"),
    ("claude-opus-4-5-20251101", "max", {"type": "enabled", "budget_tokens": 24_000}, "high"),
    ("claude-sonnet-4-5", "medium", {"type": "enabled", "budget_tokens": 10_000}, ""),
    ("claude-sonnet-4-20250514", "minimal", {"type": "enabled", "budget_tokens": 1_024}, ""),
    ("claude-3-7-sonnet-20250219", "low", {"type": "enabled", "budget_tokens": 2_048}, ""),
    ("anthropic/claude-4-sonnet-20250514", "low", {"type": "enabled", "budget_tokens": 2_048}, ""),
    ("anthropic/claude-opus-4.8", "low", ADAPTIVE, "low"),
    ("claude-3-5-haiku-20241022", "high", None, ""),
    ("claude-opus-9", "none", ADAPTIVE, "low"),
    ("qwen3", "", None, ""),
]


@each(("model", "effort", "thinking", "level"), THINKING)
def test_every_model_is_told_how_much_to_think_in_its_own_way(
    model: str, effort: Any, thinking: dict[str, Any] | None, level: str
) -> None:
    body = encode(ask(effort=effort), profile_of(model))
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort", "") == level


def test_a_budget_of_thinking_leaves_room_for_the_answer() -> None:
    older = profile_of("claude-sonnet-4-5")
    assert encode(ask(effort="max", max_output_tokens=4_000), older)["thinking"]["budget_tokens"] == 3_000
    assert "thinking" not in encode(ask(effort="max", max_output_tokens=1_024), older)


def test_a_budget_is_left_out_where_the_last_calls_came_without_thinking() -> None:
    answer = Message("assistant", (ToolCall("a", "read", {}),))
    request = Request("m", (HI, answer, Message("tool", (ToolResult("a", "x"),))), (READ,), effort="high")
    assert "thinking" not in encode(request, profile_of("claude-sonnet-4-5"))
    assert encode(request)["thinking"] == ADAPTIVE


@pytest.mark.parametrize(
    ("model", "wish", "parallel", "choice"),
    [
        ("claude-opus-5", "auto", True, None),
        ("claude-opus-5", "auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("claude-opus-5", "any", True, {"type": "any"}),
        ("claude-opus-5", "read", False, {"type": "tool", "name": "read", "disable_parallel_tool_use": True}),
        ("claude-opus-5", "none", False, {"type": "none"}),
        ("claude-opus-5", "unknown", True, None),
        ("claude-opus-5-5", "any", True, None),
        ("claude-opus-5-5", "read", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("claude-sonnet-5-5", "any", True, None),
        ("claude-fable-5-1", "any", True, None),
        ("claude-fable-5", "any", True, {"type": "any"}),
    ],
)
def test_a_call_is_demanded_only_where_that_is_allowed(
    model: str, wish: str, parallel: bool, choice: dict[str, Any] | None
) -> None:
    request = ask(tools=(READ,), tool_choice=wish, parallel_tool_calls=parallel)
    assert encode(request, profile_of(model)).get("tool_choice") == choice


def test_a_demanded_call_excludes_a_budget_of_thinking() -> None:
    assert "thinking" not in encode(
        ask(tools=(READ,), tool_choice="any", effort="high"), profile_of("claude-sonnet-4-5")
    )


@pytest.mark.parametrize(
    ("host", "model", "effort", "temperature"),
    [
        ("api.anthropic.com", "claude-opus-4-5", "", None),
        ("api.anthropic.com", "claude-opus-5-5", "", None),
        ("127.0.0.1", "claude-opus-5-5", "", None),
        ("127.0.0.1", "claude-opus-4-5", "", 0.5),
        ("127.0.0.1", "claude-opus-4-5", "high", None),
        ("127.0.0.1", "qwen3", "", 0.5),
        ("127.0.0.1", "qwen3", "high", None),
    ],
)
def test_a_temperature_goes_only_to_the_old_version(
    host: str, model: str, effort: Any, temperature: float | None
) -> None:
    body = encode(ask(temperature=0.5, effort=effort), profile_of(model, host))
    assert body.get("temperature") == temperature


@pytest.mark.parametrize(
    ("model", "wish", "sent"),
    [
        ("claude-opus-5-5", None, 64_000),
        ("claude-opus-5-5", 1_000_000, 128_000),
        ("claude-haiku-4-5", 100_000, 64_000),
        ("claude-3-5-sonnet-20241022", None, 4_096),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", None, 8_192),
        ("qwen3", None, 8_192),
        ("claude-opus-5-5", 0, 0),
    ],
)
def test_max_tokens_is_always_sent(model: str, wish: int | None, sent: int) -> None:
    assert encode(ask(max_output_tokens=wish), profile_of(model))["max_tokens"] == sent


def test_stop_sequences_of_blanks_are_left_out() -> None:
    assert encode(ask(stop_sequences=("END", "\n")))["stop_sequences"] == ["END"]
    assert "stop_sequences" not in encode(ask())


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "description": "How many."}, "s": {"oneOf": [{"const": 1}]}},
    "required": ["n"],
    "additionalProperties": True,
}


def test_a_schema_is_put_into_the_part_of_json_schema_that_the_vendor_knows() -> None:
    assert encode(ask(response_schema=SCHEMA, effort="low"))["output_config"] == {
        "effort": "low",
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "description": "How many.\n\n{minimum: 1}"},
                    "s": {"anyOf": [{"const": 1}]},
                },
                "required": ["n"],
                "additionalProperties": False,
            },
        },
    }


def test_a_model_without_structured_outputs_is_told_the_schema_in_words() -> None:
    body = encode(ask(response_schema=SCHEMA), profile_of("claude-3-5-sonnet-20241022"))
    assert "output_config" not in body
    assert json.dumps(SCHEMA, sort_keys=True) in body["system"][-1]["text"]


def test_a_history_with_calls_gets_tools_even_when_none_may_be_called() -> None:
    answer = Message("assistant", (ToolCall("a", "read", {}),))
    body = encode(Request("m", (HI, answer, Message("tool", (ToolResult("a", "x"),)))))
    assert bare(body["tools"]) == [{"name": "read", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_encoding_the_same_twice_gives_the_same_bytes() -> None:
    request = Request("m", CONVERSATION, (READ, FIND), effort="high")
    reordered = replace(request, tools=(FIND, READ))
    assert to_json(PROVIDER.encode(request, OPUS)) == to_json(PROVIDER.encode(reordered, OPUS))
