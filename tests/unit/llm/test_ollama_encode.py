"""What Ollama is asked, checked against the types of its own SDK."""

import json
from dataclasses import replace
from typing import Any

import pytest
from ollama._types import ChatRequest, EmbedRequest, ShowRequest, Tool
from ollama._types import Image as Picture
from ollama._types import Message as Theirs

from aiex.llm.protocols.ollama.quirks import LEAST_WINDOW, Quirks
from aiex.llm.providers.ollama import PROVIDER
from aiex.llm.wire import CountsTokens, Embeds, ModelCard, Profile, to_json
from aiex.messages import (
    CachePoint,
    Document,
    Effort,
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

PROFILE = Profile("ollama", "m", "http://127.0.0.1:11434")
PIXEL = Image("image/png", "iVBORw0KGgo=")
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ, FIND = ToolDefinition("read", "Read a file.", SCHEMA), ToolDefinition("find", "Find text.", {"type": "object"})


def request(*messages: Message, **more: Any) -> Request:
    return Request("whatever", messages or (user(Text("Hi")),), **more)


def user(*parts: Part) -> Message:
    return Message("user", parts)


def answer(*parts: Part) -> Message:
    return Message("assistant", parts)


def result(*parts: Part) -> Message:
    return Message("tool", parts)


def body(*messages: Message, profile: Profile = PROFILE, **more: Any) -> dict[str, Any]:
    """The body as the server reads it, once the SDK's types accepted it."""
    sent: dict[str, Any] = json.loads(to_json(PROVIDER.encode(request(*messages, **more), profile)))
    ChatRequest.model_validate(sent)
    for message in sent["messages"]:
        images = [Picture(value=image) for image in message.get("images", ())]
        theirs = Theirs.model_validate({**message, **({"images": images} if images else {})}, strict=True)
        assert theirs.model_dump(exclude_none=True, mode="json").get("images", []) == message.get("images", [])
    for tool in sent.get("tools", ()):
        Tool.model_validate(tool, strict=True)
    return sent


def messages(*given: Message, profile: Profile = PROFILE, **more: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = body(*given, profile=profile, **more)["messages"]
    return sent


CONVERSATION = (
    Message("system", (Text("Be brief."), CachePoint())),
    user(Text("What is this?"), Document("a.py", "text/x-python", "x = 1"), PIXEL),
    answer(
        Reasoning("I should look."),
        Text("Let me look."),
        ToolCall("c1", "read", {"path": "é"}),
        ToolCall("c2", "find", {}),
    ),
    result(ToolResult("c2", "nothing", is_error=True), ToolResult("c1", "x = 1", images=(PIXEL,)), CachePoint()),
    answer(Reasoning("Now I know."), Text("It is x.")),
    user(Text("Look again.")),
    answer(ToolCall("c3", "read", {"path": "b"})),
    result(ToolResult("c3", "y = 2")),
)


def test_a_conversation_of_three_turns_is_what_the_protocol_wants() -> None:
    assert messages(*CONVERSATION, tools=(READ, FIND)) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": "What is this?\n\n[Document: a.py (text/x-python)]\n\nx = 1\n\n[End of document: a.py]",
            "images": [PIXEL.data],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "thinking": "I should look.",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "read", "arguments": {"path": "é"}}},
                {"id": "c2", "function": {"index": 1, "name": "find", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_name": "read", "tool_call_id": "c1", "content": "x = 1", "images": [PIXEL.data]},
        {"role": "tool", "tool_name": "find", "tool_call_id": "c2", "content": "error: nothing"},
        {"role": "assistant", "content": "It is x."},
        {"role": "user", "content": "Look again."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c3", "function": {"index": 0, "name": "read", "arguments": {"path": "b"}}}],
        },
        {"role": "tool", "tool_name": "read", "tool_call_id": "c3", "content": "y = 2"},
    ]


def test_the_rest_of_the_body_says_what_is_wanted() -> None:
    sent = body(
        tools=(READ, FIND),
        max_output_tokens=100,
        temperature=0.5,
        stop_sequences=("END",),
        response_schema=SCHEMA,
        effort="high",
    )
    del sent["messages"]
    assert sent == {
        "model": "m",
        "stream": True,
        "tools": [
            {
                "type": "function",
                "function": {"name": "find", "description": "Find text.", "parameters": FIND.parameters},
            },
            {"type": "function", "function": {"name": "read", "description": "Read a file.", "parameters": SCHEMA}},
        ],
        "format": SCHEMA,
        "think": True,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": LEAST_WINDOW, "num_predict": 100, "temperature": 0.5, "stop": ["END"]},
    }


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": LEAST_WINDOW},
    }


def test_a_growing_conversation_keeps_its_beginning_byte_for_byte() -> None:
    whole = messages(*CONVERSATION)
    for count in (2, 4, 5, 6):
        begin = messages(*CONVERSATION[:count])
        assert json.dumps(whole).startswith(json.dumps(begin)[:-1])


# --- histories that are not in order --------------------------------------------------------------------------------


def test_each_call_has_one_result_and_each_result_a_call() -> None:
    sent = messages(
        user(Text("Hi")),
        answer(ToolCall("a", "read", {}), ToolCall("a", "find", {})),
        result(ToolResult("zzz", "stray"), ToolResult("a", "late")),
        user(Text("go on")),
    )
    calls = [(call["id"], call["function"]["name"]) for call in sent[1]["tool_calls"]]
    assert [(one["tool_call_id"], one["tool_name"], one["content"]) for one in sent if one["role"] == "tool"] == [
        (*calls[0], "late"),
        (*calls[1], "error: no result was recorded"),
    ]
    assert len({call_id for call_id, _ in calls}) == 2
    assert "stray" not in str(sent)


def test_what_another_vendor_signed_is_left_out_and_its_words_are_not() -> None:
    block = Opaque("anthropic", "claude", "https://api.anthropic.com", {"signature": "xyz"}, covers=1)
    sent = messages(user(Text("Hi")), answer(Reasoning("secret"), block, Text("So."), ToolCall("a", "read", {})))
    assert sent[1]["content"] == "So."
    assert "thinking" not in sent[1]
    assert "xyz" not in str(sent)


def test_nothing_is_sent_for_empty_messages() -> None:
    sent = messages(
        Message("system", (Text(""),)),
        user(Text("")),
        answer(Reasoning("hm")),
        answer(Refusal("No.")),
        user(Text("Hi")),
    )
    assert sent == [{"role": "assistant", "content": "No."}, {"role": "user", "content": "Hi"}]


def test_lone_surrogates_become_replacement_characters() -> None:
    sent = messages(user(Text("a\ud83d")), answer(ToolCall("a", "read", {"t": "\udc00"})))
    assert sent[0]["content"] == "a\ufffd"
    assert sent[1]["tool_calls"][0]["function"]["arguments"] == {"t": "\ufffd"}


def test_a_model_that_cannot_see_is_told_what_it_misses() -> None:
    profile = replace(PROFILE, quirks=Quirks(images=False))
    sent = messages(
        user(Text("Look:"), PIXEL),
        answer(ToolCall("a", "read", {})),
        result(ToolResult("a", "", images=(PIXEL,))),
        profile=profile,
    )
    assert sent[0] == {"role": "user", "content": "Look:\n\n[a picture, image/png, left out]"}
    assert sent[2]["content"] == "[a picture, image/png, left out]"
    assert "images" not in str(sent)


# --- what the protocol has no field for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("any", "Answer by calling one of the tools, not with words."),
        ("read", "Answer by calling the tool read, not with words."),
    ],
)
def test_a_forced_tool_is_said_in_words(choice: str, words: str) -> None:
    sent = body(Message("system", (Text("Be brief."),)), user(Text("Hi")), tools=(READ,), tool_choice=choice)
    assert sent["messages"][0] == {"role": "system", "content": f"Be brief.\n\n{words}"}
    assert body(tools=(READ,), tool_choice=choice)["messages"][0] == {"role": "system", "content": words}
    assert "tool_choice" not in sent


def test_no_tools_are_sent_where_none_may_be_called() -> None:
    sent = body(*CONVERSATION, tools=(READ,), tool_choice="none")
    assert "tools" not in sent
    assert sent["messages"] == messages(*CONVERSATION)


def test_one_call_at_a_time_is_said_in_words() -> None:
    assert "at most one tool" in messages(tools=(READ,), parallel_tool_calls=False)[0]["content"]
    assert messages(parallel_tool_calls=False) == messages()


# --- thinking -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("gpt-oss:20b", "", None),
        ("gpt-oss:20b", "none", "low"),
        ("gpt-oss:20b", "medium", "medium"),
        ("gpt-oss:120b-cloud", "max", "high"),
        ("qwen3:8b", "", None),
        ("qwen3:8b", "none", False),
        ("qwen3:8b", "low", True),
        ("someone/deepseek-r1:7b", "high", True),
        ("llama3.2", "high", None),
        ("llama3.2", "none", False),
        ("qwen3-coder:30b", "high", None),
        ("unheard-of", "high", True),
        ("unheard-of", "", None),
    ],
)
def test_thinking_is_a_switch_or_a_level_by_the_model(model: str, effort: Effort, think: bool | str | None) -> None:
    profile = replace(PROFILE, model=model, quirks=PROVIDER.quirks("127.0.0.1", model))
    assert body(profile=profile, effort=effort).get("think") == think


# --- the window -----------------------------------------------------------------------------------------------------


def window(words: int, profile: Profile, **more: Any) -> int:
    size: int = body(user(Text("word " * words)), profile=profile, **more)["options"]["num_ctx"]
    return size


def profile_of(model: str) -> Profile:
    return replace(PROFILE, model=model, quirks=PROVIDER.quirks("127.0.0.1", model))


def test_the_window_grows_in_steps_with_the_request() -> None:
    sizes = [window(words, PROFILE) for words in range(0, 60_000, 1_000)]
    assert sizes == sorted(sizes)
    assert set(sizes) == {8_192, 16_384, 32_768, 65_536, 131_072}


def test_the_window_holds_request_and_answer() -> None:
    assert window(1, PROFILE, max_output_tokens=20_000) == 32_768
    assert window(10_000, PROFILE) > 10_000
    pictures = body(user(Text("Hi"), *[PIXEL] * 10))["options"]["num_ctx"]
    assert pictures == 16_384
    large = ToolDefinition("t", "word " * 20_000, {"type": "object"})
    assert body(tools=(large,))["options"]["num_ctx"] > 20_000


def test_the_window_never_shrinks_so_that_the_model_stays_loaded() -> None:
    profile = profile_of("unheard-of")
    assert [window(words, profile) for words in (1, 20_000, 1, 5_000)] == [8_192, 65_536, 65_536, 65_536]
    assert window(1, profile_of("unheard-of")) == 8_192


def test_the_window_is_never_larger_than_the_models_own() -> None:
    assert window(100_000, profile_of("llama3:8b")) == 8_192
    assert window(100_000, profile_of("qwen3:8b")) == 40_960
    learnt = PROVIDER.learn(profile_of("unheard-of"), ModelCard("unheard-of", context_tokens=20_000))
    assert window(100_000, learnt) == 20_000


def test_what_the_server_says_goes_before_what_the_name_tells() -> None:
    card = ModelCard("llama3:8b", 65_536, None, frozenset({"tools", "reasoning"}))
    learnt = PROVIDER.learn(profile_of("llama3:8b"), card)
    assert body(profile=learnt, effort="high")["think"] is True
    assert window(15_000, learnt) == 32_768
    assert not learnt.quirks.images
    harmony = PROVIDER.learn(profile_of("gpt-oss:20b"), card)
    assert body(profile=harmony, effort="high")["think"] == "high"
    plain = PROVIDER.learn(profile_of("qwen3:8b"), ModelCard("qwen3:8b", None, None, frozenset({"json_schema"})))
    assert "think" not in body(profile=plain, effort="high")


# --- the rest of the protocol ---------------------------------------------------------------------------------------


def test_other_questions_are_what_the_sdk_would_ask() -> None:
    assert isinstance(PROVIDER, Embeds)
    assert not isinstance(PROVIDER, CountsTokens)
    embed = PROVIDER.encode_embed(["a", "b"], PROFILE)
    assert embed == {"model": "m", "input": ["a", "b"], "truncate": False}
    EmbedRequest.model_validate(embed, strict=True)
    ShowRequest.model_validate(PROVIDER.encode_show(PROFILE), strict=True)
