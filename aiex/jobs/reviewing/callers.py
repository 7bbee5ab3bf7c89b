"""Who still uses what a change took away, or calls a function as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.context.facts import FileFacts, Symbol
from aiex.errors import AiexError
from aiex.guard.neutral import printable_path
from aiex.jobs.reviewing.calls import Call, read_call
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit
from aiex.jobs.reviewing.source import Source

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.listing import Paths

_KINDS = frozenset(
    {"function", "class", "constant", "variable", "interface", "type", "enum", "struct", "trait", "macro"}
)
_IMPORTING = frozenset({"python", "javascript", "typescript", "tsx"})
"""Languages whose imports name what they take, so that a missing name is certain."""
MOST_NAMED = 3


class _OldPaths:
    """The files of the repository and those that are gone, for imports to be resolved as they were."""

    def __init__(self, paths: Paths, gone: Sequence[str]) -> None:
        self._paths = paths
        self._gone = frozenset(gone)

    def has(self, path: str) -> bool:
        return path in self._gone or self._paths.has(path)

    def ending(self, suffix: str) -> list[str]:
        gone = [path for path in self._gone if path == suffix or path.endswith(f"/{suffix}")]
        return sorted([*self._paths.ending(suffix), *gone], key=lambda path: (path.count("/"), path))

    def inside(self, folder: str) -> list[str]:
        gone = [path for path in self._gone if path.rpartition("/")[0] == folder]
        return sorted([*self._paths.inside(folder), *gone])

    def read(self, path: str) -> bytes:
        return self._paths.read(path)


class Callers:
    """Looks for uses in the repository as it lies there."""

    def __init__(self, engine: Engine, gone: Sequence[str]) -> None:
        from aiex.context.graph import Graph

        self.engine = engine
        self.graph = Graph(engine)
        self.before = _OldPaths(engine.paths, gone)

    def of_file(self, change: FileChange) -> Iterator[Hit]:
        """Imports that meant a file which is gone and mean nothing now."""
        assert change.old is not None  # noqa: S101  (the caller looked)
        language, path = change.old.language, change.old_path
        if language is None or language.name not in _IMPORTING:
            return
        places = []
        for candidate, facts in self.engine.full(self.engine.mentioning(language.names_of(path))):
            other = self.graph.names.language(candidate, facts)
            if other is None or other.kin != language.kin:
                continue
            for item in facts.imports:
                if item.kind == "mention" or other.resolve(item, candidate, self.engine.paths):
                    continue
                if path in other.resolve(item, candidate, self.before):
                    places.append((candidate, item.line))
        what = "moved" if change.status == "renamed" else "deleted"
        yield from _tell(places, f"{printable_path(path)} was {what} and is still imported here", "error")

    def of_removed(self, change: FileChange) -> Iterator[Hit]:
        """Uses of names that a file does not define any more."""
        assert change.old is not None and change.new is not None  # noqa: S101, PT018  (the caller looked)
        if change.language not in _IMPORTING:
            return
        names = _removed_names(change.old.facts, change.new)
        if not names:
            return
        try:
            dependents = self.graph.dependents(change.path)
        except AiexError:
            return
        places: dict[str, list[tuple[str, int]]] = {}
        for user in dependents:
            if user.via:
                continue
            for item in user.items:
                for name in names & {taken for taken, _ in item.names}:
                    places.setdefault(name, []).append((user.path, item.line))
            aliases = {item.alias for item in user.items if item.alias and not item.names}
            for reference in self.engine.facts(user.path).references if aliases else ():
                if reference.name in names and reference.receiver in aliases:
                    places.setdefault(reference.name, []).append((user.path, reference.line))
        for name, found in sorted(places.items()):
            message = f"{name} was removed from {printable_path(change.path)} and is still used here"
            yield from _tell(found, message, "error")

    def of_signatures(self, change: FileChange) -> Iterator[Hit]:
        """Calls that fitted the old signature of a function and do not fit the new one; Python only."""
        assert change.old is not None and change.new is not None  # noqa: S101, PT018  (the caller looked)
        if change.language != "python":
            return
        before, after = _signatures(change.old), _signatures(change.new)
        changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
        if not changed:
            return
        facts = change.new.facts
        wanted = {_called_name(name): name for name in changed}
        indexes = {index for index, symbol in enumerate(facts.symbols) if symbol.qualified in wanted}
        try:
            uses = self.graph.uses(change.path, indexes) if indexes else []
        except AiexError:
            return
        read: dict[str, Source] = {}
        for use in uses:
            name = wanted[facts.symbols[use.symbol].qualified]
            if use.kind not in ("call", "new") or use.certainty == "name":
                continue
            if use.path not in read:
                read[use.path] = Source(use.path, self.engine.source(use.path))
            for call in _calls_at(read[use.path], use.line, facts.symbols[use.symbol].name):
                if before[name].misfit(call) == "" and (reason := after[name].misfit(call)):
                    message = f"{facts.symbols[use.symbol].qualified} changed: this call {reason}"
                    yield Hit(use.path, use.line, message, "change the call too")


def _tell(places: Sequence[tuple[str, int]], message: str, severity: Any) -> Iterator[Hit]:
    """One finding for each file."""
    firsts: dict[str, int] = {}
    for path, line in sorted(places):
        firsts.setdefault(path, line)
    for path, line in firsts.items():
        yield Hit(path, line, message, "change it too, or keep the name", severity=severity)


def _removed_names(before: FileFacts, after: Source) -> set[str]:
    """Outermost public names that were defined and are not any more, nor bound in another way."""
    facts = after.facts
    if before.parsed != "full" or facts.parsed != "full":
        return set()
    if any(name == "*" for item in facts.imports for name, _ in item.names) or "__getattr__" in after.text:
        return set()
    old = {symbol.name for symbol in before.symbols if symbol.parent < 0 and symbol.exported and symbol.kind in _KINDS}
    kept = {symbol.name for symbol in facts.symbols if symbol.parent < 0}
    kept |= {local for item in facts.imports for _, local in item.names} | {item.alias for item in facts.imports}
    return {name for name in old - kept if not re.search(rf"\b{re.escape(name)}\b\s*[=:,}}]", after.text)}


# --- signatures of Python -------------------------------------------------------------------------------------------


class _Signature(NamedTuple):
    """What a call must give."""

    positional: tuple[tuple[str, bool, bool], ...]
    """Name, whether it is required, whether it may be given by name."""
    keyword_only: tuple[tuple[str, bool], ...]
    takes_any: bool
    """Any number by position."""
    takes_named: bool
    """Any names."""

    def misfit(self, call: Call) -> str:
        """Why a call does not fit; empty when it does, or cannot be told."""
        if any(node.type in ("list_splat", "dictionary_splat", "generator_expression") for node in call.arguments):
            return ""
        given = len(call.arguments)
        if given > len(self.positional) and not self.takes_any:
            return f"gives {given} values where {len(self.positional)} are taken"
        by_name = {name for name, _, named in self.positional[given:] if named} | {
            name for name, _ in self.keyword_only
        }
        if not self.takes_named and (unknown := sorted(call.named.keys() - by_name)):
            return f"gives {unknown[0]}, which is not taken"
        required = [name for name, needed, _ in self.positional[given:] if needed]
        required += [name for name, needed in self.keyword_only if needed]
        missing = [name for name in required if name not in call.named]
        return f"does not give {missing[0]}" if missing else ""


_PLAIN_DECORATORS = frozenset({"@staticmethod", "@classmethod", "@override", "@typing.override", "@abstractmethod"})


def _signatures(source: Source) -> dict[str, _Signature]:
    """Signatures of functions and methods by qualified name; those that a decorator may change are left out."""
    found: dict[str, _Signature] = {}
    doubled: set[str] = set()
    for node in source.nodes(frozenset({"function_definition"}), [(1, len(source.lines) + 1)]):
        symbol = _symbol_of(source, node)
        if symbol is None:
            continue
        decorators = _decorators(source, node)
        doubled |= {symbol.qualified} & found.keys()
        if decorators <= _PLAIN_DECORATORS:
            is_bound = symbol.parent >= 0 and "@staticmethod" not in decorators
            found[symbol.qualified] = _read_signature(node, source, drop_first=is_bound)
        else:
            doubled.add(symbol.qualified)
    return {name: signature for name, signature in found.items() if name not in doubled}


def _symbol_of(source: Source, node: Any) -> Symbol | None:
    """The function or method that a node defines, outermost or directly in an outermost class."""
    label = node.child_by_field_name("name")
    name = source.text_of(label) if label is not None else ""
    for symbol in source.facts.symbols:
        if symbol.name == name and symbol.start_byte <= node.start_byte < node.end_byte <= symbol.end_byte:
            above = source.facts.symbols[symbol.parent] if symbol.parent >= 0 else None
            return symbol if above is None or (above.kind == "class" and above.parent < 0) else None
    return None


def _decorators(source: Source, node: Any) -> set[str]:
    above = node.parent
    if above is None or above.type != "decorated_definition":
        return set()
    return {source.text_of(child).strip() for child in above.children if child.type == "decorator"}


def _called_name(qualified: str) -> str:
    """What a call names: a class for its constructor."""
    return qualified.removesuffix(".__init__")


def _read_signature(node: Any, source: Source, *, drop_first: bool) -> _Signature:
    positional: list[tuple[str, bool, bool]] = []
    keyword_only: list[tuple[str, bool]] = []
    takes_any = takes_named = after_star = False
    for child in node.child_by_field_name("parameters").named_children:
        kind = child.type
        inner = child.named_children[0] if kind == "typed_parameter" else child
        if inner.type == "list_splat_pattern":
            takes_any = after_star = True
        elif inner.type == "dictionary_splat_pattern":
            takes_named = True
        elif kind == "keyword_separator":
            after_star = True
        elif kind == "positional_separator":
            positional = [(name, needed, False) for name, needed, _ in positional]
        elif kind != "comment":
            label = child.child_by_field_name("name") or inner
            needed = not kind.endswith("default_parameter")
            if after_star:
                keyword_only.append((source.text_of(label), needed))
            else:
                positional.append((source.text_of(label), needed, True))
    return _Signature(tuple(positional[drop_first:]), tuple(sorted(keyword_only)), takes_any, takes_named)


def _calls_at(source: Source, line: int, name: str) -> Iterator[Call]:
    for node in source.nodes(frozenset({"call"}), [(line, line)]):
        call = read_call(node, source)
        callee = node.child_by_field_name("function")
        if callee is not None and callee.end_point[0] + 1 == line and call.name == name:
            yield call
