"""A conversation of any shape becomes one that vendors accept, and nothing of it is lost on the way."""

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.llm.history import COMMON_IDS, native, to_common_id, turns, with_call_ids
from aiex.messages import CachePoint, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from aiex.pairing import balanced

TAG = ("p", "m", "http://127.0.0.1/v1")
OTHER = ("q", "m", "http://127.0.0.1/v1")

IDS = st.sampled_from(["a", "b", "c", "", "white space", "a\ud800"])
PARTS = st.one_of(
    st.builds(Text, st.text(max_size=3)),
    st.builds(Reasoning, st.text(max_size=3)),
    st.builds(ToolCall, IDS, st.just("f"), st.just({})),
    st.builds(ToolResult, IDS, st.text(max_size=3), st.booleans()),
    st.builds(lambda tag, covers: Opaque(*tag, {}, covers), st.sampled_from([TAG, OTHER]), st.integers(0, 4)),
    st.just(CachePoint()),
)
MESSAGES = st.lists(
    st.builds(
        Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(PARTS, max_size=5).map(tuple)
    ),
    max_size=7,
)


def calls(messages: Sequence[Message]) -> list[ToolCall]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolCall)]


def results(messages: Sequence[Message]) -> list[ToolResult]:
    return [part for message in messages for part in message.parts if isinstance(part, ToolResult)]


# --- blocks ---------------------------------------------------------------------------------------------------------


@given(st.lists(PARTS, max_size=10))
def test_no_foreign_block_is_left_and_every_own_block_is(parts: list[Part]) -> None:
    made = [part for part in native(parts, TAG) if isinstance(part, Opaque)]
    assert made == [part for part in parts if isinstance(part, Opaque) and part.provider == "p"]


@given(st.lists(PARTS, max_size=10))
def test_for_a_stranger_only_thinking_and_blocks_are_missing(parts: list[Part]) -> None:
    told = [part for part in parts if not isinstance(part, Opaque | Reasoning)]
    assert [part for part in native(parts, ("z", "z", "z")) if not isinstance(part, Reasoning)] == told


def test_an_own_block_takes_the_place_of_what_it_covers() -> None:
    block = Opaque(*TAG, {"x": 1}, covers=2)
    assert native((Text("a"), Reasoning("b"), Text("c"), block, Text("d")), TAG) == (Text("a"), block, Text("d"))


def test_a_foreign_block_takes_only_its_thinking_along() -> None:
    block = Opaque(*OTHER, {"x": 1}, covers=2)
    assert native((Reasoning("free"), Reasoning("b"), Text("c"), block, Text("d")), TAG) == (
        Reasoning("free"),
        Text("c"),
        Text("d"),
    )


def test_a_block_covers_nothing_beyond_the_block_before_it() -> None:
    first, second = Opaque(*TAG, {"n": 1}), Opaque(*TAG, {"n": 2}, covers=5)
    assert native((Text("a"), first, Text("b"), CachePoint(), second), TAG) == (Text("a"), first, CachePoint(), second)


# --- ids ------------------------------------------------------------------------------------------------------------


@given(MESSAGES)
def test_ids_fit_are_all_different_and_results_follow(messages: list[Message]) -> None:
    plain = [Message(m.role, tuple(p for p in m.parts if not isinstance(p, Opaque))) for m in messages]
    before = balanced(plain)
    made = with_call_ids(before, TAG)
    ids = [call.id for call in calls(made)]
    assert len(set(ids)) == len(ids)
    assert all(COMMON_IDS.fullmatch(id) for id in ids)
    assert [result.call_id for result in results(made)] == ids
    assert [result.text for result in results(made)] == [result.text for result in results(before)]


@settings(max_examples=50)
@given(MESSAGES, MESSAGES)
def test_a_longer_conversation_begins_with_the_same_ids(messages: list[Message], more: list[Message]) -> None:
    begun, grown = (with_call_ids(balanced(some), TAG) for some in (messages, [*messages, *more]))
    assert calls(grown)[: len(calls(begun))] == calls(begun)


def test_a_vendor_may_want_short_ids() -> None:
    short = re.compile("[a-z0-9]{9}")
    history = balanced([Message("assistant", (ToolCall("abcdefgh1", "f", {}), ToolCall("toolu_01", "f", {})))])
    first, second = calls(with_call_ids(history, TAG, fits=short, make=lambda seed: to_common_id(seed)[5:14]))
    assert first.id == "abcdefgh1"
    assert short.fullmatch(second.id)


def test_an_id_inside_an_own_block_stays() -> None:
    parts = (ToolCall("not fit", "f", {}), Opaque(*TAG, {}, covers=1))
    held, foreign = (with_call_ids(balanced([Message("assistant", parts)]), tag) for tag in (TAG, OTHER))
    assert calls(held)[0].id == results(held)[0].call_id == "not fit"
    assert calls(foreign)[0].id == results(foreign)[0].call_id == to_common_id("not fit")


# --- roles ----------------------------------------------------------------------------------------------------------


@given(MESSAGES)
def test_roles_alternate_and_every_part_stays_in_order(messages: list[Message]) -> None:
    made = turns(messages)
    assert all(first.role != second.role for first, second in pairwise(made))
    assert [part for m in made for part in m.parts] == [part for m in messages for part in m.parts]
