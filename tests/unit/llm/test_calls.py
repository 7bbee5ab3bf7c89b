"""Fragments of tool calls, however a server cuts and labels them, join to the calls that were meant."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.events import ToolCallDelta
from aiex.llm.calls import Assembly, parse_arguments

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(ends)]


@given(st.lists(ARGUMENTS, min_size=1, max_size=4), st.lists(st.integers(0, 99), max_size=6), st.booleans(), st.data())
def test_interleaved_fragments_join(
    meant: list[dict[str, Any]], places: list[int], by_id: bool, data: st.DataObject
) -> None:
    assembly = Assembly()
    queues = []
    for n, arguments in enumerate(meant):
        label = {"id": f"c{n}"} if by_id else {"index": n}
        assembly.feed({**label, "id": f"c{n}", "function": {"name": f"f{n}"}})
        queues.append([{**label, "function": {"arguments": piece}} for piece in cut(json.dumps(arguments), places)])
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        assembly.feed(queue.pop(0))
    calls, all_whole = assembly.finish()
    assert all_whole
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        (f"c{n}", f"f{n}", arguments) for n, arguments in enumerate(meant)
    ]


@given(ARGUMENTS.filter(bool), st.integers(1, 200))
def test_arguments_that_are_cut_are_never_whole(arguments: dict[str, Any], missing: int) -> None:
    text = json.dumps(arguments)
    cut_text = text[: max(1, len(text) - missing)]
    assert parse_arguments(cut_text) is None


@given(ARGUMENTS)
def test_arguments_survive_one_and_two_encodings(arguments: dict[str, Any]) -> None:
    assert parse_arguments(json.dumps(arguments)) == arguments
    assert parse_arguments(json.dumps(json.dumps(arguments))) == arguments


@pytest.mark.parametrize("empty", ["{}", {}])
def test_empty_arguments_of_calls_without_labels_are_calls_of_their_own(empty: Any) -> None:
    assembly = Assembly()
    for name in ("f", "g"):
        assembly.feed({"function": {"name": name, "arguments": empty}})
    calls, all_whole = assembly.finish()
    assert all_whole
    assert [(call.name, call.arguments) for call in calls] == [("f", {}), ("g", {})]


@pytest.mark.parametrize("empty", ["{}", {}, "", None])
def test_a_placeholder_first_is_no_part_of_the_arguments(empty: Any) -> None:
    assembly = Assembly()
    events = assembly.feed({"id": "a", "function": {"name": "f", "arguments": empty}})
    for piece in ('{"n": ', "{}", "}"):
        events += assembly.feed({"function": {"arguments": piece}})
    calls, all_whole = assembly.finish()
    assert all_whole
    assert calls[0].arguments == {"n": {}}
    assert "".join(event.arguments for event in events if isinstance(event, ToolCallDelta)) == '{"n": {}}'
