"""Layers and cycles of parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiex.jobs.briefing.layers import components, layers

GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.sets(st.sampled_from("abcdefgh"), max_size=4), min_size=1, max_size=8
)


def test_a_chain_has_a_layer_for_each_part() -> None:
    assert layers({"app": {"core"}, "core": {"base"}, "base": set()}) == [[("base",)], [("core",)], [("app",)]]


def test_a_cycle_is_one_group() -> None:
    assert layers({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [[("a", "b")], [("c",)]]


def test_what_is_not_in_the_graph_is_no_need() -> None:
    assert layers({"a": {"elsewhere"}}) == [[("a",)]]


def test_a_very_long_chain_needs_no_recursion() -> None:
    chain = {f"{number:05}": {f"{number + 1:05}"} for number in range(5000)} | {"05000": set()}
    assert len(layers(chain)) == 5001


@given(GRAPHS)
def test_each_part_is_in_exactly_one_layer(edges: dict[str, set[str]]) -> None:
    listed = [name for layer in layers(edges) for group in layer for name in group]
    assert sorted(listed) == sorted(edges)


@given(GRAPHS)
def test_needs_lie_in_earlier_layers_or_in_the_same_cycle(edges: dict[str, set[str]]) -> None:
    depth = {name: number for number, layer in enumerate(layers(edges)) for group in layer for name in group}
    group_of = {name: group for group in components(edges) for name in group}
    for name, needed in edges.items():
        for other in needed & edges.keys():
            assert depth[other] < depth[name] or group_of[other] == group_of[name]
