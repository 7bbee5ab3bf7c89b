"""Resolves method calls by the types that the source declares: of parameters, receivers and fields, as written.

Goes beyond the graph only where a type is plain to see: `func (e *Engine) …` makes `e.handle` a method of Engine, and
`def run(app: "Flask")` makes `app.dispatch` one of Flask.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import FileFacts, Reference
from aiex.jobs.briefing.names import TYPES

if TYPE_CHECKING:
    from aiex.context.graph import Graph

MAX_HOPS = 3
"""Attributes looked through: `self.app.router.match` has two."""

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_NAME_FIRST = frozenset({"python", "typescript", "tsx", "rust", "kotlin", "scala", "swift"})
"""Languages that write `name: Type`; Go writes `name Type`, the others `Type name`."""


class Definition(NamedTuple):
    """Where something is defined."""

    path: str
    symbol: int


class Resolver:
    """The graph, and declared types where the graph gives up. Answers are kept for the life of the object."""

    def __init__(self, graph: "Graph") -> None:
        self.graph = graph
        self.engine = graph.engine
        self._known: dict[tuple[str, str, str, int], Definition | None] = {}

    def resolve(self, path: str, facts: FileFacts, ref: Reference) -> Definition | None:
        """The definition that a reference means, None when it is outside or cannot be told."""
        key = (path, ref.receiver, ref.name, ref.inside)
        if key not in self._known:
            target = self.graph.names.resolve_call(path, ref)
            self._known[key] = (
                Definition(target.path, target.symbol) if target is not None else self._by_type(path, facts, ref)
            )
        return self._known[key]

    def _by_type(self, path: str, facts: FileFacts, ref: Reference) -> Definition | None:
        words = ref.receiver.split(".")
        if not ref.receiver or len(words) > MAX_HOPS or not all(_IDENTIFIER.match(word) for word in words):
            return None
        owner = self._type_of_name(path, facts, words[0], ref.inside)
        for word in words[1:]:
            owner = self._type_of_field(owner, word) if owner is not None else None
        return self._member(owner, ref.name) if owner is not None else None

    def _type_of_name(self, path: str, facts: FileFacts, name: str, inside: int) -> Definition | None:
        """The type of a parameter, a receiver, or the object itself."""
        index = inside
        while index >= 0:
            symbol = facts.symbols[index]
            if name in ("self", "this", "cls") and symbol.kind in TYPES:
                return Definition(path, index)
            declared = declared_type(symbol.signature, name, facts.language) if symbol.kind not in TYPES else ""
            if declared:
                return self._type_named(path, declared, index)
            index = symbol.parent
        return None

    def _type_named(self, path: str, name: str, inside: int) -> Definition | None:
        target = self.graph.names.resolve_call(path, Reference(name, "", 0, inside, "type"))
        if target is None or self.engine.facts(target.path).symbols[target.symbol].kind not in TYPES:
            return None
        return Definition(target.path, target.symbol)

    def _type_of_field(self, owner: Definition, name: str) -> Definition | None:
        field = self._member(owner, name)
        if field is None:
            return None
        facts = self.engine.facts(field.path)
        declared = declared_type(facts.symbols[field.symbol].signature, name, facts.language)
        return self._type_named(field.path, declared, field.symbol) if declared else None

    def _member(self, owner: Definition, name: str) -> Definition | None:
        """A member of a type, in its file or in a file that may add to it."""
        facts = self.engine.facts(owner.path)
        wanted = f"{facts.symbols[owner.symbol].qualified}.{name}"
        for index, symbol in enumerate(facts.symbols):
            if symbol.name == name and (symbol.parent == owner.symbol or symbol.qualified == wanted):
                return Definition(owner.path, index)
        language = self.graph.names.language(owner.path, facts)
        if language is None or not language.siblings_visible:
            return None
        for other in self.graph.names.siblings(owner.path, language):
            for index, symbol in enumerate(self.engine.facts(other).symbols):
                if symbol.qualified == wanted:
                    return Definition(other, index)
        return None


def declared_type(signature: str, name: str, language: str) -> str:
    """The bare type that a signature gives a name, empty when it gives none or one that belongs to another package."""
    return _types_in(signature, language).get(name, "") if name in signature else ""


_PATTERNS = {
    "name first": r"(?<![\w.])(?P<name>\w+)\??\s*:\s*(?:&\s*)?(?:'\w+\s+)?(?:mut\s+|dyn\s+)?[\"']?"
    r"(?P<type>[A-Za-z_]\w*)(?![\w.:<\[])",
    "go": r"(?<![\w.])(?P<name>\w+)\s+(?:\.\.\.)?\*?(?P<type>[A-Za-z_]\w*)(?![\w.(\[])",
    "type first": r"(?<![\w.:])(?P<type>[A-Z]\w*)(?:<[^<>]*>)?[\s&*]+(?P<name>\w+)\b",
}


@cache
def _types_in(signature: str, language: str) -> dict[str, str]:
    form = "name first" if language in _NAME_FIRST else "go" if language == "go" else "type first"
    if form == "go":
        signature = signature.removeprefix("func ")
    return {match["name"]: match["type"] for match in re.finditer(_PATTERNS[form], signature)}
