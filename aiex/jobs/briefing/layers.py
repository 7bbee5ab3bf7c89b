"""The order of parts by what they need: layers from what others build on to what builds on others, cycles named."""

from collections.abc import Mapping


def components(edges: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Groups of names that need each other in a circle, each sorted; needed groups come before those that need them.

    Cost: linear. Source: Tarjan 1972, without recursion.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[tuple[str, ...]] = []
    for root in sorted(edges):
        if root in index:
            continue
        work: list[tuple[str, list[str]]] = []
        _enter(root, edges, index, low, stack, on_stack, work)
        while work:
            name, rest = work[-1]
            if rest:
                following = rest.pop()
                if following not in index:
                    _enter(following, edges, index, low, stack, on_stack, work)
                elif following in on_stack:
                    low[name] = min(low[name], index[following])
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[name])
            if low[name] == index[name]:
                found.append(_take(name, stack, on_stack))
    return found


def _enter(
    name: str,
    edges: Mapping[str, set[str]],
    index: dict[str, int],
    low: dict[str, int],
    stack: list[str],
    on_stack: set[str],
    work: list[tuple[str, list[str]]],
) -> None:
    index[name] = low[name] = len(index)
    stack.append(name)
    on_stack.add(name)
    work.append((name, sorted((other for other in edges[name] if other in edges), reverse=True)))


def _take(name: str, stack: list[str], on_stack: set[str]) -> tuple[str, ...]:
    group = []
    while True:
        other = stack.pop()
        on_stack.discard(other)
        group.append(other)
        if other == name:
            return tuple(sorted(group))


def layers(edges: Mapping[str, set[str]]) -> list[list[tuple[str, ...]]]:
    """Groups by depth: the first layer needs nothing here, each later one needs something of the layer before."""
    groups = components(edges)
    group_of = {name: number for number, group in enumerate(groups) for name in group}
    depth: list[int] = []
    for number, group in enumerate(groups):
        below = {group_of[other] for name in group for other in edges[name] if other in group_of} - {number}
        depth.append(1 + max((depth[other] for other in below), default=-1))
    stacked: list[list[tuple[str, ...]]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for number, group in enumerate(groups):
        stacked[depth[number]].append(group)
    return [sorted(layer) for layer in stacked]
