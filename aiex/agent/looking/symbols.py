"""Where names are defined and used, from the facts that the engine knows of files, and what a search says beside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.agent.looking.finding import begin, find
from aiex.agent.looking.layers import held
from aiex.agent.looking.patterns import read_pattern
from aiex.agent.looking.walking import list_files
from aiex.errors import AiexError

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.context.facts import FileFacts, Symbol

MOST_PARSED: Final = 300
"""Files that are looked into for one name; beyond them it is said that there are more."""
MOST_LINES: Final = 2_000
FEW: Final = 20
"""Files that are looked at one by one, without a look at all of the workspace."""
MOST_FOLLOWED: Final = 8
"""Definitions of one name whose uses are followed through imports."""


class Definition(NamedTuple):
    """A place where a name is defined."""

    path: str
    number: int
    symbol: Symbol


class Known(NamedTuple):
    """What a word stands for in a workspace."""

    definitions: tuple[Definition, ...]
    """By path and line."""
    lines: Mapping[str, tuple[int, ...]]
    """Where the word stands, by path."""
    unread: int
    """Files with the word that were not looked into, because there are so many."""


async def look_up(kit: Kit, name: str, top: str) -> Known:
    """Find a name beneath a directory, or in a file: the word by a search, definitions by what a parse says.

    Args:
        name: An identifier, or one with those around it, joined by dots: `Store.save`.

    Cost: a search, and a parse of those files with the word that are new or changed.
    """
    word = name.rpartition(".")[2]
    edges = ("\\b" if _is_word(word[0]) else "", "\\b" if _is_word(word[-1]) else "")
    pattern = read_pattern(f"{edges[0]}{read_pattern(word, literal=True).rust}{edges[1]}")
    begun = begin(kit, pattern, top)
    ground = None if _is_file(kit, top) else list_files(kit, top)
    hits = await find(kit, pattern, ground.paths if ground else [top], MOST_LINES, ground, begun)
    found: list[Definition] = []
    for path, facts in _read_all(kit, [one.path for one in hits[:MOST_PARSED]]):
        found += _defined(path, facts, name)
        await asyncio.sleep(0)
    kit.means.engine.save()
    found.sort(key=lambda one: one.path)
    lines = {one.path: tuple(line for line, _ in one.places) for one in hits}
    return Known(tuple(found), lines, max(0, len(hits) - MOST_PARSED))


def _read_all(kit: Kit, paths: Sequence[str]) -> Iterator[tuple[str, FileFacts]]:
    """The facts of files, those that are many in worker processes; files that cannot be read are left out."""
    layer = held(kit)
    if len(paths) > FEW:
        kit.means.engine.look_again()
        yield from kit.means.engine.full([path for path in paths if path not in layer])
        paths = [path for path in paths if path in layer]
    for path in paths:
        facts = read_facts(kit, path)
        if facts is not None:
            yield path, facts


def read_facts(kit: Kit, path: str) -> FileFacts | None:
    """What a parse of a file tells, as it is now; None where it cannot be read."""
    try:
        if path not in held(kit):
            return kit.means.engine.facts(path)
        from aiex.context.reading import describe

        return describe(kit.files.read(path), path)[1]
    except AiexError:
        return None


def find_uses(kit: Kit, definitions: Sequence[Definition]) -> set[tuple[str, int]]:
    """Paths and lines of the uses of definitions that imports, or the scope, make sure of.

    Imports are followed as they lie on disk: nothing is sure of files that are held in memory, and of what they define.
    """
    from aiex.context.graph import Graph

    engine = kit.means.engine
    engine.look_again()
    graph = Graph(engine)
    sure: set[tuple[str, int]] = set()
    layer = held(kit)
    definitions = [one for one in definitions if one.path not in layer]
    for path, indexes in _by_path(definitions[:MOST_FOLLOWED]):
        try:
            uses = graph.uses(path, indexes)
        except AiexError:
            continue
        sure.update((use.path, use.line) for use in uses if use.certainty != "name")
        names = {one.symbol.name for one in definitions if one.path == path}
        sure.update(
            (user.path, item.line)
            for user in graph.dependents(path)
            for item in user.items
            if any(name in names for name, _ in item.names)
        )
    return {(path, line) for path, line in sure if path not in layer}


def _defined(path: str, facts: FileFacts, name: str) -> Iterable[Definition]:
    """The symbols of a file that a name means, an exact path of names before one that only ends so."""
    tail = f".{name}"
    for index, symbol in enumerate(facts.symbols):
        if name in (symbol.qualified, symbol.name) or symbol.qualified.endswith(tail):
            yield Definition(path, index, symbol)


def _by_path(definitions: Sequence[Definition]) -> Iterable[tuple[str, set[int]]]:
    grouped: dict[str, set[int]] = {}
    for one in definitions:
        grouped.setdefault(one.path, set()).add(one.number)
    return grouped.items()


def _is_file(kit: Kit, path: str) -> bool:
    return path != "." and kit.files.stat(path, follow_links=True).kind == "file"


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
