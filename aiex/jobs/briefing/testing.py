"""Which tests touch a file: those that import it or are named after it, and the functions that mention its names."""

from typing import TYPE_CHECKING

from aiex.context.facts import FileFacts
from aiex.jobs.briefing.kept import keep
from aiex.jobs.briefing.model import Dependent, Suite, SuiteCase
from aiex.jobs.briefing.names import FUNCTIONS, TYPES, is_test, stem_of, words_of
from aiex.jobs.briefing.outline import name_at

if TYPE_CHECKING:
    from aiex.context.engine import Engine

MAX_FILES_READ = 24
"""Test files whose functions are looked at; more are listed without them."""

_COMMON = frozenset(
    {"main", "run", "init", "get", "set", "new", "New", "close", "open", "name", "test", "setup", "drop", "clone",
     "fmt",
     "from", "into", "default", "eq", "hash", "len", "next", "poll", "is_empty", "toString", "equals", "hashCode",
     "update", "add", "remove", "clear", "copy", "keys", "values", "items", "pop"}
)  # fmt: skip
"""Names so usual that a mention proves nothing."""


def tests_of(
    engine: "Engine",
    path: str,
    facts: FileFacts,
    dependents: tuple[Dependent, ...],
    symbols: frozenset[str],
) -> tuple[Suite, ...]:
    """Tests that touch a file, those that mention most of it first.

    Args:
        symbols: Only mentions of these names count; empty for all that the file defines.
    """
    wanted = symbols or mentionable(facts)
    return keep(
        engine,
        f"tests/{','.join(sorted(symbols))}",
        path,
        lambda: _find_tests(engine, path, dependents, wanted, only_mentions=bool(symbols)),
        lambda rows: tuple(
            Suite(row[0], row[1], tuple(SuiteCase(case[0], case[1], tuple(case[2])) for case in row[2])) for row in rows
        ),
    )


def _find_tests(
    engine: "Engine", path: str, dependents: tuple[Dependent, ...], wanted: frozenset[str], *, only_mentions: bool
) -> tuple[Suite, ...]:
    reasons: dict[str, list[str]] = {}
    named = named_after(engine, path)
    for item in dependents:
        if item.test and item.path != path:
            reasons.setdefault(item.path, []).append(_how(item))
    for other in named:
        reasons.setdefault(other, []).insert(0, "is named after it")
    found: list[Suite] = []
    for position, (other, why) in enumerate(sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))):
        cases = cases_in(engine.facts(other), wanted) if position < MAX_FILES_READ else ()
        if only_mentions and not cases:
            continue
        found.append(Suite(other, " and ".join(dict.fromkeys(why)), cases))
    return tuple(sorted(found, key=lambda item: (item.path not in named, -len(item.cases), item.path)))


def _how(item: Dependent) -> str:
    return f"imports it through {item.via}" if item.via else f"uses it from line {item.line} on"


def named_after(engine: "Engine", path: str) -> list[str]:
    """Test files that the usual conventions pair with a file: `test_x.py`, `x_test.go`, `x.spec.ts`, `XTest.java`."""
    stem = stem_of(path)
    if not stem or is_test(path):
        return []
    stems = {stem, stem_of(path.rpartition("/")[0]) + stem}
    ending = path.rsplit(".", 1)[-1]
    return [
        entry.path
        for entry in engine.listing.files
        if entry.path != path
        and stem in entry.path.lower().replace("_", "").replace("-", "")
        and is_test(entry.path)
        and stem_of(entry.path) in stems
        and _kin(entry.path.rsplit(".", 1)[-1], ending)
    ]


_KINDS = (frozenset({"js", "jsx", "ts", "tsx", "mjs", "cjs"}), frozenset({"c", "h", "cc", "cpp", "hpp", "cxx", "hh"}),
          frozenset({"ex", "exs"}), frozenset({"py", "pyi"}))  # fmt: skip


def _kin(one: str, other: str) -> bool:
    return one == other or any(one in kind and other in kind for kind in _KINDS)


def mentionable(facts: FileFacts) -> frozenset[str]:
    """Names a test would use to reach this file: telling ones that are meant for use from outside."""
    return frozenset(
        symbol.name
        for symbol in facts.symbols
        if symbol.exported
        and (symbol.kind in FUNCTIONS or symbol.kind in TYPES)
        and not (symbol.name.startswith("__") and symbol.name.endswith("__"))
    )


def cases_in(facts: FileFacts, wanted: frozenset[str]) -> tuple[SuiteCase, ...]:
    """Test functions that use one of the names, in file order; a usual name counts beside a telling one only."""
    telling = wanted - _COMMON or wanted
    mentions: dict[int, dict[str, None]] = {}
    for ref in facts.references:
        if ref.name in wanted and ref.inside >= 0:
            mentions.setdefault(_test_around(facts, ref.inside), {})[ref.name] = None
    return tuple(
        SuiteCase(name_at(facts, index), facts.symbols[index].start_line, tuple(names))
        for index, names in sorted(mentions.items())
        if index >= 0 and not telling.isdisjoint(names)
    )


def _test_around(facts: FileFacts, index: int) -> int:
    """The test that holds a symbol, -1 for fixtures and other code."""
    while index >= 0:
        symbol = facts.symbols[index]
        if symbol.kind == "test" or (symbol.kind in FUNCTIONS and words_of(symbol.name)[:1] in (["test"], ["it"])):
            return index
        index = symbol.parent
    return -1
