"""What a name in a file stands for: names resolved through imports, re-exports and base classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.context.engine import Engine
from aiex.context.facts import FileFacts, Import, Reference
from aiex.errors import AiexError

if TYPE_CHECKING:
    from aiex.context.language import Language

Certainty = Literal["import", "scope", "name"]
"""How sure an answer is; see `graph`."""


class Target(NamedTuple):
    """A definition that a reference means."""

    path: str
    symbol: int
    certainty: Certainty


class Bindings:
    """What the names in one file stand for, as far as its imports say."""

    def __init__(self) -> None:
        self.modules: dict[str, list[str]] = {}
        """Local name (or dotted module as written) → files it stands for."""
        self.names: dict[str, tuple[str, list[str]]] = {}
        """Local name → (name in the module, files that may define it)."""
        self.open: list[str] = []
        """Files whose names are all visible (wildcards, includes)."""


class Names:
    """Looks names up in an engine's facts; answers are kept for the life of the object."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._bindings: dict[str, Bindings] = {}
        self._targets: dict[tuple[str, Import], tuple[str, ...]] = {}
        self._top_cache: dict[str, tuple[dict[str, int], dict[str, list[int]]]] = {}
        self._bases: dict[str, dict[int, list[Reference]]] = {}

    def language(self, path: str, facts: FileFacts) -> Language | None:
        """The language the facts were read with."""
        from aiex.context.language import find_language, get_language  # 5 ms that kept answers do not need

        if facts.parsed == "fallback":
            return find_language(path)
        return get_language(facts.language)

    # --- files ------------------------------------------------------------------------------------------------------

    def targets(self, path: str, item: Import, language: Language) -> tuple[str, ...]:
        """Files of the repository that an import in `path` means, the file itself left out."""
        key = (path, item._replace(line=0))
        if key not in self._targets:
            found = language.resolve(item, path, self.engine.paths)
            self._targets[key] = tuple(target for target in found if target != path)
        return self._targets[key]

    def is_standard(self, item: Import, language: Language) -> bool:
        """Whether an import names the language's own library."""
        head = item.module.split(".")[0].split("/")[0].split("::")[0]
        return head in language.standard or item.module in language.standard

    def bindings(self, path: str, facts: FileFacts, language: Language) -> Bindings:
        """What the names that a file imports stand for."""
        if path in self._bindings:
            return self._bindings[path]
        bound = Bindings()
        for item in facts.imports:
            targets = self.targets(path, item, language)
            if not targets:
                continue
            if item.kind == "mention":
                _bind_mention(bound, item, targets)
                continue
            if item.alias:
                bound.modules.setdefault(item.alias, []).extend(targets)
            for name, local in item.names:
                if name == "*":
                    bound.open.extend(targets)
                    continue
                stems = [target for target in targets if name in language.names_of(target)]
                if stems and not self._defines(targets, name):
                    bound.modules.setdefault(local, []).extend(stems)
                else:
                    bound.names[local] = (name, list(targets))
            if not item.names and not item.alias and language.loads:
                bound.open.extend(targets)
        self._bindings[path] = bound
        return bound

    def _defines(self, targets: Iterable[str], name: str) -> bool:
        return any(self.top_level(target).get(name) is not None for target in targets)

    def top_level(self, path: str) -> dict[str, int]:
        """Names that a file defines at its top, with their symbol index; empty when it cannot be read."""
        return self._tops(path)[0]

    def _tops(self, path: str) -> tuple[dict[str, int], dict[str, list[int]]]:
        """Indexes by name of what a file defines at its top, and of all members in it."""
        if path not in self._top_cache:
            self._top_cache[path] = self._read_tops(path)
        return self._top_cache[path]

    def _read_tops(self, path: str) -> tuple[dict[str, int], dict[str, list[int]]]:
        try:
            symbols = self.engine.facts(path).symbols
        except AiexError:
            return {}, {}
        top: dict[str, int] = {}
        members: dict[str, list[int]] = {}
        for index, symbol in enumerate(symbols):
            if symbol.parent < 0 or symbols[symbol.parent].kind in ("namespace", "module"):
                top.setdefault(symbol.name, index)
            if symbol.parent >= 0 or "." in symbol.qualified:
                members.setdefault(symbol.name, []).append(index)
        return top, members

    def resolve_call(self, path: str, reference: Reference) -> Target | None:
        """The definition that a reference in `path` means, None when it is outside or cannot be told."""
        facts = self.engine.facts(path)
        language = self.language(path, facts)
        if language is None:
            return None
        name, receiver = reference.name, reference.receiver
        if not receiver:
            return self.bare(path, facts, language, name)
        if receiver in language.self_names:
            return self._own_member(path, facts, reference)
        bound = self.bindings(path, facts, language)
        for target in bound.modules.get(receiver, ()):
            found = self._find(target, name) or self._find_in(target, _last_part(receiver), name)
            if found is not None:
                return Target(found[0], found[1], "import")
        if reference.kind != "call":  # a type or a constant by its whole path
            for whole in (f"{receiver}::{name}", f"{receiver}.{name}"):
                for target in bound.modules.get(whole, ()):
                    found = self._find(target, name) or self._find(target, whole)
                    if found is not None:
                        return Target(found[0], found[1], "import")
        owner = self.bare(path, facts, language, _last_part(receiver))
        if owner is not None:
            member = self._member(owner.path, owner.symbol, name)
            if member is not None:
                return Target(owner.path, member, owner.certainty)
        return None

    def bare(self, path: str, facts: FileFacts, language: Language, name: str) -> Target | None:
        """What a name without a receiver means in a file: its own, an imported one, or one of a sibling's."""
        own = self.top_level(path).get(name)
        if own is not None:
            return Target(path, own, "scope")
        bound = self.bindings(path, facts, language)
        if name in bound.names:
            original, targets = bound.names[name]
            for target in targets:
                found = self._find(target, original)
                if found is None and original == "default":
                    whole = self.default(target, name)
                    found = (target, whole) if whole is not None else None
                if found is not None:
                    return Target(found[0], found[1], "import")
        for target in bound.modules.get(name, ()):
            index = self.default(target, name) if language.kin == "ecmascript" else self.top_level(target).get(name)
            if index is not None:
                return Target(target, index, "import")
        for target in bound.open:
            index = self.top_level(target).get(name)
            if index is not None and not (language.loads and self._needs_owner(target, index)):
                return Target(target, index, "import")
        if language.siblings_visible:
            for target in self.siblings(path, language):
                index = self.top_level(target).get(name)
                if index is not None:
                    return Target(target, index, "scope")
        return None

    def default(self, path: str, local: str) -> int | None:
        """What a module is as a whole, `module.exports = …` or `export default`: by its name, else all it exports."""
        top = self.top_level(path)
        symbols = self.engine.facts(path).symbols
        for name in ("default", local):
            if name in top and symbols[top[name]].exported:
                return top[name]
        offered = [index for index in top.values() if symbols[index].exported]
        return offered[0] if len(offered) == 1 else None

    def _needs_owner(self, path: str, index: int) -> bool:
        """Whether a name is a method of a module, so that loading the file does not make it visible alone."""
        symbol = self.engine.facts(path).symbols[index]
        return symbol.parent >= 0 and symbol.kind not in ("class", "module", "constant")

    def _find_in(self, path: str, owner: str, name: str) -> tuple[str, int] | None:
        """A member of a class or module that a file defines."""
        index = self.top_level(path).get(owner)
        member = self._member(path, index, name) if index is not None else None
        return (path, member) if member is not None else None

    def _find(
        self, path: str, name: str, depth: int = 0, seen: dict[tuple[str, str], int] | None = None
    ) -> tuple[str, int] | None:
        """A top-level name of a file, looked for through the modules it passes on.

        `seen` says at which depth a name was looked for in vain: modules that pass on each other's names would
        multiply the ways.
        """
        index = self.top_level(path).get(name)
        if index is not None:
            return path, index
        seen = {} if seen is None else seen
        if depth >= 4 or seen.get((path, name), depth + 1) <= depth:
            return None
        seen[path, name] = depth
        try:
            facts = self.engine.facts(path)
        except AiexError:
            return None
        language = self.language(path, facts)
        if language is None:
            return None
        bound = self.bindings(path, facts, language)
        nexts = [(name, bound.open)]
        if name in bound.names:
            nexts.insert(0, bound.names[name])
        for original, targets in nexts:
            for target in targets:
                found = self._find(target, original, depth + 1, seen)
                if found is not None:
                    return found
        return None

    def siblings(self, path: str, language: Language) -> list[str]:
        """Files that see this file's names without an import."""
        folder = path.rpartition("/")[0]
        return [
            other for other in self.engine.paths.inside(folder) if other != path and other.endswith(language.extensions)
        ]

    def _member(self, path: str, owner: int, name: str) -> int | None:
        """A member of a class by name, also when its definition stands apart from the class."""
        symbols = self.engine.facts(path).symbols
        wanted = f"{symbols[owner].qualified}.{name}"
        for index in self._tops(path)[1].get(name, ()):
            if symbols[index].parent == owner or symbols[index].qualified == wanted:
                return index
        return None

    def _own_member(self, path: str, facts: FileFacts, reference: Reference) -> Target | None:
        """What `self.name` means: a member of the class around it, or of a base class that can be found."""
        index = reference.inside
        if reference.kind == "inherit" and index >= 0:  # `class Inner(self.Base)`: it is not yet itself
            index = facts.symbols[index].parent
        owner = -1
        while index >= 0:
            symbol = facts.symbols[index]
            if symbol.kind in ("class", "struct", "trait", "interface", "implementation", "enum", "protocol"):
                owner = index
                break
            index = symbol.parent
        if owner < 0:
            return None
        return self._inherited(path, facts, owner, reference.name, 0, {})

    def _inherited(
        self, path: str, facts: FileFacts, owner: int, name: str, depth: int, seen: dict[tuple[str, int], int]
    ) -> Target | None:
        """A member of a class or of its bases; `seen` says at which depth a class was looked into in vain."""
        member = self._member(path, owner, name)
        if member is not None:
            return Target(path, member, "scope" if depth == 0 else "import")
        if depth >= 6 or seen.get((path, owner), depth + 1) <= depth:
            return None
        seen[path, owner] = depth
        for reference in self._inherits(path, facts).get(owner, ()):
            base = self.resolve_call(path, reference)
            if base is not None:
                found = self._inherited(base.path, self.engine.facts(base.path), base.symbol, name, depth + 1, seen)
                if found is not None:
                    return found
        return None

    def _inherits(self, path: str, facts: FileFacts) -> dict[int, list[Reference]]:
        """The references to bases in a file, by the class that inherits."""
        if path not in self._bases:
            bases: dict[int, list[Reference]] = {}
            for reference in facts.references:
                if reference.kind == "inherit":
                    bases.setdefault(reference.inside, []).append(reference)
            self._bases[path] = bases
        return self._bases[path]


def _bind_mention(bound: Bindings, item: Import, targets: tuple[str, ...]) -> None:
    """Bind a path written out where it is used: `crate::net::connect()` says nothing about a bare `connect()`."""
    bound.modules.setdefault(item.module, []).extend(targets)
    for name, local in item.names:
        if name[:1].isupper():
            bound.names.setdefault(local, (name, list(targets)))


def _last_part(receiver: str) -> str:
    """The word before the name itself: `Point` of `crate::shapes::Point` and of `shapes.Point`."""
    return receiver.rpartition("::")[2].rpartition(".")[2]
