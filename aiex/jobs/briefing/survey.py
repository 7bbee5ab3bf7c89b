"""One pass over the files of a directory: of each file only what the picture of the whole needs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import FileFacts
from aiex.jobs.briefing.names import FUNCTIONS, Role, role_of
from aiex.jobs.briefing.origins import origin_of, package_of
from aiex.jobs.briefing.purpose import brief_purpose, telling_doc

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.facts import Import
    from aiex.context.graph import Graph
    from aiex.context.language import Language

REPORT_EVERY = 40
_NO_LANGUAGE = frozenset({"text", "binary", "huge"})
_VENDORED = frozenset({"vendor", "third_party", "thirdparty", "node_modules", "dist", "bower_components", "_vendor"})


Lead = tuple[str, int, float]
"""A file of the repository, the line of the import, and the share of it."""


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
    targets: tuple[Lead, ...]
    """Files of the repository it imports, the line, and the share of the import: an import that means a package of many
    files says little about each."""
    external: tuple[tuple[str, int], ...]
    """Third-party packages it imports, with the line."""
    definitions: int
    cases: int
    """Test functions."""
    longest: int
    """Lines of its longest function."""
    note: str
    vendored: bool


def survey(engine: "Engine", graph: "Graph", paths: list[str]) -> Iterator["int | list[Seen]"]:
    """Look at files; gives the number done now and then, and the list by path at the end. Cost: linear in the files."""
    seen: list[Seen] = []
    leads = Leads(graph)
    for number, (path, facts) in enumerate(engine.many(paths), 1):
        seen.append(look(leads, path, facts))
        if number % REPORT_EVERY == 0:
            yield number
    yield sorted(seen)


def look(leads: "Leads", path: str, facts: FileFacts) -> Seen:
    """Reduce the facts of one file."""
    language = "" if facts.language in _NO_LANGUAGE else facts.language
    role = role_of(path, language)
    targets, external = leads.of(path, facts) if facts.imports else ((), ())
    doc = telling_doc(path, facts)
    return Seen(
        path,
        language,
        facts.line_count if facts.language != "binary" else 0,
        facts.size_bytes,
        role,
        doc or brief_purpose(path, facts),
        bool(doc),
        facts.entry_line,
        targets,
        external,
        len(facts.symbols),
        _count_cases(facts) if role == "tests" else 0,
        _longest_function(facts) if role == "code" else 0,
        facts.note,
        not _VENDORED.isdisjoint(path.split("/")[:-1]) or facts.note.startswith("minified"),
    )


class Leads:
    """Where imports lead; modules of the language itself and of third parties are not looked for file by file."""

    def __init__(self, graph: "Graph") -> None:
        self.graph = graph
        self._parts: set[str] = set()
        for path in graph.engine.paths.known:
            *folders, name = path.split("/")
            self._parts.update(folders)
            self._parts.add(name.partition(".")[0])
        self._origins: dict[tuple[str, str], str] = {}

    def of(self, path: str, facts: FileFacts) -> tuple[tuple[Lead, ...], tuple[tuple[str, int], ...]]:
        """Where the imports of a file lead: files inside, packages outside."""
        language = self.graph.names.language(path, facts)
        if language is None:
            return (), ()
        inside: dict[str, Lead] = {}
        outside: dict[str, int] = {}
        for item in facts.imports:
            targets = (
                () if self._is_foreign(item.module, language.name) else self.graph.names.targets(path, item, language)
            )
            for target in targets:
                inside.setdefault(target, (target, item.line, 1 / len(targets)))
            if not targets and self._origin(item, language) == "third-party":
                outside.setdefault(package_of(language.name, item.module), item.line)
        return tuple(inside.values()), tuple(outside.items())

    def _is_foreign(self, module: str, language: str) -> bool:
        """True when no file or folder has the name an absolute module begins with."""
        return language == "python" and module.partition(".")[0] not in self._parts and module[:1] != "."

    def _origin(self, item: "Import", language: "Language") -> str:
        key = (language.name, item.module)
        if key not in self._origins:
            standard = self.graph.names.is_standard(item, language)
            self._origins[key] = "standard" if standard else origin_of(language.name, item.module)
        return self._origins[key]


def _count_cases(facts: FileFacts) -> int:
    return sum(
        1
        for symbol in facts.symbols
        if symbol.kind == "test"
        or (symbol.name[:4] in ("test", "Test") and not symbol.name[4:5].islower() and symbol.kind in FUNCTIONS)
    )


def _longest_function(facts: FileFacts) -> int:
    """The length of the longest function."""
    lengths = (symbol.end_line - symbol.start_line + 1 for symbol in facts.symbols if symbol.kind in FUNCTIONS)
    return max(lengths, default=0)
