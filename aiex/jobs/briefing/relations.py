"""Who needs whom: what a file imports, and who imports it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiex.context.facts import FileFacts, Import, Symbol
from aiex.jobs.briefing.kept import keep
from aiex.jobs.briefing.model import Dependent, Needed
from aiex.jobs.briefing.names import is_test
from aiex.jobs.briefing.origins import origin_of

if TYPE_CHECKING:
    from aiex.context.graph import Graph

_ORDER = {"repository": 0, "third-party": 1, "standard": 2, "unknown": 3}


def needs_of(graph: "Graph", path: str, facts: FileFacts) -> tuple[Needed, ...]:
    """What the file imports: the repository first, then third parties, then the standard library; else file order."""
    return keep(
        graph.engine,
        "needs",
        path,
        lambda: _find_needs(graph, path, facts),
        lambda rows: tuple(Needed(row[0], row[1], tuple(row[2]), tuple(row[3]), row[4]) for row in rows),
    )


def _find_needs(graph: "Graph", path: str, facts: FileFacts) -> tuple[Needed, ...]:
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
    """Who imports the file or sees its names without an import: code first, then tests; by path and line.

    Files that only import a package which passes names on count when they use one of the names.
    """
    return keep(
        graph.engine,
        "dependents",
        path,
        lambda: _find_dependents(graph, path, facts),
        lambda rows: tuple(Dependent(row[0], row[1], tuple(row[2]), row[3], row[4]) for row in rows),
    )


def _find_dependents(graph: "Graph", path: str, facts: FileFacts) -> tuple[Dependent, ...]:
    top = {symbol.name for symbol in facts.symbols if symbol.parent < 0 and symbol.kind != "variable"}
    offered = top | {symbol.name for symbol in facts.symbols if _is_in_module(facts, symbol)}
    listed: dict[str, Dependent] = {}
    for found in graph.dependents(path):
        names = tuple(dict.fromkeys(name for item in found.items for name in names_in(item)))
        if found.via:
            names = tuple(name for name in names if name in top)
        names = names or _used_names(graph, found.path, offered)
        if names or not found.via:
            listed[found.path] = Dependent(found.path, found.line, names, found.via, is_test(found.path))
    for neighbour in _neighbours(graph, path, facts):
        listed.setdefault(neighbour.path, neighbour)
    return tuple(sorted(listed.values(), key=lambda item: (item.test, item.via != "", item.path, item.line)))


def _is_in_module(facts: FileFacts, symbol: Symbol) -> bool:
    """Whether a symbol is exported by a module or namespace at the top of the file (Elixir, Ruby, C++)."""
    return symbol.parent >= 0 and symbol.exported and facts.symbols[symbol.parent].kind in ("module", "namespace")


def _used_names(graph: "Graph", path: str, names: set[str]) -> tuple[str, ...]:
    """Which of the names a file uses behind a dot: what it takes from a module that it imports as a whole."""
    used = (ref.name for ref in graph.engine.facts(path).references if ref.receiver and ref.name in names)
    return tuple(dict.fromkeys(used))


def _neighbours(graph: "Graph", path: str, facts: FileFacts) -> Iterator[Dependent]:
    """Files of the same package that use a name of this one without an import (Go, Java)."""
    language = graph.names.language(path, facts)
    if language is None or not language.siblings_visible:
        return
    top = {
        symbol.name: index
        for index, symbol in enumerate(facts.symbols)
        if symbol.parent < 0 and symbol.qualified == symbol.name
    }
    for other in graph.names.siblings(path, language):
        uses: dict[str, int] = {}
        known = graph.engine.facts(other)
        own = {symbol.name for symbol in known.symbols if symbol.parent < 0}
        for ref in known.references:
            if ref.name in top and not ref.receiver and ref.name not in own:
                uses.setdefault(ref.name, ref.line)
        if uses:
            yield Dependent(other, min(uses.values()), tuple(uses), "", is_test(other))
