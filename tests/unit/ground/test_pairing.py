"""Calls and results come in pairs, and nothing else of a conversation is lost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aiex.messages import CachePoint, Message, Part, Text, ToolCall, ToolResult
from aiex.pairing import NO_RESULT, balanced, settled

IDS = st.sampled_from(["a", "b", "c", ""])
PARTS = st.one_of(
    st.builds(Text, st.text(max_size=3)),
    st.builds(ToolCall, IDS, st.just("f"), st.just({})),
    st.builds(ToolResult, IDS, st.text(max_size=3), st.booleans()),
    st.just(CachePoint()),
)
MESSAGES = st.lists(
    st.builds(
        Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(PARTS, max_size=5).map(tuple)
    ),
    max_size=7,
)


def results(messages: Sequence[Message]) -> list[ToolResult]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolResult)]


def others(messages: Sequence[Message]) -> list[Part]:
    return [part for message in messages for part in message.parts if not isinstance(part, ToolResult | CachePoint)]


@given(MESSAGES)
def test_a_conversation_that_is_settled_is_balanced_as_any_other(messages: list[Message]) -> None:
    right = settled(messages)
    with_a_stray_result = [*messages, Message("tool", (ToolResult("of no call", "stray"),))]
    assert settled(with_a_stray_result) is None
    assert right is None or tuple(right) == balanced(with_a_stray_result)


def test_a_settled_conversation_keeps_its_very_messages() -> None:
    asked = Message("user", (Text("go"),))
    called = Message("assistant", (ToolCall("a", "f", {}), ToolCall("b", "f", {})))
    first, second = (Message("tool", (ToolResult(name, "ok"),)) for name in "ab")
    once, again = balanced([asked, called, second, first]), balanced([asked, called, second, first, asked])
    assert once[2].parts == (*first.parts, *second.parts)
    assert all(one is other for one, other in zip(once, again, strict=False))
    single = Message("assistant", (ToolCall("b", "f", {}),))
    assert balanced([asked, single, second])[2] is second


@given(MESSAGES)
def test_each_call_has_exactly_one_result_in_the_message_behind_it(messages: list[Message]) -> None:
    made = balanced(messages)
    for message, following in pairwise((*made, Message("user", ()))):
        wanted = [part.id for part in message.parts if isinstance(part, ToolCall)]
        assert [part.call_id for part in following.parts if isinstance(part, ToolResult)] == wanted
        assert (following.role == "tool") == bool(wanted)
    assert not any(isinstance(part, ToolResult) for part in (made[0].parts if made else ()))


@given(MESSAGES)
def test_nothing_but_spare_results_is_lost_and_nothing_but_missing_ones_invented(messages: list[Message]) -> None:
    made = balanced(messages)
    assert others(made) == others(messages)
    invented = [result for result in results(made) if result not in results(messages)]
    assert all(result == ToolResult(result.call_id, NO_RESULT, True) for result in invented)


@given(MESSAGES)
def test_balancing_a_balanced_conversation_changes_nothing(messages: list[Message]) -> None:
    once = balanced(messages)
    assert balanced(once) == once


def test_a_result_that_came_late_stands_behind_its_call() -> None:
    call = Message("assistant", (ToolCall("a", "f", {}),))
    late = (call, Message("user", (Text("and?"),)), Message("tool", (ToolResult("a", "1"),)))
    assert balanced(late) == (call, Message("tool", (ToolResult("a", "1"),)), Message("user", (Text("and?"),)))


def test_an_id_used_again_keeps_both_results_apart() -> None:
    call = Message("assistant", (ToolCall("a", "f", {}),))
    first, second = Message("tool", (ToolResult("a", "1"),)), Message("tool", (ToolResult("a", "2"),))
    assert balanced((call, first, call, second)) == (call, first, call, second)
    missing = Message("tool", (ToolResult("a", NO_RESULT, True),))
    assert balanced((call, call, second)) == (call, missing, call, second)


def test_words_beside_results_become_a_message_of_the_user_behind_them() -> None:
    call = Message("assistant", (ToolCall("a", "f", {}),))
    mixed = Message("tool", (Text("before"), ToolResult("a", "1"), Text("after")))
    assert balanced((call, mixed))[1:] == (
        Message("tool", (ToolResult("a", "1"),)),
        Message("user", (Text("before"), Text("after"))),
    )


def test_a_cache_point_behind_results_stays_with_them() -> None:
    call = Message("assistant", (ToolCall("a", "f", {}),))
    answered = Message("tool", (ToolResult("a", "1"), CachePoint()))
    assert balanced((call, answered)) == (call, answered)


def test_a_result_before_its_call_is_none() -> None:
    early = (Message("tool", (ToolResult("a", "1"),)), Message("assistant", (ToolCall("a", "f", {}),)))
    assert balanced(early) == (early[1], Message("tool", (ToolResult("a", NO_RESULT, True),)))
