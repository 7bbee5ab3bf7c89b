"""Who uses whom inside a repository: imports resolved to files, and names resolved through imports.

Nothing is executed and no types are known, so every answer says how sure it is:
"import" (the name is bound by an import of that file), "scope" (the same file, or files that see each other),
"name" (a method of that name is called on a value of unknown type, in a file that imports its owner).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.engine import Engine
from aiex.context.facts import FileFacts, Import, Reference, Symbol
from aiex.context.names import Certainty, Names

if TYPE_CHECKING:
    from aiex.context.language import Language

DEPENDENTS_LIMIT = 2_000
"""Files looked into for one answer; a more popular file is answered for the first ones in path order."""


class Dependency(NamedTuple):
    """An import and the files of the repository it means; no targets for something outside."""

    item: Import
    targets: tuple[str, ...]
    standard: bool
    """Known to be part of the language's own library."""


class Dependent(NamedTuple):
    """A file that imports the file asked about."""

    path: str
    line: int
    """Line of the first of its imports that mean the file."""
    items: tuple[Import, ...]
    via: str
    """The file that passes the names on, empty when the import is direct."""


class Use(NamedTuple):
    """A place where a symbol of the file asked about is used."""

    path: str
    line: int
    inside: str
    """Qualified name of the symbol around the place, empty at module level."""
    symbol: int
    kind: str
    certainty: Certainty


class Graph:
    """Questions about uses, answered from an engine's facts; answers are kept for the life of the object."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names = Names(engine)

    def dependencies(self, path: str) -> list[Dependency]:
        """The imports of a file in source order, resolved."""
        facts = self.engine.facts(path)
        language = self.names.language(path, facts)
        if language is None:
            return []
        return [
            Dependency(item, self.names.targets(path, item, language), self.names.is_standard(item, language))
            for item in facts.imports
        ]

    def dependents(self, path: str) -> list[Dependent]:
        """Files that import this one, directly or through a module that passes its names on, in path order."""
        direct = list(self._direct_dependents(path))
        found = {item.path: item for item in direct}
        for passer in direct:
            names = self._passed_names(passer)
            if not names:
                continue
            for item in self._direct_dependents(passer.path):
                if item.path in found or item.path == path:
                    continue
                if "*" in names or names & self._taken_names(item):
                    found[item.path] = item._replace(via=passer.path)
        return sorted(found.values())

    def _passed_names(self, passer: Dependent) -> set[str]:
        """Names that a module offers onwards under its own name: package initialisers and re-exports."""
        base = passer.path.rpartition("/")[2]
        names: set[str] = set()
        for item in passer.items:
            if item.kind == "reexport" or base.startswith(("__init__.", "mod.rs", "lib.rs")):
                names |= {local for _, local in item.names} or {"*"}
        return names

    def _taken_names(self, user: Dependent) -> set[str]:
        """Names that a file takes from a module, by name or as an attribute of the module."""
        taken = {name for item in user.items for name, _ in item.names}
        aliases = {item.alias for item in user.items if item.alias}
        if aliases:
            for reference in self.engine.facts(user.path).references:
                head, _, rest = reference.receiver.partition(".")
                if reference.receiver in aliases:
                    taken.add(reference.name)
                elif head in aliases:
                    taken.add(rest.partition(".")[0])
        return taken

    def _direct_dependents(self, path: str) -> Iterator[Dependent]:
        facts = self.engine.facts(path)
        language = self.names.language(path, facts)
        if language is None:
            return
        names = language.names_of(path)
        names |= {symbol.name.rpartition(".")[2] for symbol in facts.symbols if symbol.kind in ("namespace", "module")}
        candidates = [name for name in self.engine.mentioning(names) if name != path][:DEPENDENTS_LIMIT]
        for candidate, known in self.engine.full(candidates):
            other = self.names.language(candidate, known)
            if other is None:
                continue
            items = tuple(item for item in known.imports if path in self.names.targets(candidate, item, other))
            if items:
                yield Dependent(candidate, items[0].line, items, "")

    # --- names ------------------------------------------------------------------------------------------------------

    def uses(self, path: str, wanted: set[int] | None = None) -> list[Use]:
        """Places in the repository that use symbols of a file, by path and line.

        Args:
            wanted: Symbol indexes; None means all symbols.
        """
        facts = self.engine.facts(path)
        language = self.names.language(path, facts)
        if language is None:
            return []
        symbols = facts.symbols
        indexes = set(range(len(symbols))) if wanted is None else wanted
        by_name: dict[str, list[int]] = {}
        for index in indexes:
            by_name.setdefault(symbols[index].name, []).append(index)
        places = [path, *(item.path for item in self.dependents(path))]
        twins = self._declarations(path, symbols, indexes, language)
        for header in {header for header, _ in twins}:
            places += [header, *(item.path for item in self.dependents(header))]
        if language.siblings_visible:
            places += self.names.siblings(path, language)
        found: dict[tuple[str, int, str, int], Use] = {}
        for place, known in self.engine.full(sorted(set(places))):
            for use in self._uses_in(place, known, path, symbols, by_name, twins):
                known_use = found.get(use[:4])
                if known_use is None or known_use.kind == "read":
                    found[use[:4]] = use
        return sorted(found.values())

    def _declarations(
        self, path: str, symbols: tuple[Symbol, ...], indexes: set[int], language: Language
    ) -> dict[tuple[str, int], int]:
        """Where headers that a source includes declare what it defines: callers see only the declaration."""
        if language.kin != "c" or path.endswith((".h", ".hh", ".hpp", ".hxx")):
            return {}
        wanted = {symbols[index].qualified: index for index in indexes if symbols[index].exported}
        twins: dict[tuple[str, int], int] = {}
        for item in self.dependencies(path):
            for header, facts in self.engine.full(item.targets):
                for place, symbol in enumerate(facts.symbols):
                    if symbol.qualified in wanted:
                        twins[header, place] = wanted[symbol.qualified]
        return twins

    def _uses_in(
        self,
        place: str,
        facts: FileFacts,
        path: str,
        symbols: tuple[Symbol, ...],
        by_name: dict[str, list[int]],
        twins: dict[tuple[str, int], int],
    ) -> Iterator[Use]:
        owners_bound: dict[str, bool] = {}
        by_name = by_name | self._renamed(place, facts, by_name)
        for reference in _with_receivers(facts.references):
            indexes = by_name.get(reference.name)
            if not indexes:
                continue
            inside = facts.symbols[reference.inside].qualified if reference.inside >= 0 else ""
            target = self.names.resolve_call(place, reference)
            if target is not None:
                if target.path == path and target.symbol in indexes:
                    yield Use(place, reference.line, inside, target.symbol, reference.kind, target.certainty)
                elif (target.path, target.symbol) in twins:
                    twin = twins[target.path, target.symbol]
                    yield Use(place, reference.line, inside, twin, reference.kind, target.certainty)
                continue
            if not reference.receiver or reference.kind not in ("call", "read"):
                continue
            for index in indexes:
                owner = symbols[index].qualified.rpartition(".")[0].rpartition(".")[2]
                if owner and self._knows(place, facts, path, owner, owners_bound):
                    yield Use(place, reference.line, inside, index, reference.kind, "name")

    def _renamed(self, place: str, facts: FileFacts, by_name: dict[str, list[int]]) -> dict[str, list[int]]:
        """The same symbols under the names that a file gives them: `from x import total as count`."""
        language = self.names.language(place, facts)
        if language is None:
            return {}
        bound = self.names.bindings(place, facts, language)
        renamed = {
            local: by_name[original]
            for local, (original, _) in bound.names.items()
            if local != original and original in by_name
        }
        if language.kin == "ecmascript":
            whole = dict(bound.modules)
            whole |= {local: targets for local, (original, targets) in bound.names.items() if original == "default"}
            for local, targets in whole.items():
                for target in targets:
                    index = self.names.default(target, local)
                    if index is not None:
                        name = self.engine.facts(target).symbols[index].name
                        renamed.setdefault(local, by_name.get(name, []))
        return renamed

    def _knows(self, place: str, facts: FileFacts, path: str, owner: str, known: dict[str, bool]) -> bool:
        """Whether a file can name the class that owns a method."""
        if place == path:
            return True
        if owner not in known:
            language = self.names.language(place, facts)
            found = self.names.bare(place, facts, language, owner) if language is not None else None
            known[owner] = found is not None and found.path == path
        return known[owner]


def _with_receivers(references: Iterable[Reference]) -> Iterator[Reference]:
    """References, and the uses that their receivers are: `a.b.save()` uses `a`, and `b` of `a`, too."""
    for reference in references:
        yield reference
        receiver = reference.receiver
        if "::" in receiver:
            outer, _, last = receiver.rpartition("::")
            yield Reference(last, outer, reference.line, reference.inside, "read")
            continue
        head, _, rest = receiver.partition(".")
        if head:
            yield Reference(head, "", reference.line, reference.inside, "read")
        if rest:
            yield Reference(rest.partition(".")[0], head, reference.line, reference.inside, "read")
