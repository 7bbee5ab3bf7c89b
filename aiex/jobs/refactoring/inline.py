"""Inline: a variable, or a function that is one expression, goes where it is used, and its definition goes away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Doubt, Edit, Place, Plan
from aiex.jobs.refactoring.modules import Modules
from aiex.jobs.refactoring.pointing import Spot
from aiex.jobs.refactoring.pymembers import parameters_of
from aiex.jobs.refactoring.pyrename import Binding, Found, find_dynamic, rename_spread
from aiex.jobs.refactoring.rename import change_all, find_target

if TYPE_CHECKING:
    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.scopes import Module, Scope, Use
    from aiex.jobs.refactoring.sources import Source, Sources

_PLAIN = frozenset({
    "identifier", "integer", "float", "string", "true", "false", "none", "ellipsis", "unary_operator",
    "binary_operator", "boolean_operator", "not_operator", "comparison_operator", "parenthesized_expression",
    "conditional_expression", "tuple", "string_start", "string_content", "string_end", "concatenated_string",
    "escape_sequence", "comment",
})  # fmt: skip
"""What gives the same whenever it is evaluated, as long as the names in it do."""
_ATOMS = frozenset({
    "identifier", "string", "true", "false", "none", "call", "attribute", "subscript", "list", "dictionary", "set",
    "tuple", "parenthesized_expression", "list_comprehension", "dictionary_comprehension", "set_comprehension",
    "generator_expression", "ellipsis",
})  # fmt: skip
_CLOSED = frozenset({"argument_list", "parenthesized_expression", "list", "set", "return_statement"})
_LOOSE = frozenset({"binary_operator", "boolean_operator", "comparison_operator", "not_operator", "unary_operator",
                    "integer", "float", "conditional_expression"})  # fmt: skip
_PLACEHOLDER = "_a_name_that_nobody_has_taken_0"


class Value(NamedTuple):
    """What is put in the place of a name."""

    node: Node
    text: str
    is_plain: bool


def inline(sources: Sources, spot: Spot) -> Plan:
    """Plan the inlining of a variable or a function.

    Raises:
        UsageError: if it is assigned more than once, is more than an expression, or is used elsewhere than can be
            replaced.
    """
    modules = Modules(sources)
    target = find_target(modules, spot)
    if not isinstance(target, Binding):
        raise UsageError("methods and attributes cannot be inlined yet", hint="variables and plain functions can")
    module = modules.require(target.path)
    if len(target.scope.bound[target.name]) != 1:
        raise UsageError(f"{target.name} is assigned more than once, so no single value stands for it")
    binder = next(use for use in module.uses_of(target.name, target.scope) if use.role in ("bind", "param", "import"))
    found = rename_spread(modules, target, _PLACEHOLDER)
    find_dynamic(found)
    _check_local(found, target)
    node = module.scope.node.descendant_for_byte_range(binder.start, binder.end)
    above = node.parent if node is not None else None
    if above is not None and above.type == "function_definition":
        work: _Inlining = _Function(modules, target, module, above)
    elif above is not None and above.type == "assignment" and above.child_by_field_name("left") == node:
        work = _Variable(modules, target, module, above)
    else:
        raise UsageError(f"{target.name} is no variable with a value, and no function")
    work.doubts += found.doubts
    return work.plan()


def _check_local(found: Found, target: Binding) -> None:
    others = sorted(path for path in found.edits if path != target.path)
    if others:
        raise UsageError(f"{target.name} is used by {printable_path(others[0])} as well, and stays")
    if any(why == "listed in __all__" for why in found.why.values()):
        raise UsageError(f"{target.name} is offered in __all__, and stays")


class _Inlining:
    """What variables and functions share."""

    def __init__(self, modules: Modules, target: Binding, module: Module, node: Node) -> None:
        self.modules = modules
        self.target = target
        self.module = module
        self.node = node
        self.source: Source = modules.sources.read(target.path)
        self.edits: list[Edit] = []
        self.doubts: list[Doubt] = []
        self.uses = [use for use in module.uses_of(target.name, target.scope) if use.role == "read"]
        others = [use for use in module.uses_of(target.name, target.scope) if use.role == "declare"]
        if others:
            raise UsageError(f"{target.name} is declared global or nonlocal in line {self.line(others[0].start)}")

    def line(self, start: int) -> int:
        return self.source.line(start)

    def doubt(self, start: int, why: str) -> None:
        """Something that may make a difference."""
        self.doubts.append(Doubt(self.target.path, self.line(start), why))

    def plan(self) -> Plan:
        places = tuple(Place(self.target.path, self.line(edit.start), "replaced") for edit in sorted(self.edits))
        self.edits.append(self.removal())
        changes = change_all(self.modules.sources, {self.target.path: self.edits})
        return Plan(f"inline {self.target.name}", changes, places, tuple(sorted(set(self.doubts))), is_whole=True)

    def removal(self) -> Edit:
        """The definition goes, with its line; a block that gets empty has a `pass`."""
        statement = self.node
        while statement.parent is not None and statement.parent.type not in ("block", "module"):
            statement = statement.parent
        data, block = self.source.utf8, statement.parent
        start = data.rfind(b"\n", 0, statement.start_byte) + 1
        end = data.find(b"\n", statement.end_byte)
        end = len(data) if end < 0 else end
        rest = data[statement.end_byte : end].strip()
        if data[start : statement.start_byte].strip() or (rest and not rest.startswith(b"#")):
            raise UsageError(f"line {self.line(statement.start_byte)} has several statements", hint="split it first")
        code = [child for child in block.named_children if child.type != "comment"] if block is not None else []
        if block is not None and block.type == "block" and len(code) == 1:
            return Edit(statement.start_byte, statement.end_byte, b"pass")
        if rest:
            return Edit(statement.start_byte, end - len(rest), b"") if not rest.startswith(b"#") else Edit(
                statement.start_byte, data.find(b"#", statement.end_byte), b"")  # fmt: skip
        return Edit(start, min(len(data), end + 1), b"")

    def check_names(self, node: Node, use: Use, skipped: frozenset[str] = frozenset()) -> None:
        """The names in a value mean the same where it goes. Raises UsageError."""
        for name in self.names_in(node):
            if name.name in skipped:
                continue
            here, there = self.module.meaning(name), use.scope.resolve(name.name, use.start)
            if here is not there and not self._is_inner(name, node):
                raise UsageError(f"{name.name} means something else in line {self.line(use.start)}")

    def _is_inner(self, name: Use, node: Node) -> bool:
        """Whether a name is bound by the value itself, as in a comprehension."""
        meaning = self.module.meaning(name)
        return meaning is not None and meaning.node.start_byte >= node.start_byte and (
            meaning.node.end_byte <= node.end_byte and meaning.kind in ("comprehension", "lambda")
        )  # fmt: skip

    def names_in(self, node: Node) -> list[Use]:
        return [use for use in self.module.uses if node.start_byte <= use.start < node.end_byte]

    def is_plain(self, node: Node) -> bool:
        """Whether a value is the same whenever it is asked for, apart from names that get others."""
        todo = [node]
        while todo:
            at = todo.pop()
            if at.type not in _PLAIN:
                return False
            todo += at.named_children
        return True

    def fitted(self, node: Node, text: str, place: Node) -> str:
        """A value as text for a place, in parentheses where it needs them."""
        above = place.parent
        if _in_f_string(place):
            if re.search(r"[\"'\\\n{}:!#]", text):
                line = self.line(place.start_byte)
                raise UsageError(f"what is inlined cannot be written in the f-string of line {line}")
            return text if node.type in _ATOMS else f"({text})"
        if node.type in ("integer", "float") and above is not None and above.type != "attribute":
            return text
        if node.type in _ATOMS:
            return text if "\n" not in text or node.type != "string" else f"({text})"
        closed = above is not None and (
            above.type in _CLOSED or (above.type == "assignment" and above.child_by_field_name("right") == place)
        )
        if closed and "\n" not in text and node.type in _LOOSE:
            return text
        return f"({text})"


class _Variable(_Inlining):
    def __init__(self, modules: Modules, target: Binding, module: Module, node: Node) -> None:
        super().__init__(modules, target, module, node)
        value = node.child_by_field_name("right")
        if target.scope.kind == "class":
            raise UsageError("what stands in the body of a class is not inlined")
        if value is None or value.type in ("assignment", "yield", "await", "augmented_assignment"):
            raise UsageError(f"{target.name} has no value that can stand elsewhere")
        self.statement = node.parent if node.parent is not None else node
        text = module.text(value)
        if "#" in text and any(child.type == "comment" for child in _descend(value)):
            raise UsageError("a comment stands in the value", hint="take it out first")
        for use in self.uses:
            place = module.scope.node.descendant_for_byte_range(use.start, use.end)
            if place is None or use.start < node.end_byte:
                raise UsageError(f"line {self.line(use.start)} uses {target.name} before it is assigned")
            self.check_names(value, use)
            self._check_place(use, place)
            if _shown(module, use):
                raise UsageError(f"line {self.line(use.start)} prints the name itself")
            self.edits.append(Edit(use.start, use.end, self.fitted(value, text, place).encode()))
        self._check_value(value)

    def _check_place(self, use: Use, place: Node) -> None:
        """The assignment has to come before the use whichever way the program goes."""
        block = self.statement.parent
        if block is None or not block.start_byte <= use.start < block.end_byte:
            self.doubt(use.start, f"{self.target.name} is assigned only on some ways to this line")
        if use.scope is not self.target.scope and use.scope.kind not in ("comprehension",):
            self._check_later(use)

    def _check_later(self, use: Use) -> None:
        if self.target.scope.kind != "module":
            self.doubt(use.start, "a function uses it, perhaps later")

    def _check_value(self, value: Node) -> None:
        """Evaluated where it is used it has to give the same, as often as before."""
        for name in self.names_in(value):
            meaning = self.module.meaning(name)
            if meaning is None or self._is_inner(name, value):
                continue
            bound = self.module.uses_of(name.name, meaning)
            count = sum(use.role in ("bind", "param", "import", "declare") for use in bound)
            if count > 1:
                self.doubt(value.start_byte, f"{name.name} may get another value before {self.target.name} is used")
            elif (
                meaning.kind == "module"
                and self.target.scope.kind == "module"
                and any(use.role == "bind" and use.start > self.node.end_byte for use in bound)
            ):
                self.doubt(value.start_byte, f"{name.name} gets its value later")
        if self.is_plain(value):
            if self._may_be_mutated(value):
                self.doubt(value.start_byte, "what it is made of may be changed before it is used")
            if any(self._in_loop_with(name) for name in self.names_in(value)):
                self.doubt(value.start_byte, "a loop changes what it is made of")
            return
        if len(self.uses) == 1 and self._comes_next(self.uses[0]):
            return
        if not self.uses:
            self.doubt(value.start_byte, "nothing uses it, and evaluating it may do something")
            return
        times = "once" if len(self.uses) == 1 else f"{len(self.uses)} times"
        self.doubt(value.start_byte, f"the value would be evaluated {times}, and later than now")

    def _may_be_mutated(self, value: Node) -> bool:
        """Whether something between the assignment and the last use may change an object that the value looks into."""
        looks = any(
            node.type.endswith("_operator") or node.type == "conditional_expression" for node in _descend(value)
        )
        if not looks or not self.names_in(value) or not self.uses:
            return False
        if any(use.scope is not self.target.scope for use in self.uses):
            return True
        root = self.target.scope.node
        last = max(use.start for use in self.uses)
        return any(
            node.type in ("call", "await", "yield", "augmented_assignment", "delete_statement")
            or (node.type == "assignment" and (left := node.child_by_field_name("left")) is not None
                and any(part.type in ("attribute", "subscript") for part in _descend(left)))
            for node in _descend(root)
            if self.node.end_byte <= node.start_byte and node.end_byte <= last
        ) or self._is_in_loop()  # fmt: skip

    def _is_in_loop(self) -> bool:
        """Whether a loop lies around a use and not around the assignment."""
        for use in self.uses:
            at = self.module.scope.node.descendant_for_byte_range(use.start, use.end)
            while at is not None and not at.start_byte <= self.node.start_byte < at.end_byte:
                if at.type in ("for_statement", "while_statement", "list_comprehension", "generator_expression"):
                    return True
                at = at.parent
        return False

    def _in_loop_with(self, name: Use) -> bool:
        """Whether a loop gives a name of the value another value while the variable keeps the old one."""
        meaning = self.module.meaning(name)
        if meaning is None:
            return False
        binders = [use for use in self.module.uses_of(name.name, meaning) if use.role == "bind"]
        for binder in binders:
            at = self.module.scope.node.descendant_for_byte_range(binder.start, binder.end)
            while at is not None:
                if at.type in ("for_statement", "while_statement"):
                    inside = at.start_byte <= self.node.start_byte < at.end_byte
                    if not inside or any(not at.start_byte <= use.start < at.end_byte for use in self.uses):
                        return True
                at = at.parent
        return False

    def _comes_next(self, use: Use) -> bool:
        """Whether the next statement begins by using it, so that nothing happens in between."""
        block = self.statement.parent
        code = [child for child in block.named_children if child.type != "comment"] if block is not None else []
        at = next((number for number, child in enumerate(code) if child.id == self.statement.id), -1)
        following = code[at + 1] if 0 <= at < len(code) - 1 else None
        if following is None or not following.start_byte <= use.start < following.end_byte:
            return False
        if following.type not in ("expression_statement", "return_statement"):
            return False
        place = following.descendant_for_byte_range(use.start, use.end)
        while place is not None and place.id != following.id:
            above = place.parent
            if above is None or above.type in (
                "lambda", "conditional_expression", "boolean_operator", "list_comprehension", "generator_expression",
                "set_comprehension", "dictionary_comprehension", "comparison_operator", "augmented_assignment",
            ):  # fmt: skip
                return False
            before = [child for child in above.named_children if child.end_byte <= place.start_byte]
            is_target = above.type == "assignment"
            if not is_target and not all(self.is_plain(child) or _is_method(child, above) for child in before):
                return False
            place = above
        return True


class _Function(_Inlining):
    def __init__(self, modules: Modules, target: Binding, module: Module, node: Node) -> None:
        super().__init__(modules, target, module, node)
        self.scope = next(
            scope for scope in _scopes(target.scope) if scope.kind == "function" and scope.node.id == node.id
        )
        self.value = self._returned()
        self.defaults = self._parameters()
        for use in self.uses:
            self._call(use)

    def _returned(self) -> Node:
        node, name = self.node, self.target.name
        if node.parent is not None and node.parent.type == "decorated_definition":
            raise UsageError(f"{name} is decorated, so it is more than what it returns")
        body = node.child_by_field_name("body")
        code = [child for child in body.named_children if child.type != "comment"] if body is not None else []
        code = [child for child in code if not _is_docstring(child)]
        if len(code) != 1 or code[0].type != "return_statement" or not code[0].named_children:
            raise UsageError(f"{name} is more than one return", hint="only functions of a single expression can go")
        value = code[0].named_children[0]
        kinds = {child.type for child in _descend(value)}
        if kinds & {"yield", "await", "lambda", "named_expression", "comment"} or node.children[0].type == "async":
            raise UsageError(f"{name} cannot be written as an expression elsewhere")
        if any(use.name == name and self.module.meaning(use) is self.target.scope for use in self.names_in(value)):
            raise UsageError(f"{name} calls itself")
        return value

    def _parameters(self) -> dict[str, Node | None]:
        found: dict[str, Node | None] = {}
        parameters = self.node.child_by_field_name("parameters")
        for child in parameters.named_children if parameters is not None else ():
            name: Node | None = child
            if child.type in ("default_parameter", "typed_default_parameter"):
                name = child.child_by_field_name("name")
            elif child.type == "typed_parameter":
                name = child.named_children[0]
            if name is None or name.type != "identifier":
                raise UsageError(f"{self.target.name} takes arguments in a way that cannot be inlined")
            found[self.module.text(name)] = child.child_by_field_name("value")
        if list(found) != parameters_of(self.module, self.scope):
            raise UsageError(f"{self.target.name} takes arguments in a way that cannot be inlined")
        return found

    def _call(self, use: Use) -> None:
        place = self.module.scope.node.descendant_for_byte_range(use.start, use.end)
        call = place.parent if place is not None else None
        if place is None or call is None or call.type != "call" or call.child_by_field_name("function") != place:
            raise UsageError(f"line {self.line(use.start)} uses {self.target.name} without calling it")
        given = self._given(call)
        self.check_names(self.value, use, frozenset(self.defaults))
        pieces: list[Edit] = []
        counts = dict.fromkeys(self.defaults, 0)
        for name in self.names_in(self.value):
            if name.name in given and self.module.meaning(name) is self.scope:
                counts[name.name] += 1
                node = given[name.name]
                inner = self.module.scope.node.descendant_for_byte_range(name.start, name.end)
                if inner is None or name.scope is not self.scope:
                    raise UsageError(f"{name.name} is used inside of a comprehension")
                text = self.fitted(node, self.module.text(node), inner)
                pieces.append(Edit(name.start, name.end, text.encode()))
        self._check_order(call, given, counts)
        text = self._filled(pieces)
        if any(one.start <= use.start < one.end or (use.start <= one.start < call.end_byte) for one in self.edits):
            raise UsageError(f"calls of {self.target.name} stand in each other in line {self.line(use.start)}")
        fitted = self.fitted(self.value, text, call)
        self.edits.append(Edit(call.start_byte, call.end_byte, fitted.encode()))

    def _filled(self, pieces: list[Edit]) -> str:
        from aiex.jobs.refactoring.edits import apply_edits

        start = self.value.start_byte
        moved = [Edit(one.start - start, one.end - start, one.text) for one in pieces]
        return apply_edits(self.source.utf8[start : self.value.end_byte], moved).decode()

    def _given(self, call: Node) -> dict[str, Node]:
        """What each parameter gets."""
        arguments = call.child_by_field_name("arguments")
        names = list(self.defaults)
        found: dict[str, Node] = {}
        if arguments is None or arguments.type != "argument_list":
            raise UsageError(f"line {self.line(call.start_byte)} hands over a generator")
        for number, node in enumerate(child for child in arguments.named_children if child.type != "comment"):
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if node.type == "keyword_argument" and name is not None and value is not None:
                found[self.module.text(name)] = value
            elif node.type in ("list_splat", "dictionary_splat") or number >= len(names):
                raise UsageError(f"line {self.line(call.start_byte)} calls it in a way that cannot be inlined")
            else:
                found[names[number]] = node
        for name_, default in self.defaults.items():
            if name_ not in found:
                if default is None or not self.is_plain(default) or self.names_in(default):
                    raise UsageError(f"line {self.line(call.start_byte)} leaves {name_} out")
                found[name_] = default
        return found

    def _check_order(self, call: Node, given: dict[str, Node], counts: dict[str, int]) -> None:
        """Arguments that do something have to do it once, and in the same order."""
        for name, node in given.items():
            if not self.is_plain(node) and counts.get(name, 0) != 1:
                self.doubt(call.start_byte, f"{self.module.text(node)[:40]} would be evaluated {counts[name]} times")
        busy = [name for name, node in given.items() if not self.is_plain(node)]
        if not busy:
            return
        if len(busy) > 1 or any(child.type in ("boolean_operator", "conditional_expression", "call", "await")
                                for child in _descend(self.value)):  # fmt: skip
            self.doubt(call.start_byte, "its arguments would be evaluated in another order, or not at all")


def _scopes(scope: Scope) -> list[Scope]:
    return [one for inner in scope.inner for one in (inner, *inner.inner)]


def _descend(node: Node) -> list[Node]:
    found, todo = [], [node]
    while todo:
        at = todo.pop()
        found.append(at)
        todo += at.named_children
    return found


def _is_docstring(node: Node) -> bool:
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    return inner.type == "string"


def _is_method(node: Node, above: Node) -> bool:
    """Whether it is the callee `a.b` of a call, which does nothing but look up."""
    return above.type == "call" and node.type == "attribute" and node == above.child_by_field_name("function")


def _in_f_string(node: Node) -> bool:
    at = node.parent
    while at is not None and at.type not in ("block", "module"):
        if at.type == "interpolation":
            return True
        at = at.parent
    return False


def _shown(module: Module, use: Use) -> bool:
    return re.match(rb"\s*=\s*[!:}]", module.source[use.end : use.end + 20]) is not None and bool(
        re.search(rb"\{\s*\Z", module.source[max(0, use.start - 20) : use.start])
    )
