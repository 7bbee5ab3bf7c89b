"""Rename in Python: names by the rules of scopes, and across files by their imports."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Doubt, Edit, Place
from aiex.jobs.refactoring.modules import Meant, Modules, walk_scopes
from aiex.jobs.refactoring.scopes import Imported, Keyword, Module, Scope, Use

if TYPE_CHECKING:
    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.sources import Source

GETTERS = frozenset({"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "patch", "object"})
"""Callees whose strings mean names; `object` as in `patch.object`."""


class Binding(NamedTuple):
    """A name of a scope in a file: what is renamed, when it is no attribute."""

    path: str
    scope: Scope
    name: str


class Found:
    """The places that a rename found, as edits by file."""

    def __init__(self, modules: Modules, old: str, new: str) -> None:
        self.modules = modules
        self.old = old
        self.new = new
        self.edits: dict[str, dict[tuple[int, int], Edit]] = defaultdict(dict)
        self.why: dict[tuple[str, int], str] = {}
        self.doubts: list[Doubt] = []
        self.notes: list[str] = []

    def add(self, path: str, start: int, end: int, why: str, text: str = "") -> None:
        """A place that surely means it."""
        self.edits[path][start, end] = Edit(start, end, (text or self.new).encode())
        self.why.setdefault((path, start), why)

    def doubt(self, path: str, start: int, end: int, why: str, text: str = "") -> None:
        """A place that may mean it."""
        edit = Edit(start, end, (text or self.new).encode())
        found = Doubt(path, self.line(path, start), why, edit)
        if found not in self.doubts:
            self.doubts.append(found)

    def line(self, path: str, start: int) -> int:
        """The line of a byte."""
        return self.modules.sources.read(path).line(start)

    def places(self) -> tuple[Place, ...]:
        """The places that surely mean it, in order."""
        found = ((path, start) for path, edits in sorted(self.edits.items()) for start, _ in sorted(edits))
        return tuple(Place(path, self.line(path, start), self.why[path, start]) for path, start in found)

    def settled(self) -> None:
        """Forget doubts about places that turned out sure."""
        self.doubts = [
            doubt
            for doubt in self.doubts
            if doubt.edit is None or (doubt.edit.start, doubt.edit.end) not in self.edits.get(doubt.path, {})
        ]


def check_name(new: str) -> None:
    """Refuse what is no name in Python. Raises UsageError."""
    if not new.isidentifier():
        raise UsageError(f"{printable_path(new)!r} is no name in Python", hint="letters, digits and _, no digit first")
    if keyword.iskeyword(new):
        raise UsageError(f"{new!r} is a word of Python itself", hint=f"{new}_ is what one takes mostly")


def rename_binding(modules: Modules, target: Binding, new: str) -> Found:
    """Find every place of a name.

    Raises:
        UsageError: if the new name is taken anywhere it would be needed.
    """
    found = rename_spread(modules, target, new)
    _keywords(found, target)
    _fixtures(found, target)
    find_dynamic(found)
    found.settled()
    return found


def rename_spread(modules: Modules, target: Binding, new: str) -> Found:
    """The same without arguments given by their names, and without strings."""
    found = Found(modules, target.name, new)
    _Spread(found).run(target)
    return found


class _Spread:
    """Follows a name from its binding through the imports of other files."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.modules = found.modules
        self.exposed: set[str] = set()
        """Files that offer the thing under the old name, and will under the new one."""
        self.bindings: list[Binding] = []

    def run(self, target: Binding) -> None:
        todo = [target]
        while todo:
            binding = todo.pop()
            if binding in self.bindings:
                continue
            self.bindings.append(binding)
            self._rename_in(binding, is_import=len(self.bindings) > 1)
            if binding.scope.kind == "module":
                self.exposed.add(binding.path)
                self._all_list(binding)
                todo += self._importers(binding.path)
        if self.exposed:
            self._dotted()

    def _rename_in(self, binding: Binding, *, is_import: bool) -> None:
        module = self.modules.require(binding.path)
        check_free(module, binding, self.found.new, is_import=is_import)
        imported = {item.start: item for item in module.imports}
        for use in module.uses_of(binding.name, binding.scope):
            item = imported.get(use.start)
            if not is_import and use.role == "import" and item is not None and not item.has_alias:
                text = f"{use.name} as {self.found.new}"  # what is imported keeps its name
                if not item.name and "." in item.module:
                    raise UsageError(f"{item.module} binds {use.name} because that is how the module is called")
                self.found.add(binding.path, use.start, use.end, "the import that binds it", text)
                continue
            self.found.add(binding.path, use.start, use.end, "the same scope" if not is_import else "imported")
            if _shows_itself(module, use):
                line = self.found.line(binding.path, use.start)
                self.found.notes.append(
                    f'{printable_path(binding.path)}:{line} prints the name itself, as f"{{{use.name}=}}" does'
                )

        self._annotations(binding, module)

    def _annotations(self, binding: Binding, module: Module) -> None:
        """Names in annotations that are written as strings."""
        source = self.modules.sources.read(binding.path)
        for start in _word_places(source.utf8, binding.name):
            node = source.tree.root_node.descendant_for_byte_range(start, start + 1)
            if node is None or node.type != "string_content" or not _is_annotation(node, source.utf8):
                continue
            if module.scope_at(start).resolve(binding.name, start) is binding.scope:
                end = start + len(binding.name.encode())
                if source.utf8[start - 1 : start] == b".":
                    self.found.doubt(binding.path, start, end, "in an annotation that is a string")
                else:
                    self.found.add(binding.path, start, end, "in an annotation that is a string")

    def _importers(self, path: str) -> list[Binding]:
        """The names that other files bind by importing this one."""
        more: list[Binding] = []
        for source, module in self.modules.mentioning(self.found.old):
            for item in module.imports:
                if item.name == self.found.old:
                    meant = self.modules.meant_by(item, source.path)
                    if meant == Meant(path, self.found.old):
                        more += self._imported(source, module, item)
                elif item.name == "*":
                    more += self._starred(source, module, item, path)
        return more

    def _imported(self, source: Source, module: Module, item: Imported) -> list[Binding]:
        old, new = self.found.old, self.found.new
        if item.has_alias:
            self.found.add(source.path, item.start, item.end, "imported")
            return []
        binding = Binding(source.path, item.scope, old)
        bound_by = [one for one in module.imports if one.local == old and one.scope is item.scope]
        if len(item.scope.bound[old]) > len(bound_by) or _taken(module, binding, new):
            # something else has the new name here, or also binds the old one: only what is imported changes
            self.found.add(source.path, item.start, item.end, "imported", f"{new} as {old}")
            return []
        if any(self.modules.meant_by(one, source.path) != self.modules.meant_by(item, source.path) for one in bound_by):
            self.found.add(source.path, item.start, item.end, "imported", f"{new} as {old}")
            return []
        return [binding]

    def _starred(self, source: Source, module: Module, item: Imported, path: str) -> list[Binding]:
        meant = self.modules.meant_by(item, source.path)
        if meant is None or meant.path != path or self.found.old.startswith("_"):
            return []
        loose = [use for use in module.uses if use.name == self.found.old and module.meaning(use) is None]
        stars = [one for one in module.imports if one.name == "*"]
        for use in loose:
            if len(stars) == 1:
                self.found.add(source.path, use.start, use.end, "imported by a *")
            else:
                self.found.doubt(source.path, use.start, use.end, "one of several * imports may bring it in")
        if self.found.old in module.scope.bound:
            return []
        if source.path not in self.exposed:
            self.exposed.add(source.path)
            return self._importers(source.path)
        return []

    def _all_list(self, binding: Binding) -> None:
        """The entry in `__all__`, which is a string and still this name."""
        source = self.modules.sources.read(binding.path)
        for node in _strings_of_all(source.tree.root_node, source.utf8):
            if source.utf8[node.start_byte : node.end_byte] == self.found.old.encode():
                self.found.add(binding.path, node.start_byte, node.end_byte, "listed in __all__")

    def _dotted(self) -> None:
        """Places such as `module.name`."""
        for source, module in self.modules.mentioning(self.found.old):
            for attribute in module.attributes:
                if attribute.name != self.found.old:
                    continue
                owner = self.modules.module_of(attribute.owner, module, source.path, attribute.scope)
                if owner and owner in self.exposed:
                    self.found.add(source.path, attribute.start, attribute.end, "an attribute of its module")
                elif "import_module" in module.text(attribute.owner)[:200]:
                    self.found.doubt(source.path, attribute.start, attribute.end, "of a module that is looked up")


# --- is the new name free? ------------------------------------------------------------------------------------------


def check_free(module: Module, binding: Binding, new: str, *, is_import: bool) -> None:
    """Refuse a name that would mean something else than before, or take another's. Raises UsageError."""
    taken = _taken(module, binding, new)
    if taken:
        where = f"{printable_path(binding.path)}:{taken[1]}"
        raise UsageError(f"{new!r} is taken: {taken[0]} at {where}", hint="choose another name; nothing was changed")


def _taken(module: Module, binding: Binding, new: str) -> tuple[str, int] | None:
    """Why a name cannot be had, and the line."""
    scope = binding.scope
    uses = module.uses_of(binding.name, scope)
    if new in scope.bound or new in scope.globals | scope.nonlocals:
        use = next((one for one in module.uses if one.name == new and module.meaning(one) is scope), uses[0])
        return "it is bound in the same scope", _line(module, use)
    for use in uses:  # something between the use and the binding would catch the new name
        at: Scope | None = use.scope
        while at is not None and at is not scope:
            if (at.kind != "class" or at is use.scope) and (new in at.bound or new in at.globals | at.nonlocals):
                return "a scope in which this is used binds it", _line(module, use)
            at = at.parent
    for use in module.uses:
        if use.name == new and use.role != "declare" and _passes(use, module, scope):
            return "it is used and means something else", _line(module, use)
    is_private = new.startswith("__") and not new.endswith("__")
    inside = next((use for use in uses if use.scope.around("class") is not None), None)
    if is_private and inside is not None:
        return "names with __ in front mean something else in a class", _line(module, inside)
    return None


def _passes(use: Use, module: Module, scope: Scope) -> bool:
    """Whether a use that means something further out, or a builtin, would be caught by a new name in the scope."""
    meaning = module.meaning(use)
    at: Scope | None = use.scope
    while at is not None and at is not meaning:
        if at is scope:
            return scope.kind != "class" or use.scope is scope
        at = at.parent
    return False


def _line(module: Module, use: Use) -> int:
    return module.source.count(b"\n", 0, use.start) + 1


def _shows_itself(module: Module, use: Use) -> bool:
    """Whether it stands in `f"{name=}"`."""
    return re.match(rb"\s*=\s*[!:}]", module.source[use.end : use.end + 20]) is not None and bool(
        re.search(rb"\{\s*\Z", module.source[max(0, use.start - 20) : use.start])
    )


# --- arguments, and strings that mean names -------------------------------------------------------------------------


def _keywords(found: Found, target: Binding) -> None:
    """For a parameter: the calls that name it."""
    module = found.modules.require(target.path)
    if not any(use.role == "param" for use in module.uses_of(target.name, target.scope)):
        return
    if target.scope.kind != "function" or not _takes_by_name(module, target):
        return
    outer = target.scope.parent
    if outer is not None and outer.kind == "types":
        outer = outer.parent
    if outer is None:
        return
    from aiex.jobs.refactoring.pymembers import callees_of, overrides_of

    surely, maybe = callees_of(found.modules, target.path, outer, target.scope)
    for path, scope in overrides_of(found.modules, target.path, outer, target.scope, target.name):
        other = found.modules.require(path)
        check_free(other, Binding(path, scope, target.name), found.new, is_import=False)
        for use in other.uses_of(target.name, scope):
            found.add(path, use.start, use.end, "the same argument of an override")
    near = {where for where, _ in surely}
    is_handed_on = any(_is_value(found.modules.require(where), start) for where, start in surely)
    for source, other in found.modules.mentioning(target.name):
        for item in other.keywords:
            if item.name != target.name or _keyword(found, source.path, other, item, surely, maybe, target.scope.name):
                continue
            if is_handed_on and source.path in near and not _is_known_callee(other, item):
                why = f"{target.scope.name} is handed on as a value, and may be what is called"
                found.doubt(source.path, item.start, item.end, why)


def _keyword(
    found: Found, path: str, module: Module, item: Keyword, surely: set[tuple[str, int]],
    maybe: set[tuple[str, int]], name: str,
) -> bool:  # fmt: skip
    """Judge an argument given by its name; whether anything is said of it."""
    if item.callee is not None:
        last = _last_name(item.callee)
        if (path, last) in surely:
            found.add(path, item.start, item.end, f"an argument of {name}")
            return True
        if (path, last) in maybe:
            found.doubt(path, item.start, item.end, f"an argument of what may be {name}")
            return True
    inside = {start for where, start in surely if where == path and item.call.start_byte <= start < item.call.end_byte}
    arguments = item.call.child_by_field_name("arguments")
    if arguments is not None and any(
        child.start_byte <= start < child.end_byte
        for child in arguments.named_children
        if child.type in ("identifier", "attribute")
        for start in inside
    ):
        found.doubt(path, item.start, item.end, f"{name} is handed on with this argument")
        return True
    return False


def _takes_by_name(module: Module, target: Binding) -> bool:
    """Whether an argument can be given by its name: not before a `/`, and not with stars."""
    listed = target.scope.node.child_by_field_name("parameters")
    parts = listed.named_children if listed is not None else ()
    slash = next((part.start_byte for part in parts if part.type == "positional_separator"), -1)
    use = next(use for use in module.uses_of(target.name, target.scope) if use.role == "param")
    part = next((part for part in parts if part.start_byte <= use.start < part.end_byte), None)
    while part is not None and part.type == "typed_parameter":
        part = part.named_children[0]
    return use.start > slash and part is not None and not part.type.endswith("splat_pattern")


def _fixtures(found: Found, target: Binding) -> None:
    """A fixture of pytest is asked for by an argument of its name."""
    module = found.modules.require(target.path)
    scopes = (scope for scope in target.scope.inner if scope.kind == "function" and scope.name == target.name)
    heads = [module.text(above).partition("def ")[0] for scope in scopes if (above := scope.node.parent) is not None]
    if not any("fixture" in head for head in heads):
        return
    for source, other in found.modules.mentioning(target.name):
        for asked in other.uses:
            if asked.role == "param" and asked.name == target.name:
                for use in other.uses_of(asked.name, asked.scope):
                    found.doubt(source.path, use.start, use.end, "an argument by which a fixture may be asked for")


def _is_value(module: Module, start: int) -> bool:
    """Whether a function stands here without being called, defined, imported or listed."""
    node = module.scope.node.descendant_for_byte_range(start, start + 1)
    above = node.parent if node is not None else None
    if above is not None and node is not None and above.type == "attribute":
        node, above = above, above.parent
    if above is None or node is None or node.type not in ("identifier", "attribute"):
        return False
    if above.type == "call":
        return above.child_by_field_name("function") != node
    return above.type not in ("function_definition", "class_definition", "dotted_name", "aliased_import", "decorator")


def _is_known_callee(module: Module, item: Keyword) -> bool:
    """Whether what is called here is a function or a class of this file, and not what a name happens to hold."""
    if item.callee is None or item.callee.type != "identifier":
        return item.callee is None
    name = module.text(item.callee)
    meaning = item.scope.resolve(name, item.start)
    if meaning is None:
        return True
    return any(inner.name == name for inner in meaning.inner) or any(one.local == name for one in module.imports)


def _last_name(node: Node) -> int:
    """Where the last name of a callee begins."""
    name = node.child_by_field_name("attribute") if node.type == "attribute" else node
    return name.start_byte if name is not None else node.start_byte


def find_dynamic(found: Found) -> None:
    """Strings that name it where names are looked up."""
    for source, _ in found.modules.mentioning(found.old):
        if not re.search(rb"getattr|setattr|hasattr|delattr|attrgetter|methodcaller|patch", source.utf8):
            continue
        for start in _word_places(source.utf8, found.old):
            node = source.tree.root_node.descendant_for_byte_range(start, start + 1)
            if node is None or node.type != "string_content":
                continue
            content = source.utf8[node.start_byte : node.end_byte].decode("utf-8", "replace")
            is_last = content == found.old or content.endswith(f".{found.old}")
            if is_last and _callee_above(node, source.utf8) in GETTERS:
                found.doubt(source.path, start, start + len(found.old.encode()), "a string that names an attribute")


def _is_annotation(node: Node, source: bytes) -> bool:
    at = node.parent
    for _ in range(8):
        if at is None or at.type in ("block", "module", "call"):
            return False
        if at.type == "type":
            return not source.startswith((b"Literal", b"typing.Literal", b"t.Literal"), at.start_byte)
        at = at.parent
    return False


def _callee_above(node: Node, source: bytes) -> str:
    string = node.parent
    arguments = string.parent if string is not None else None
    call = arguments.parent if arguments is not None and arguments.type == "argument_list" else None
    callee = call.child_by_field_name("function") if call is not None else None
    return source[callee.start_byte : callee.end_byte].decode().rpartition(".")[2] if callee is not None else ""


def _word_places(data: bytes, word: str) -> list[int]:
    return [match.start() for match in re.finditer(rb"(?<![\w])" + re.escape(word.encode()) + rb"(?![\w])", data)]


def _strings_of_all(root: Node, source: bytes) -> list[Node]:
    found: list[Node] = []
    for child in root.named_children:
        if child.type == "expression_statement" and source.startswith(b"__all__", child.start_byte):
            todo = [child]
            while todo:
                node = todo.pop()
                if node.type == "string_content":
                    found.append(node)
                todo.extend(node.named_children)
    return found


def mentions_of(found: Found) -> tuple[Place, ...]:
    """Comments, strings and documents that have the word; they stay."""
    places: list[Place] = []
    sources = found.modules.sources
    paths = [*found.modules.paths, *sources.paths(suffixes=(".md", ".rst", ".txt", ".toml", ".cfg", ".ini"))]
    for source in sources.mentioning(found.old, paths):
        touched = {start for start, _ in found.edits.get(source.path, ())}
        for start in _word_places(source.utf8, found.old):
            if start not in touched and (kind := _kind_at(source, start)):
                places.append(Place(source.path, source.line(start), kind))
    return tuple(places)


def _kind_at(source: Source, start: int) -> str:
    if not source.path.endswith((".py", ".pyi", ".pyw")):
        return "text"
    if source.fault:
        return f"not looked into: {source.fault}"
    node = source.tree.root_node.descendant_for_byte_range(start, start + 1)
    if node is None or node.type not in ("comment", "string_content", "string"):
        return ""
    return "comment" if node.type == "comment" else "string"


def is_builtin(name: str) -> bool:
    """Whether Python itself gives this name."""
    return hasattr(builtins, name)


def all_scopes(module: Module) -> list[Scope]:
    """Every scope of a file, as they stand."""
    return sorted(walk_scopes(module.scope), key=lambda scope: scope.node.start_byte)
