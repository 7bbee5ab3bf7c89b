"""Whatever a log holds, and wherever it was cut, the request made of it is one that every vendor takes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex import events as told
from aiex.jsonform import dump
from aiex.llm.protocols.anthropic.encode import encode_request as encode_anthropic
from aiex.llm.protocols.gemini.encode import encode as encode_gemini
from aiex.llm.protocols.ollama.encode import encode as encode_ollama
from aiex.llm.protocols.openai_chat.encode import encode as encode_chat
from aiex.llm.protocols.openai_responses.encode import encode as encode_responses
from aiex.llm.wire import Profile
from aiex.messages import Document, Message, Opaque, Reasoning, Request, Text, ToolCall, ToolDefinition, ToolResult
from aiex.sessions.log import Recorded
from aiex.sessions.requests import (
    CUT_OFF,
    FIRST,
    GO_ON,
    LEFT_OUT,
    NOT_RUN,
    SUMMARY_TITLE,
    conversation,
    project_request,
)
from aiex.sessions.state import SessionState, fold
from tests.fakes.anthropic_server import problem_with as anthropic_problem
from tests.fakes.gemini_server import problem_with as gemini_problem
from tests.fakes.ollama_server import _problem_with as ollama_problem
from tests.fakes.openai_server import _problem_with as chat_problem
from tests.fakes.responses_server import _problem_with as responses_problem
from tests.unit.sessions.stories import LOGS, TAG, answer, record, said, state_of, step

READ = ToolDefinition("read", "Reads a file.", {"type": "object", "properties": {}})
SYSTEM = (Text("be brief"),)
PROTOCOLS: dict[str, tuple[Callable[[Request, Profile], Any], Profile, Callable[[Any], str]]] = {
    "anthropic": (
        encode_anthropic, Profile(*TAG), lambda body: anthropic_problem(body, counts=False),
    ),
    "chat": (encode_chat, Profile("openai", "m", "http://127.0.0.1/v1"), chat_problem),
    "responses": (encode_responses, Profile("openai", "m", "http://127.0.0.1/v1"), responses_problem),
    "gemini": (encode_gemini, Profile("google", "gemini-2", "http://127.0.0.1"), gemini_problem),
    "ollama": (encode_ollama, Profile("ollama", "m", "http://127.0.0.1"), ollama_problem),
}  # fmt: skip


def project(state: SessionState, **more: Any) -> Request:
    return project_request(state, model="m", **more)


def problem_with(request: Request) -> str:
    """What is wrong with the shape of a request; empty when it is legal."""
    system = [message for message in request.messages if message.role == "system"]
    talk = request.messages[len(system) :]
    if [*request.messages[: len(system)]] != system:
        return "a system message is not at the beginning"
    if talk[0].role != "user" or talk[-1].role not in ("user", "tool"):
        return "it does not begin with the user, or ends with an answer"
    for message, behind in pairwise((*talk, Message("user", ()))):
        calls = [part.id for part in message.parts if isinstance(part, ToolCall)]
        if calls and message.role != "assistant":
            return f"a {message.role} calls a tool"
        if calls != [part.call_id for part in behind.parts if isinstance(part, ToolResult)]:
            return f"calls {calls} are not answered once each"
        if (behind.role == "tool") != bool(calls):
            return "results without calls, or calls without results"
    return ""


# --- any log, cut anywhere ------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(LOGS, st.data())
def test_a_log_cut_anywhere_gives_a_legal_request(log: list[Recorded], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    assert problem_with(project(fold(log[:cut]), system=(Text("be brief"),), tools=(READ,))) == ""


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=120)
@given(LOGS, st.data())
def test_every_protocol_makes_a_body_of_it_that_the_vendor_takes(
    protocol: str, log: list[Recorded], data: st.DataObject
) -> None:
    encode, profile, problem = PROTOCOLS[protocol]
    cut = data.draw(st.integers(0, len(log)))
    body = encode(project(fold(log[:cut]), system=(Text("be brief"),), tools=(READ,)), profile)
    assert problem(body) == ""
    assert "foreign block" not in dump(body)


@settings(max_examples=60)
@given(LOGS, st.data())
def test_a_past_request_is_the_one_that_was_made_then(log: list[Recorded], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    assert project(fold(log), at_seq=cut) == project(fold(log[:cut]))


@settings(max_examples=60)
@given(LOGS, st.data())
def test_a_rewound_session_asks_what_it_would_have_asked_then(log: list[Recorded], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    back = record([told.Rewound("", "", "conversation", cut)], after=len(log))
    forth = record([told.Rewound("", "", "conversation", len(log), "forth")], after=len(log) + 1)
    assert project(fold([*log, *back])) == project(fold(log[:cut]))
    assert project(fold([*log, *back, *forth])) == project(fold(log))


@settings(max_examples=100)
@given(LOGS)
def test_a_growing_session_asks_at_each_step_what_one_read_anew_would_ask(log: list[Recorded]) -> None:
    profile = PROTOCOLS["chat"][1]
    growing = fold([])
    for count, recorded in enumerate(log, 1):
        growing.fold([recorded])
        asked = project(growing, system=SYSTEM)
        body = encode_chat(asked, profile)
        fresh = project(fold(log[:count]), system=(Text("be brief"),))
        assert asked == fresh
        assert body == encode_chat(fresh, Profile(profile.provider, profile.model, profile.base_url))


# --- what stands in it ----------------------------------------------------------------------------------------------


def test_a_conversation_goes_as_it_was_said() -> None:
    state = state_of(said("do it"), *step("1", text="ok"), answer(Text("did it")), said("more"))
    assert project(state, system=(Text("s"),)).messages == (
        Message("system", (Text("s"),)),
        Message("user", (Text("do it"),)),
        Message("assistant", (ToolCall("1", "write", {"path": "a"}),)),
        Message("tool", (ToolResult("1", "ok"),)),
        Message("assistant", (Text("did it"),)),
        Message("user", (Text("more"),)),
    )


def test_what_a_person_left_out_is_not_said_and_comes_back() -> None:
    log = [said("do it"), *step("1", text="a long secret"), answer(Text("did it")), said("more")]
    [result] = [entry.seq for entry in conversation(state_of(*log)) if entry.message.role == "tool"]
    out, again = told.LeftOut(result), told.LeftOut(result, left_out=False)
    assert project(state_of(*log, out)).messages[2] == Message("tool", (ToolResult("1", LEFT_OUT),))
    assert project(state_of(*log, out, again)) == project(state_of(*log))


def test_a_call_that_never_began_is_told_apart_from_one_that_was_cut_off() -> None:
    calls = answer(ToolCall("1", "read", {}), ToolCall("2", "write", {}))
    state = state_of(said("go"), calls, told.ToolStarted("1", "read", {}))
    assert project(state).messages[-1] == Message(
        "tool", (ToolResult("1", CUT_OFF, is_error=True), ToolResult("2", NOT_RUN, is_error=True))
    )


def test_an_id_that_a_vendor_gives_twice_does_not_make_the_second_call_a_begun_one() -> None:
    state = state_of(said("go"), *step("0"), answer(ToolCall("0", "read", {})))
    assert project(state).messages[-1] == Message("tool", (ToolResult("0", NOT_RUN, is_error=True),))


def test_a_call_in_flight_when_the_process_died_says_so_and_a_late_result_does_not_count() -> None:
    begun = (said("go"), answer(ToolCall("1", "write", {})), told.ToolStarted("1", "write", {}))
    state = state_of(
        *begun, told.TurnInterrupted("killed", ("1",)), told.ToolFinished("1", "write", "late"), said("so?")
    )
    results = [part for message in project(state).messages for part in message.parts if isinstance(part, ToolResult)]
    assert results == [ToolResult("1", CUT_OFF, is_error=True)]


def test_words_of_an_answer_that_was_cut_stay() -> None:
    state = state_of(
        said("go"), told.TextDelta("half an "), told.TextDelta("ans"), told.TurnInterrupted("killed"), said("on")
    )
    assert project(state).messages[1:] == (Message("assistant", (Text("half an ans"),)), Message("user", (Text("on"),)))


def test_an_answer_that_only_the_end_of_the_turn_tells_is_part_of_the_conversation() -> None:
    state = state_of(said("what is it"), told.TurnEnded("success", "answered", 0, answer="a parser"), said("why"))
    assert project(state).messages[1] == Message("assistant", (Text("a parser"),))


def test_an_answer_is_not_said_twice_by_its_pieces_its_event_and_the_end_of_the_turn() -> None:
    state = state_of(
        said("q"), told.TextDelta("yes"), answer(Text("yes")), told.TurnEnded("success", "answered", 0, "yes")
    )
    assert project(state).messages[1:] == (Message("assistant", (Text("yes"),)), Message("user", (Text(GO_ON),)))


def test_nothing_said_gives_a_request_all_the_same() -> None:
    assert project(state_of()).messages == (Message("user", (Text(GO_ON),)),)
    assert project(state_of(answer(Text("hello")), said("hi"))).messages[0] == Message("user", (Text(FIRST),))


def test_a_block_of_a_vendor_keeps_whom_it_may_go_to() -> None:
    block = Opaque(*TAG, {"type": "thinking", "thinking": "hm", "signature": "s"}, covers=1)
    spoken = told.AssistantSpoke((Reasoning("hm"), block, Text("yes")), TAG[0], TAG[1])
    request = project(state_of(said("q"), spoken, said("and?")))
    assert request.messages[1].parts[1] == block
    own, elsewhere = (encode_anthropic(request, Profile(*tag)) for tag in (TAG, (TAG[0], "another", TAG[2])))
    assert '"signature"' in dump(own)
    assert '"signature"' not in dump(elsewhere)


def test_a_part_of_a_later_version_is_left_out() -> None:
    log = record([said("look"), answer(Text("ok"))])
    odd = log[0]._replace(data=b'{"parts":[{"type":"video","data":"AA"},{"type":"text","text":"look"}]}')
    assert [part for part in project(fold([odd, log[1]])).messages[0].parts if part != Text("")] == [Text("look")]


# --- compaction -----------------------------------------------------------------------------------------------------


def summary(text: str) -> Message:
    return Message("user", (Document(SUMMARY_TITLE, "text/markdown", text),))


def test_a_summary_stands_for_all_before_it() -> None:
    state = state_of(said("one"), answer(Text("two")), told.Compacted(9, 1, "short"), said("three"))
    assert project(state).messages == (summary("short"), Message("user", (Text("three"),)))


def test_messages_behind_the_end_of_a_summary_and_pinned_ones_stay_word_for_word() -> None:
    story = (said("never touch a.py"), answer(Text("ok")), said("two"), answer(Text("three")))
    state = state_of(*story, told.Pinned(1), told.Compacted(9, 1, "short", upto_seq=2))
    assert [entry.message for entry in conversation(state)] == [
        summary("short"),
        Message("user", (Text("never touch a.py"),)),
        Message("user", (Text("two"),)),
        Message("assistant", (Text("three"),)),
    ]


def test_a_pin_that_was_taken_off_keeps_nothing() -> None:
    state = state_of(
        said("one"), told.Pinned(1), told.Pinned(1, pinned=False), told.Compacted(9, 1, "short"), said("two")
    )
    assert project(state).messages == (summary("short"), Message("user", (Text("two"),)))


def test_a_pinned_result_keeps_its_call_and_the_other_results_of_the_answer() -> None:
    calls = answer(ToolCall("1", "read", {}), ToolCall("2", "read", {}))
    results = (told.ToolFinished("1", "read", "first"), told.ToolFinished("2", "read", "second"))
    state = state_of(said("go"), calls, *results, told.Pinned(4), told.Compacted(9, 1, "short"), said("on"))
    assert project(state).messages == (
        summary("short"),
        Message("assistant", (ToolCall("1", "read", {}), ToolCall("2", "read", {}))),
        Message("tool", (ToolResult("1", "first"), ToolResult("2", "second"))),
        Message("user", (Text("on"),)),
    )


def test_a_summary_that_ends_between_a_call_and_its_result_keeps_both() -> None:
    state = state_of(said("go"), *step("1"), told.Compacted(9, 1, "short", upto_seq=3))
    assert [message.role for message in project(state).messages] == ["user", "assistant", "tool"]


def test_a_second_summary_takes_the_place_of_the_first() -> None:
    state = state_of(said("a"), told.Compacted(9, 1, "first"), said("b"), told.Compacted(9, 1, "second"), said("c"))
    assert project(state).messages == (summary("second"), Message("user", (Text("c"),)))


def test_a_rewind_behind_a_summary_brings_the_words_back() -> None:
    state = state_of(said("one"), told.Compacted(9, 1, "short"), told.Rewound("", "", "conversation", 1))
    assert project(state).messages == (Message("user", (Text("one"),)),)
