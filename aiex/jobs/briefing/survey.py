"""One pass over the files of a directory: of each file only what the picture of the whole needs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import FileFacts
from aiex.jobs.briefing.model import HotSpot
from aiex.jobs.briefing.names import FUNCTIONS, Role, role_of, words_of
from aiex.jobs.briefing.observations import COMPLEX, LONG
from aiex.jobs.briefing.origins import origin_of, package_of
from aiex.jobs.briefing.purpose import brief_purpose, telling_doc

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.graph import Graph

REPORT_EVERY = 40
_NO_LANGUAGE = frozenset({"text", "binary", "huge"})
_VENDORED = frozenset({"vendor", "third_party", "thirdparty", "node_modules", "dist", "bower_components", "_vendor"})


class Seen(NamedTuple):
    """What is kept of one file."""

    path: str
    language: str
    lines: int
    size_bytes: int
    role: Role
    purpose: str
    documented: bool
    entry_line: int
    targets: tuple[tuple[str, int, float], ...]
    """Files of the repository it imports, the line, and the share of the import: an import that means a package of many
    files says little about each."""
    external: tuple[tuple[str, int], ...]
    """Third-party packages it imports, with the line."""
    definitions: int
    cases: int
    """Test functions."""
    spots: tuple[HotSpot, ...]
    note: str
    vendored: bool


def survey(engine: "Engine", graph: "Graph", paths: list[str]) -> Iterator["int | list[Seen]"]:
    """Look at files; gives the number done now and then, and the list at the end. Cost: linear in the files."""
    seen: list[Seen] = []
    for number, (path, facts) in enumerate(engine.many(paths), 1):
        seen.append(look(graph, path, facts))
        if number % REPORT_EVERY == 0:
            yield number
    yield seen


def look(graph: "Graph", path: str, facts: FileFacts) -> Seen:
    """Reduce the facts of one file."""
    language = "" if facts.language in _NO_LANGUAGE else facts.language
    role = role_of(path, language)
    targets, external = _leads(graph, path, facts) if facts.imports else ((), ())
    return Seen(
        path,
        language,
        facts.line_count if facts.language != "binary" else 0,
        facts.size_bytes,
        role,
        brief_purpose(path, facts),
        bool(telling_doc(path, facts)),
        facts.entry_line,
        targets,
        external,
        len(facts.symbols),
        _count_cases(facts) if role == "tests" else 0,
        _hot(path, facts) if role == "code" else (),
        facts.note,
        not _VENDORED.isdisjoint(path.split("/")[:-1]) or facts.note.startswith("minified"),
    )


def _leads(
    graph: "Graph", path: str, facts: FileFacts
) -> tuple[tuple[tuple[str, int, float], ...], tuple[tuple[str, int], ...]]:
    """Where the imports of a file lead: files inside, packages outside."""
    language = graph.language(path, facts)
    if language is None:
        return (), ()
    inside: dict[str, tuple[str, int, float]] = {}
    outside: dict[str, int] = {}
    for item in facts.imports:
        targets = graph.targets(path, item, language)
        for target in targets:
            inside.setdefault(target, (target, item.line, 1 / len(targets)))
        if (
            not targets
            and not graph.is_standard(item, language)
            and origin_of(facts.language, item.module) == "third-party"
        ):
            outside.setdefault(package_of(facts.language, item.module), item.line)
    return tuple(inside.values()), tuple(outside.items())


def _count_cases(facts: FileFacts) -> int:
    return sum(
        1
        for symbol in facts.symbols
        if symbol.kind == "test"
        or (symbol.kind in FUNCTIONS and symbol.name[:4].lower() == "test" and words_of(symbol.name)[:1] == ["test"])
    )


def _hot(path: str, facts: FileFacts) -> tuple[HotSpot, ...]:
    spots = []
    for symbol, complexity in zip(facts.symbols, facts.complexity, strict=True):
        length = symbol.end_line - symbol.start_line + 1
        if symbol.kind in FUNCTIONS and (complexity >= COMPLEX or length >= LONG):
            spots.append(HotSpot(symbol.qualified, path, symbol.start_line, complexity, length, 0))
    return tuple(spots)
