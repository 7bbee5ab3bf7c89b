"""Who needs whom: what a file imports, and who imports it."""

from typing import TYPE_CHECKING

from aiex.context.facts import FileFacts, Import
from aiex.jobs.briefing.model import Dependent, Needed
from aiex.jobs.briefing.names import is_test
from aiex.jobs.briefing.origins import origin_of

if TYPE_CHECKING:
    from aiex.context.graph import Graph

_ORDER = {"repository": 0, "third-party": 1, "standard": 2, "unknown": 3}


def needs_of(graph: "Graph", path: str, facts: FileFacts) -> tuple[Needed, ...]:
    """What the file imports: the repository first, then third parties, then the standard library; else file order."""
    needs = [
        Needed(
            found.item.module,
            "repository"
            if found.targets
            else "standard"
            if found.standard
            else origin_of(facts.language, found.item.module),
            found.targets,
            names_in(found.item),
            found.item.line,
        )
        for found in graph.dependencies(path)
    ]
    return tuple(sorted(merge(needs), key=lambda need: (_ORDER[need.origin], need.line)))


def merge(needs: list[Needed]) -> list[Needed]:
    """One entry per module, with the names of all its imports."""
    merged: dict[tuple[str, tuple[str, ...]], Needed] = {}
    for need in needs:
        key = (need.module, need.paths)
        known = merged.get(key)
        if known is None:
            merged[key] = need
        else:
            merged[key] = known._replace(names=tuple(dict.fromkeys((*known.names, *need.names))))
    return list(merged.values())


def names_in(item: Import) -> tuple[str, ...]:
    """What an import takes: the names as they are called at their home."""
    return tuple(name for name, _ in item.names)


def dependents_of(graph: "Graph", path: str, facts: FileFacts) -> tuple[Dependent, ...]:
    """Who imports the file: code first, then tests; by path and line."""
    own = {symbol.name for symbol in facts.symbols if symbol.parent < 0}
    listed = []
    for found in graph.dependents(path):
        names = dict.fromkeys(name for item in found.items for name in names_in(item))
        if found.via:
            names = {name: None for name in names if name in own or name == "*"}
        listed.append(Dependent(found.path, found.line, tuple(names), found.via, is_test(found.path)))
    return tuple(sorted(listed, key=lambda item: (item.test, item.via != "", item.path, item.line)))
