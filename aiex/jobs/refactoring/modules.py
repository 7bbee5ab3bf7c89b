"""The Python files of a workspace, and what their imports bind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import Import
from aiex.context.language import get_language
from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.scopes import Imported, Module, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.sources import Source, Sources

PYTHON = "python"
ENDINGS = (".py", ".pyi", ".pyw")


class Meant(NamedTuple):
    """What an import brings in: a file of the workspace, or a name of one."""

    path: str
    name: str
    """Empty for the module itself."""


class Modules:
    """The Python files of a workspace; each is read and parsed when first asked for."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._known: dict[str, Module | None] = {}
        self._meant: dict[tuple[str, str, str, bool], Meant | None] = {}
        self._paths: list[str] | None = None

    @property
    def paths(self) -> list[str]:
        """All of them."""
        if self._paths is None:
            self._paths = self.sources.paths(suffixes=ENDINGS)
        return self._paths

    def require(self, path: str) -> Module:
        """The names of a file that has to be understood. Raises UsageError."""
        source = self.sources.read(path)
        if source.fault:
            raise UsageError(
                f"cannot refactor {printable_path(path)}: {source.fault}", hint="repair it first; nothing was changed"
            )
        found = self.find(path)
        if found is None:
            raise UsageError(f"cannot refactor {printable_path(path)}: it is no Python file")
        return found

    def find(self, path: str) -> Module | None:
        """The names of a file; None, and noted as skipped, where it cannot be understood."""
        if path not in self._known:
            source = self.sources.read(path)
            self._known[path] = None
            if source.language is None or source.language.name != PYTHON:
                return None
            if source.fault:
                self.sources.skipped[path] = source.fault
            else:
                self._known[path] = Module(source.tree.root_node, source.utf8)
        return self._known[path]

    def mentioning(self, word: str) -> Iterator[tuple[Source, Module]]:
        """The files that have a word and can be understood."""
        for source in self.sources.mentioning(word, self.paths):
            module = self.find(source.path)
            if module is not None:
                yield source, module

    # --- imports ----------------------------------------------------------------------------------------------------

    def meant_by(self, item: Imported, path: str) -> Meant | None:
        """What an import in a file brings in; None for what lies outside of the workspace."""
        key = path, item.module, item.name, item.has_alias
        if key not in self._meant:
            self._meant[key] = self._find_meant(item, path)
        return self._meant[key]

    def _find_meant(self, item: Imported, path: str) -> Meant | None:
        if not item.name:
            module = item.module if item.has_alias else item.module.split(".")[0]
            found = self._files(module, "", path)
            return Meant(found, "") if found else None
        found = self._files(item.module, item.name, path)
        if not found:
            return None
        is_module = item.name != "*" and found != self._files(item.module, "", path)
        return Meant(found, "" if is_module else item.name)

    def _files(self, module: str, name: str, path: str) -> str:
        names = ((name, name),) if name else ()
        found = get_language(PYTHON).resolve(
            Import(module, names, "" if name else module, 1, "import"), path, self.sources.engine.paths
        )
        return found[0] if found else ""

    def module_of(self, node: Node, module: Module, path: str, scope: Scope) -> str | None:
        """The file of the module that an expression such as `a.b` means.

        Empty for a module from outside of the workspace; None for what is no module.
        """
        words = _dotted(module, node)
        if not words:
            return None
        owner = scope.resolve(words[0], node.start_byte)
        found = [item for item in module.imports if item.local == words[0] and item.scope is owner]
        if owner is None or not found or len(owner.bound[words[0]]) > len(found):
            return None
        for item in found:
            if item.name or item.has_alias:
                meant = self.meant_by(item, path)
                if meant is None:
                    return "" if not item.name else None
                if meant.name:
                    return None
                return self._below(meant.path, words[1:])
            if item.module.split(".") == words:
                return self._files(item.module, "", path)
        first = self._files(words[0], "", path)
        return self._below(first, words[1:]) if first else ""

    def _below(self, path: str, words: list[str]) -> str | None:
        for word in words:
            inner = [one for one in _as_submodule(path, word) if self.sources.engine.paths.has(one)]
            if not inner:
                return None
            path = inner[0]
        return path

    def find_class(self, node: Node, module: Module, path: str, scope: Scope, depth: int = 0) -> Meant | None:
        """The class of the workspace that an expression names: its file, and its path in it."""
        words = _dotted(module, node)
        if not words or depth > 20:
            return None
        if len(words) > 1:
            owner = node.child_by_field_name("object")
            found = self.module_of(owner, module, path, scope) if owner is not None else None
            return self.class_in(found, words[-1], depth) if found else None
        owner_scope = scope.resolve(words[0], node.start_byte)
        return self._class_bound(words[0], owner_scope, module, path, depth) if owner_scope is not None else None

    def class_in(self, path: str, name: str, depth: int = 0) -> Meant | None:
        """The class that a module offers under a name."""
        module = self.find(path)
        return self._class_bound(name, module.scope, module, path, depth) if module is not None else None

    def _class_bound(self, name: str, scope: Scope, module: Module, path: str, depth: int) -> Meant | None:
        if len(scope.bound.get(name, ())) != 1:
            return None
        if any(inner.kind == "class" and inner.name == name for inner in classes_in(scope)):
            return Meant(path, ".".join([*names_to(scope), name]))
        item = next((item for item in module.imports if item.local == name and item.scope is scope), None)
        meant = self.meant_by(item, path) if item is not None else None
        return self.class_in(meant.path, meant.name, depth + 1) if meant is not None and meant.name else None


def classes_in(scope: Scope) -> Iterator[Scope]:
    """The classes that a scope binds."""
    for inner in scope.inner:
        if inner.kind == "class":
            yield inner
        elif inner.kind == "types":
            yield from (one for one in inner.inner if one.kind == "class")


def names_to(scope: Scope) -> list[str]:
    """The names of the scopes around, outermost first, this one included."""
    found: list[str] = []
    at: Scope | None = scope
    while at is not None:
        if at.name:
            found.insert(0, at.name)
        at = at.parent
    return found


def find_scope(module: Module, dotted: str) -> Scope | None:
    """The scope of a class or function by its path in the file."""
    if not module.named:
        for scope in sorted(walk_scopes(module.scope), key=lambda scope: scope.node.start_byte):
            if scope.name:
                module.named[".".join(names_to(scope))] = scope
    return module.named.get(dotted)


def walk_scopes(scope: Scope) -> Iterator[Scope]:
    """A scope and all inside it."""
    todo = [scope]
    while todo:
        at = todo.pop()
        yield at
        todo.extend(at.inner)


def _dotted(module: Module, node: Node) -> list[str]:
    """The words of `a.b.c`; none for another expression."""
    words: list[str] = []
    while node.type == "attribute":
        owner, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
        if owner is None or name is None:
            return []
        words.insert(0, module.text(name))
        node = owner
    if node.type == "string":  # an annotation may be one
        word = re.sub(r"\s*\|\s*None$", "", module.text(node).strip("\"'"))
        return [word] if word.isidentifier() and not words else []
    return [module.text(node), *words] if node.type == "identifier" else []


def _as_submodule(path: str, name: str) -> tuple[str, ...]:
    """Where a module inside a package may lie."""
    folder = path.rpartition("/")[0]
    below = f"{folder}/{name}" if folder else name
    return f"{below}.py", f"{below}/__init__.py", f"{below}.pyi"
