"""Rename of what belongs to a Python class: methods and attributes, with all heirs."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Literal

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Doubt
from aiex.jobs.refactoring.modules import Meant, Modules, find_scope, names_to
from aiex.jobs.refactoring.pyrename import Binding, Found, check_free, find_dynamic, rename_spread
from aiex.jobs.refactoring.scopes import Attribute, Module, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.nodes import Node

Belongs = Literal["family", "lender", "other", ""]
"""Of what class a value is: one that is renamed, a base of one, something else; empty where nothing says it."""
HARMLESS_BASES = frozenset(
    {"object", "Protocol", "ABC", "Generic", "Enum", "IntEnum", "StrEnum", "NamedTuple", "TypedDict", "BaseModel"}
)
"""Bases from outside whose own names nobody takes by chance."""
COPIERS = frozenset({"replace", "_replace", "evolve", "model_copy", "copy"})
_LITERALS = frozenset({
    "string", "concatenated_string", "integer", "float", "list", "dictionary", "set", "tuple", "list_comprehension",
    "dictionary_comprehension", "set_comprehension", "true", "false", "none",
})  # fmt: skip
_PLACEHOLDER = "_a_name_that_nobody_has_taken_0"


def rename_member(modules: Modules, path: str, dotted: str, old: str, new: str) -> Found:
    """Find every place of a method or attribute.

    Args:
        path: The file of a class that has it.
        dotted: The class by its path in the file.

    Raises:
        UsageError: if the new name is taken in one of the classes, or Python itself uses the old one.
    """
    if old.startswith("__") and old.endswith("__"):
        raise UsageError(f"Python itself calls {old}, so it keeps its name")
    if _is_private(old) != _is_private(new):
        raise UsageError(
            f"{old} and {new} differ in who can see them", hint="names with __ in front are private to their class"
        )
    found = Found(modules, old, new)
    family = Family(modules, Meant(path, dotted), old)
    family.check(found)
    _Members(found, family).run()
    find_dynamic(found)
    found.settled()
    return found


def callees_of(modules: Modules, path: str, outer: Scope, function: Scope) -> tuple[set[tuple[str, int]], ...]:
    """The places that surely call a function, and those that may."""
    if outer.kind != "class":
        found = rename_spread(modules, Binding(path, outer, function.name), _PLACEHOLDER)
    elif function.name == "__init__" and outer.parent is not None:
        found = rename_spread(modules, Binding(path, outer.parent, outer.name), _PLACEHOLDER)
    elif function.name.startswith("__"):
        return set(), set()
    else:
        found = rename_member(modules, path, ".".join(names_to(outer)), function.name, _PLACEHOLDER)
    surely = {(where, start) for where, edits in found.edits.items() for start, _ in edits}
    return surely, {(doubt.path, doubt.edit.start) for doubt in found.doubts if doubt.edit is not None}


def overrides_of(
    modules: Modules, path: str, outer: Scope, function: Scope, parameter: str
) -> Iterator[tuple[str, Scope]]:
    """The same method in other classes of its family, where it has the same argument."""
    if outer.kind != "class" or (function.name.startswith("__") and function.name.endswith("__")):
        return
    family = Family(modules, Meant(path, ".".join(names_to(outer))), function.name)
    for one in sorted(family.members):
        scope, module = family.scope(one), modules.find(one.path)
        for inner in scope.inner if scope is not None else ():
            same = inner.kind == "function" and inner.name == function.name and inner is not function
            if same and module is not None and parameter in parameters_of(module, inner):
                yield one.path, inner


def parameters_of(module: Module, scope: Scope) -> list[str]:
    """The names of the parameters of a function, in order."""
    return [use.name for use in module.uses if use.scope is scope and use.role == "param"]


class Family:
    """The classes that have a member together: those that define it, what they inherit it from, and all heirs."""

    def __init__(self, modules: Modules, start: Meant, member: str) -> None:
        self.modules = modules
        self.member = member
        self.outside: dict[str, Meant] = {}
        """Bases from outside of the workspace, each with a class that has it."""
        self.members: set[Meant] = set()
        self._bases: dict[Meant, list[Meant]] = {}
        self._heirs: dict[Meant, list[Meant]] = {}
        roots = [start]
        while roots:
            todo = [roots.pop()]
            while todo:
                one = todo.pop()
                if one not in self.members:
                    self.members.add(one)
                    todo += self.heirs(one)
            roots += [
                base
                for one in list(self.members)
                for base in self.above(one)
                if base not in self.members and self.defines(base, member)
            ]
        self.lenders = {base for one in self.members for base in self.above(one)} - self.members

    def scope(self, one: Meant) -> Scope | None:
        """The scope of a class."""
        module = self.modules.find(one.path)
        return find_scope(module, one.name) if module is not None else None

    def bases(self, one: Meant) -> list[Meant]:
        """The classes of the workspace that a class names as its bases; the others are noted."""
        if one in self._bases:
            return self._bases[one]
        found = self._bases[one] = []
        scope, module = self.scope(one), self.modules.find(one.path)
        listed = scope.node.child_by_field_name("superclasses") if scope is not None else None
        if scope is None or module is None or listed is None or scope.parent is None:
            return found
        for node in listed.named_children:
            if node.type in ("keyword_argument", "comment"):
                continue
            plain = node.child_by_field_name("value") if node.type == "subscript" else node
            base = self.modules.find_class(plain, module, one.path, scope.parent) if plain is not None else None
            if base is not None:
                found.append(base)
            else:
                self.outside.setdefault(module.text(plain or node), one)
        return found

    def above(self, one: Meant) -> set[Meant]:
        """All classes of the workspace that a class inherits from."""
        found: set[Meant] = set()
        todo = self.bases(one)[:]
        while todo:
            base = todo.pop()
            if base not in found:
                found.add(base)
                todo += self.bases(base)
        return found

    def heirs(self, one: Meant) -> list[Meant]:
        """The classes that name a class as a base."""
        if one not in self._heirs:
            word = one.name.rpartition(".")[2]
            self._heirs[one] = []
            for source, module in self.modules.mentioning(word):
                for scope in _classes(module.scope):
                    heir = Meant(source.path, ".".join(names_to(scope)))
                    if heir != one and one in self.bases(heir):
                        self._heirs[one].append(heir)
        return self._heirs[one]

    def defines(self, one: Meant, name: str) -> bool:
        """Whether a class binds a name itself, in its body or through `self`."""
        scope, module = self.scope(one), self.modules.find(one.path)
        if scope is None or module is None:
            return False
        if name in scope.bound:
            return True
        return any(item.name == name and item.is_bound and owner_class(item, module) is scope
                   for item in module.attributes)  # fmt: skip

    def check(self, found: Found) -> None:
        """Refuse a taken name; a base from outside is a doubt."""
        for one in sorted({*self.members, *self.lenders}):
            if self.defines(one, found.new):
                where = f"{one.name} in {printable_path(one.path)}"
                raise UsageError(f"{found.new!r} is taken: {where} has it", hint="choose another name")
            scope, module = self.scope(one), self.modules.find(one.path)
            if one in self.members and scope is not None and module is not None and found.old in scope.bound:
                check_free(module, Binding(one.path, scope, found.old), found.new, is_import=False)
        for name, heir in sorted(self.outside.items()):
            if heir not in self.members | self.lenders or name.rpartition(".")[2] in HARMLESS_BASES:
                continue
            known = getattr(builtins, name, None)
            if known is not None and (hasattr(known, found.old) or hasattr(known, found.new)):
                taken = found.old if hasattr(known, found.old) else found.new
                raise UsageError(f"{heir.name} inherits from {name}, which has {taken!r} itself")
            if known is None:
                scope = self.scope(heir)
                line = scope.node.start_point[0] + 1 if scope is not None else 1
                found.doubts.append(Doubt(heir.path, line, f"{name} lies outside, and may have {found.old} as well"))


class _Members:
    """Every place of a member of a family."""

    def __init__(self, found: Found, family: Family) -> None:
        self.found = found
        self.family = family
        self.modules = found.modules

    def run(self) -> None:
        for one in sorted(self.family.members):
            self._body(one)
        is_field = any(self._is_field(one) for one in self.family.members)
        is_private = _is_private(self.found.old)
        for source, module in self.modules.mentioning(self.found.old):
            for item in module.attributes:
                if item.name == self.found.old and not (is_private and not self._is_inside(item, source.path)):
                    self._attribute(source.path, module, item)
            for word in module.keywords if is_field else ():
                if word.name == self.found.old:
                    self._field(source.path, module, word.callee, word.scope, word.start, word.end)

    def _body(self, one: Meant) -> None:
        scope, module = self.family.scope(one), self.modules.find(one.path)
        if scope is None or module is None:
            return
        if self.found.old in scope.bound:
            for use in module.uses_of(self.found.old, scope):
                self.found.add(one.path, use.start, use.end, f"in the body of {one.name}")
        for node in _slots(scope.node, module.source):
            if module.text(node) == self.found.old:
                self.found.add(one.path, node.start_byte, node.end_byte, f"a slot of {one.name}")

    def _is_field(self, one: Meant) -> bool:
        scope, module = self.family.scope(one), self.modules.find(one.path)
        if scope is None or module is None:
            return False
        for use in module.uses_of(self.found.old, scope):
            node = scope.node.descendant_for_byte_range(use.start, use.end)
            above = node.parent if node is not None else None
            if above is not None and above.type == "assignment" and above.child_by_field_name("type") is not None:
                return True
        return False

    def _is_inside(self, item: Attribute, path: str) -> bool:
        scope = item.scope.around("class")
        return scope is not None and Meant(path, ".".join(names_to(scope))) in self.family.members

    def _attribute(self, path: str, module: Module, item: Attribute) -> None:
        match self._belongs(item.owner, module, path, item.scope):
            case "family":
                self.found.add(path, item.start, item.end, "of this class")
            case "lender":
                self.found.doubt(path, item.start, item.end, "in a base that does not define it")
            case "":
                owner = " ".join(module.text(item.owner).split())[:40]
                self.found.doubt(path, item.start, item.end, f"nothing says of what class {owner} is")

    def _field(self, path: str, module: Module, callee: Node | None, scope: Scope, start: int, end: int) -> None:
        if callee is None:
            return
        node = callee.named_children[0] if callee.type == "dotted_name" and callee.named_children else callee
        if self._class(self.modules.find_class(node, module, path, scope)) == "family":
            self.found.add(path, start, end, "a field, given by its name")
        elif module.text(callee).rpartition(".")[2] in COPIERS:
            self.found.doubt(path, start, end, "a field of what is copied")

    # --- of what class is it? ---------------------------------------------------------------------------------------

    def _class(self, one: Meant | None) -> Belongs:
        if one is None:
            return ""
        if one in self.family.members:
            return "family"
        return "lender" if one in self.family.lenders else "other"

    def _belongs(self, node: Node, module: Module, path: str, scope: Scope) -> Belongs:
        if node.type == "parenthesized_expression" and node.named_children:
            return self._belongs(node.named_children[0], module, path, scope)
        if node.type in _LITERALS:
            return "other"
        if node.type == "call":
            return self._called(node, module, path, scope)
        if node.type not in ("identifier", "attribute"):
            return ""
        if self.modules.module_of(node, module, path, scope) is not None:
            return "other"
        if (known := self._class(self.modules.find_class(node, module, path, scope))) or node.type == "attribute":
            return known
        return self._named(node, module, path, scope)

    def _called(self, node: Node, module: Module, path: str, scope: Scope) -> Belongs:
        callee = node.child_by_field_name("function")
        name = module.text(callee) if callee is not None else ""
        around = scope.around("class")
        if callee is None or (name == "super" and around is None):
            return ""
        if name == "super" and around is not None:
            mine = self._class(Meant(path, ".".join(names_to(around))))
            return "family" if mine == "family" else "other"
        arguments = node.child_by_field_name("arguments")
        if name == "type" and arguments is not None and len(arguments.named_children) == 1:
            return self._belongs(arguments.named_children[0], module, path, scope)
        return self._class(self.modules.find_class(callee, module, path, scope))

    def _named(self, node: Node, module: Module, path: str, scope: Scope) -> Belongs:
        name = module.text(node)
        owner = scope.resolve(name, node.start_byte)
        if owner is None:
            return "other" if hasattr(builtins, name) else ""
        mine = self_class(name, owner, module)
        if mine is not None:
            return self._class(Meant(path, ".".join(names_to(mine))))
        imported = [item for item in module.imports if item.local == name and item.scope is owner]
        if imported:
            return "other" if all(self.modules.meant_by(item, path) is None for item in imported) else ""
        kinds = {self._bound(use.start, module, path, use.scope) for use in module.uses_of(name, owner)
                 if use.role in ("bind", "param")}  # fmt: skip
        return kinds.pop() if len(kinds) == 1 else ""

    def _bound(self, start: int, module: Module, path: str, scope: Scope) -> Belongs:
        """What a binding gives a name: a call of a class, or an argument with a type."""
        node = module.scope.node.descendant_for_byte_range(start, start + 1)
        above = node.parent if node is not None else None
        if node is None or above is None:
            return ""
        if above.type == "assignment" and above.child_by_field_name("left") == node:
            kind, value = above.child_by_field_name("type"), above.child_by_field_name("right")
            if kind is not None:
                return self._typed(kind, module, path, scope)
            if value is not None and value.type == "call":
                return self._called(value, module, path, scope)
            return "other" if value is not None and value.type in _LITERALS else ""
        if above.type in ("typed_parameter", "typed_default_parameter"):
            kind = above.child_by_field_name("type")
            return self._typed(kind, module, path, scope) if kind is not None else ""
        return "other" if above.type in ("function_definition", "list_splat_pattern") else ""

    def _typed(self, node: Node, module: Module, path: str, scope: Scope) -> Belongs:
        """What an annotation says, `X | None` included."""
        inner = node.named_children[0] if node.type == "type" and node.named_children else node
        if inner.type == "binary_operator":
            parts = [part for part in inner.named_children if part.type != "none"]
            return self._typed(parts[0], module, path, scope) if len(parts) == 1 else ""
        if inner.type == "string":
            return self._class(self.modules.find_class(inner, module, path, scope))
        if inner.type == "identifier" and scope.resolve(module.text(inner), inner.start_byte) is None:
            return "other" if hasattr(builtins, module.text(inner)) else ""
        return self._class(self.modules.find_class(inner, module, path, scope))


def owner_class(item: Attribute, module: Module) -> Scope | None:
    """The class of which an attribute is one, where it stands as `self.name` in a method."""
    if item.owner.type != "identifier":
        return None
    name = module.text(item.owner)
    owner = item.scope.resolve(name, item.start)
    return self_class(name, owner, module) if owner is not None else None


def self_class(name: str, owner: Scope, module: Module) -> Scope | None:
    """The class whose method takes itself, or its class, under this name as its first argument."""
    around = owner.parent
    if around is not None and around.kind == "types":
        around = around.parent
    if owner.kind != "function" or around is None or around.kind != "class" or len(owner.bound[name]) != 1:
        return None
    first = next((use for use in module.uses if use.scope is owner and use.role == "param"), None)
    above = owner.node.parent
    if first is None or first.name != name:
        return None
    decorated = module.text(above).partition("def ")[0] if above and above.type == "decorated_definition" else ""
    return None if "@staticmethod" in decorated else around


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


def _classes(scope: Scope) -> Iterator[Scope]:
    todo = [scope]
    while todo:
        at = todo.pop()
        if at.kind == "class":
            yield at
        todo.extend(at.inner)


def _slots(node: Node, source: bytes) -> list[Node]:
    body = node.child_by_field_name("body")
    found: list[Node] = []
    for child in body.named_children if body is not None else ():
        if source.startswith((b"__slots__", b"__match_args__"), child.start_byte):
            todo = [child]
            while todo:
                at = todo.pop()
                if at.type == "string_content":
                    found.append(at)
                todo.extend(at.named_children)
    return found
