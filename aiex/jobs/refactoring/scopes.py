"""Which name in a Python file means which binding, by the rules of its scopes (docs.python.org, Execution model 4.2).

It reads the tree of tree-sitter, whose places are right in f-strings as well, and in syntax that is newer than the
Python that runs this.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.jobs.refactoring.nodes import Node

ScopeKind = Literal["module", "class", "function", "lambda", "comprehension", "types"]
Role = Literal["bind", "param", "import", "read", "declare"]
_COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_TARGETS = frozenset({
    "pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "list_splat_pattern", "list_splat",
    "dictionary_splat_pattern", "parenthesized_expression", "expression_list", "as_pattern_target",
})  # fmt: skip
"""What passes on to its parts that they are assigned to."""


class Scope:
    """A stretch of code with names of its own."""

    def __init__(self, kind: ScopeKind, node: Node, parent: Scope | None, name: str = "") -> None:
        self.kind = kind
        self.node = node
        self.parent = parent
        self.name = name
        self.bound: dict[str, list[int]] = defaultdict(list)
        """Names bound here, each with where the statements of its bindings end."""
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.inner: list[Scope] = []
        if parent is not None:
            parent.inner.append(self)

    @property
    def top(self) -> Scope:
        """The scope of the module."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def around(self, kind: ScopeKind) -> Scope | None:
        """The nearest scope of a kind, this one included."""
        scope: Scope | None = self
        while scope is not None and scope.kind != kind:
            scope = scope.parent
        return scope

    def resolve(self, name: str, at: int) -> Scope | None:
        """The scope whose binding a name means that is used here at a byte; None for a builtin or an unknown one."""
        if name in self.globals:
            return self.top
        scope: Scope | None = self.parent if name in self.nonlocals else self
        while scope is not None:
            if name in scope.globals and scope.kind != "class":
                return scope.top
            ends = scope.bound.get(name)
            if ends and name not in scope.nonlocals:
                if scope.kind != "class":
                    return scope
                if scope is self and min(ends) <= at:
                    return scope
            scope = scope.parent
        return None


class Use(NamedTuple):
    """A name where it stands."""

    name: str
    start: int
    end: int
    role: Role
    scope: Scope


class Attribute(NamedTuple):
    """A name behind a dot; `owner` is what stands before it."""

    name: str
    start: int
    end: int
    owner: Node
    scope: Scope
    is_bound: bool


class Keyword(NamedTuple):
    """The name of an argument in a call, or of an attribute in a pattern; `callee` is what is called."""

    name: str
    start: int
    end: int
    callee: Node | None
    call: Node
    scope: Scope


class Imported(NamedTuple):
    """One name that an import binds; for `import a.b` it is `a`, and `module` is `a.b`."""

    local: str
    module: str
    """As written, with its dots."""
    name: str
    """What is taken from it; empty for the module itself, `*` for everything."""
    start: int
    """Where that name stands, or the module for a whole one."""
    end: int
    has_alias: bool
    scope: Scope
    line: int


class Module:
    """The names of one file.

    Args:
        root: Of a tree without errors.
        source: Its bytes.
    """

    def __init__(self, root: Node, source: bytes) -> None:
        self.source = source
        self.scope = Scope("module", root, None)
        self.uses: list[Use] = []
        self.attributes: list[Attribute] = []
        self.keywords: list[Keyword] = []
        self.imports: list[Imported] = []
        self.named: dict[str, Scope] = {}
        """Classes and functions by their path in the file; filled when first asked for."""
        self._todo: list[tuple[Node, Scope, Role]] = [(root, self.scope, "read")]
        while self._todo:
            self._visit(*self._todo.pop())
        for use in self.uses:
            if use.role in ("bind", "param", "import"):
                self._bind(use)
        self.uses.sort(key=lambda use: use.start)

    def meaning(self, use: Use) -> Scope | None:
        """The scope of the binding that a use means; None for a builtin or an unknown name."""
        if use.role in ("bind", "param", "import") and use.name not in use.scope.globals | use.scope.nonlocals:
            return use.scope
        return use.scope.resolve(use.name, use.start)

    def uses_of(self, name: str, scope: Scope) -> list[Use]:
        """Every place that means one binding, in order."""
        return [use for use in self.uses if use.name == name and self.meaning(use) is scope]

    def scope_at(self, start: int) -> Scope:
        """The innermost scope around a byte."""
        found = self.scope
        while True:
            inner = next((one for one in found.inner if one.node.start_byte <= start < one.node.end_byte), None)
            if inner is None:
                return found
            found = inner

    def text(self, node: Node) -> str:
        """The source of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8")

    def _bind(self, use: Use) -> None:
        scope = use.scope
        if use.name in scope.globals:
            scope = scope.top
        elif use.name in scope.nonlocals:
            found = scope.resolve(use.name, use.start)
            scope = found if found is not None else scope
        scope.bound[use.name].append(_statement_end(scope, use))

    # --- the walk ---------------------------------------------------------------------------------------------------

    def _push(self, node: Node | None, scope: Scope, role: Role = "read") -> None:
        if node is not None:
            self._todo.append((node, scope, role))

    def _all(self, node: Node, scope: Scope, role: Role = "read") -> None:
        self._todo.extend((child, scope, role) for child in node.named_children)

    def _add(self, node: Node, scope: Scope, role: Role) -> None:
        self.uses.append(Use(self.text(node), node.start_byte, node.end_byte, role, scope))

    def _visit(self, node: Node, scope: Scope, role: Role) -> None:
        if node.type == "identifier":
            self._add(node, scope, role)
        elif node.type in _COMPREHENSIONS:
            self._comprehension(node, scope)
        elif role == "bind" and node.type in _TARGETS:
            self._all(node, scope, "bind")
        elif (visit := _VISITS.get(node.type)) is not None:
            visit(self, node, scope, role)
        else:
            self._all(node, scope)

    def _function(self, node: Node, scope: Scope, _role: Role) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._add(name, scope, "bind")
        outer = self._types(node.child_by_field_name("type_parameters"), scope)
        kind: ScopeKind = "lambda" if name is None else "function"
        inner = Scope(kind, node, outer, self.text(name) if name is not None else "")
        parameters = node.child_by_field_name("parameters")
        for child in parameters.named_children if parameters is not None else ():
            self._parameter(child, outer, inner)
        self._push(node.child_by_field_name("return_type"), outer)
        self._push(node.child_by_field_name("body"), inner)

    def _parameter(self, node: Node, outer: Scope, inner: Scope) -> None:
        if node.type == "identifier":
            self._add(node, inner, "param")
        elif node.type in ("default_parameter", "typed_default_parameter"):
            self._push(node.child_by_field_name("value"), outer)
            self._push(node.child_by_field_name("type"), outer)
            name = node.child_by_field_name("name")
            if name is not None:
                self._parameter(name, outer, inner)
        elif node.type == "typed_parameter":
            self._push(node.child_by_field_name("type"), outer)
            if node.named_children:
                self._parameter(node.named_children[0], outer, inner)
        elif node.type in ("list_splat_pattern", "dictionary_splat_pattern", "tuple_pattern"):
            for child in node.named_children:
                self._parameter(child, outer, inner)

    def _types(self, node: Node | None, scope: Scope) -> Scope:
        """The scope of type parameters, where there are some."""
        if node is None:
            return scope
        inner = Scope("types", node, scope)
        for child in node.named_children:
            found = _first_identifier(child)
            if found is not None:
                self._add(found, inner, "bind")
            self._todo.extend((part, inner, "read") for part in _without(child, found))
        return inner

    def _class(self, node: Node, scope: Scope, _role: Role) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            self._add(name, scope, "bind")
        outer = self._types(node.child_by_field_name("type_parameters"), scope)
        self._push(node.child_by_field_name("superclasses"), outer)
        inner = Scope("class", node, outer, self.text(name) if name is not None else "")
        self._push(node.child_by_field_name("body"), inner)

    def _comprehension(self, node: Node, scope: Scope) -> None:
        inner = Scope("comprehension", node, scope)
        is_first = True
        for child in node.named_children:
            if child.type != "for_in_clause":
                self._push(child, inner)
                continue
            left = child.child_by_field_name("left")
            self._push(left, inner, "bind")
            for part in child.named_children:
                if left is None or part.id != left.id:
                    self._push(part, scope if is_first else inner)
            is_first = False

    def _assignment(self, node: Node, scope: Scope, _role: Role) -> None:
        self._push(node.child_by_field_name("left"), scope, "bind")
        self._push(node.child_by_field_name("type"), scope)
        self._push(node.child_by_field_name("right"), scope)

    def _named(self, node: Node, scope: Scope, _role: Role) -> None:
        owner = scope
        while owner.kind == "comprehension" and owner.parent is not None:
            owner = owner.parent
        self._push(node.child_by_field_name("name"), owner, "bind")
        self._push(node.child_by_field_name("value"), scope)

    def _for(self, node: Node, scope: Scope, _role: Role) -> None:
        left = node.child_by_field_name("left")
        for child in node.named_children:
            self._push(child, scope, "bind" if left is not None and child.id == left.id else "read")

    def _as_pattern(self, node: Node, scope: Scope, _role: Role) -> None:
        *rest, last = node.named_children
        for child in rest:
            self._push(child, scope)
        self._push(last, scope, "bind")

    def _delete(self, node: Node, scope: Scope, _role: Role) -> None:
        self._all(node, scope, "bind")

    def _attribute(self, node: Node, scope: Scope, role: Role) -> None:
        owner, name = node.child_by_field_name("object"), node.child_by_field_name("attribute")
        if owner is None or name is None:
            self._all(node, scope)
            return
        self._push(owner, scope)
        place = name.start_byte, name.end_byte
        self.attributes.append(Attribute(self.text(name), *place, owner, scope, role == "bind"))

    def _keyword(self, node: Node, scope: Scope, _role: Role) -> None:
        name = node.child_by_field_name("name")
        call = node.parent.parent if node.parent is not None else None
        if name is not None and call is not None:
            callee = call.child_by_field_name("function")
            self.keywords.append(Keyword(self.text(name), name.start_byte, name.end_byte, callee, call, scope))
        self._push(node.child_by_field_name("value"), scope)

    def _import(self, node: Node, scope: Scope, _role: Role) -> None:
        for child in node.children_by_field_name("name"):
            alias = child.child_by_field_name("alias")
            named = child.child_by_field_name("name") if alias is not None else child
            if named is None or not named.named_children:
                continue
            local = alias if alias is not None else named.named_children[0]
            self._add(local, scope, "import")
            self._imported(node, scope, local, named, module=self.text(named), name="", has_alias=alias is not None)

    def _import_from(self, node: Node, scope: Scope, _role: Role) -> None:
        source = node.child_by_field_name("module_name")
        module = self.text(source).replace(" ", "") if source is not None else "__future__"
        for child in node.children_by_field_name("name"):
            alias = child.child_by_field_name("alias")
            named = child.child_by_field_name("name") if alias is not None else child
            if named is None:
                continue
            local = alias if alias is not None else named
            self._add(local, scope, "import")
            name = self.text(named)
            self._imported(node, scope, local, named, module=module, name=name, has_alias=alias is not None)
        star = next((child for child in node.named_children if child.type == "wildcard_import"), None)
        if star is not None:
            place = star.start_byte, star.end_byte
            self.imports.append(Imported("*", module, "*", *place, False, scope, node.start_point[0] + 1))

    def _imported(
        self, node: Node, scope: Scope, local: Node, named: Node, *, module: str, name: str, has_alias: bool
    ) -> None:
        place = named.start_byte, named.end_byte
        found = Imported(self.text(local), module, name, *place, has_alias, scope, node.start_point[0] + 1)
        self.imports.append(found)

    def _declare(self, node: Node, scope: Scope, _role: Role) -> None:
        words = scope.globals if node.type == "global_statement" else scope.nonlocals
        for child in node.named_children:
            if child.type == "identifier":
                words.add(self.text(child))
                self._add(child, scope, "declare")

    def _case(self, node: Node, scope: Scope, _role: Role) -> None:
        """A pattern: a name alone is bound, a dotted one is read."""
        for child in node.named_children:
            if child.type == "dotted_name":
                self._dotted(child, scope, "bind" if len(child.named_children) == 1 else "read")
            else:
                self._push(child, scope)

    def _class_pattern(self, node: Node, scope: Scope, _role: Role) -> None:
        for child in node.named_children:
            if child.type == "dotted_name":
                self._dotted(child, scope, "read")
            else:
                self._push(child, scope)

    def _keyword_pattern(self, node: Node, scope: Scope, _role: Role) -> None:
        name, *rest = node.named_children
        call = node.parent.parent if node.parent is not None else None
        if call is not None and name.type == "identifier":
            place = name.start_byte, name.end_byte
            callee = call.named_children[0] if call.named_children else None
            self.keywords.append(Keyword(self.text(name), *place, callee, call, scope))
        for child in rest:
            if child.type == "dotted_name":
                self._dotted(child, scope, "bind" if len(child.named_children) == 1 else "read")
            else:
                self._push(child, scope)

    def _splat_pattern(self, node: Node, scope: Scope, _role: Role) -> None:
        self._all(node, scope, "bind")

    def _dotted(self, node: Node, scope: Scope, role: Role) -> None:
        first, *rest = node.named_children
        if self.text(first) != "_" or role != "bind":
            self._add(first, scope, role)
        before = first
        for part in rest:
            self.attributes.append(Attribute(self.text(part), part.start_byte, part.end_byte, before, scope, False))
            before = part

    def _name(self, node: Node, scope: Scope, _role: Role) -> None:
        self._dotted(node, scope, "read")

    def _alias(self, node: Node, scope: Scope, _role: Role) -> None:
        left = node.child_by_field_name("left")
        found = _first_identifier(left) if left is not None else None
        if left is None or found is None:
            self._all(node, scope)
            return
        self._add(found, scope, "bind")
        inner = Scope("types", node, scope)
        for part in _without(left, found):
            name = _first_identifier(part)
            if name is not None:
                self._add(name, inner, "bind")
            self._todo.extend((rest, inner, "read") for rest in _without(part, name))
        self._push(node.child_by_field_name("right"), inner)


_VISITS: dict[str, Callable[[Module, Node, Scope, Role], None]] = {
    "function_definition": Module._function,
    "lambda": Module._function,
    "class_definition": Module._class,
    "assignment": Module._assignment,
    "augmented_assignment": Module._assignment,
    "named_expression": Module._named,
    "for_statement": Module._for,
    "as_pattern": Module._as_pattern,
    "delete_statement": Module._delete,
    "attribute": Module._attribute,
    "keyword_argument": Module._keyword,
    "import_statement": Module._import,
    "import_from_statement": Module._import_from,
    "future_import_statement": Module._import_from,
    "global_statement": Module._declare,
    "nonlocal_statement": Module._declare,
    "case_pattern": Module._case,
    "class_pattern": Module._class_pattern,
    "keyword_pattern": Module._keyword_pattern,
    "splat_pattern": Module._splat_pattern,
    "dotted_name": Module._name,
    "type_alias_statement": Module._alias,
}


def _first_identifier(node: Node) -> Node | None:
    while node.type != "identifier":
        if not node.named_children:
            return None
        node = node.named_children[0]
    return node


def _without(node: Node, found: Node | None) -> list[Node]:
    """The parts of a node beside the one identifier in it that leads."""
    parts: list[Node] = []
    while found is not None and node.id != found.id and node.named_children:
        node, *rest = node.named_children
        parts += rest
    return parts


def _statement_end(scope: Scope, use: Use) -> int:
    """Where the statement of a binding ends; for a name in a class this says from where on it counts."""
    if scope.kind != "class":
        return use.end
    node = scope.node.descendant_for_byte_range(use.start, use.end)
    while node is not None and node.parent is not None and node.parent.type not in ("block", "module"):
        node = node.parent
        if node.type in ("function_definition", "class_definition"):
            return use.end
    return node.end_byte if node is not None else use.end
