"""Extract function: lines of a Python file become a function, or a method, that is called in their place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Edit, Place, Plan
from aiex.jobs.refactoring.flow import Flow
from aiex.jobs.refactoring.modules import Meant, Modules, names_to, walk_scopes
from aiex.jobs.refactoring.pointing import Spot
from aiex.jobs.refactoring.pymembers import Family, parameters_of, self_class
from aiex.jobs.refactoring.pyrename import check_name
from aiex.jobs.refactoring.rename import change_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.scopes import Module, Scope, Use
    from aiex.jobs.refactoring.sources import Source, Sources

_FRAMES = frozenset({"locals", "vars", "dir", "eval", "exec"})
"""Functions that see which names there are."""
_INNER = frozenset({"function_definition", "class_definition", "lambda"})
_LOOPS = frozenset({"for_statement", "while_statement"})


class Piece(NamedTuple):
    """Whole statements that follow each other in one block."""

    nodes: list[Node]
    path: list[Node]
    """What lies around them inside of their scope, outermost first."""
    scope: Scope

    @property
    def start(self) -> int:
        """The first byte."""
        return self.nodes[0].start_byte

    @property
    def end(self) -> int:
        """Behind the last byte."""
        return self.nodes[-1].end_byte

    def holds(self, use: Use) -> bool:
        """Whether a use lies in it."""
        return self.start <= use.start < self.end


def extract(sources: Sources, spot: Spot, new: str) -> Plan:
    """Plan the extraction of a range of lines.

    Raises:
        UsageError: if the lines are no whole statements, leave the function on the way, or share names with what is
            around them in a way that a call cannot carry.
    """
    if not spot.start_line:
        raise UsageError("name the lines to extract", hint=f"aiex refactor extract {spot.path}:FIRST-LAST NEW_NAME")
    check_name(new)
    modules = Modules(sources)
    module = modules.require(spot.path)
    source = sources.read(spot.path)
    piece = _find_piece(module, source, spot)
    _check_statements(module, piece)
    work = _Extraction(modules, module, source, piece, new)
    edits = [work.call(), work.function()]
    changes = change_all(sources, {spot.path: edits})
    places = tuple(Place(spot.path, source.line(edit.start), "") for edit in edits)
    return Plan(f"extract {new}", changes, places)


def _find_piece(module: Module, source: Source, spot: Spot) -> Piece:
    lines = source.utf8.split(b"\n")
    if spot.end_line > len(lines):
        raise UsageError(f"{printable_path(spot.path)} has {len(lines)} lines")
    start = sum(len(line) + 1 for line in lines[: spot.start_line - 1])
    end = sum(len(line) + 1 for line in lines[: spot.end_line])
    path: list[Node] = [module.scope.node]
    while True:
        inside = [node for node in path[-1].named_children if node.start_byte < end and node.end_byte > start]
        code = [node for node in inside if node.type != "comment"]
        cut = [node for node in code if node.start_byte < start or node.end_byte > end]
        if path[-1].type in ("block", "module") and code and not cut:
            return _piece(module, path, inside)
        if not cut and len(code) == 1 and code[0].type == "block":
            path.append(code[0])
            continue
        if len(cut) != 1 or len(code) != 1:
            break
        path.append(cut[0])
    if not code:
        raise UsageError(f"there are no statements in {spot}", hint="name the lines of whole statements")
    one = cut[0] if cut else code[0]
    first, last = one.start_point[0] + 1, one.end_point[0] + 1
    raise UsageError(f"{spot} cuts a statement in two: it goes from line {first} to {last}", hint="take all of it")


def _piece(module: Module, path: list[Node], nodes: list[Node]) -> Piece:
    while nodes[0].type == "comment" and len(nodes) > 1 and nodes[0].start_byte < path[-1].start_byte:
        nodes = nodes[1:]
    scope = module.scope_at(next(node for node in nodes if node.type != "comment").start_byte)
    if nodes[0].type in ("function_definition", "class_definition", "decorated_definition"):
        scope = module.scope_at(path[-1].start_byte) if len(path) > 1 else module.scope
    if scope.kind == "class":
        raise UsageError("what stands in the body of a class cannot become a function")
    at = next((number for number, node in enumerate(path) if node.id == scope.node.id), 0)
    inner = path[at + 1 :] if scope.kind != "module" else path
    return Piece(nodes, inner, scope)


# --- what cannot be carried out of a function -------------------------------------------------------------------------


def _walk(nodes: list[Node]) -> Iterator[tuple[Node, bool]]:
    """Every node that runs with these, and whether a loop among them is around it."""
    todo = [(node, False) for node in nodes]
    while todo:
        node, in_loop = todo.pop()
        yield node, in_loop
        if node.type not in _INNER:
            body = node.child_by_field_name("body") if node.type in _LOOPS else None
            todo += [(child, in_loop or (body is not None and child.id == body.id)) for child in node.named_children]


def _check_statements(module: Module, piece: Piece) -> None:
    last = piece.nodes[-1]
    for node, in_loop in _walk(piece.nodes):
        line = f"line {node.start_point[0] + 1}"
        match node.type:
            case "return_statement" if node.id != last.id:
                raise UsageError(f"{line} returns in the middle of what is to be extracted")
            case "yield":
                raise UsageError(f"{line} has a yield, which belongs to the function around it")
            case "break_statement" | "continue_statement" if not in_loop:
                raise UsageError(f"{line} leaves a loop that is not extracted as well")
            case "global_statement" | "nonlocal_statement" | "wildcard_import" | "delete_statement":
                raise UsageError(f"{line}: {node.type.replace('_', ' ')} cannot be extracted")
    if last.type == "return_statement" and piece.scope.kind == "module":
        raise UsageError("there is no function to return from")
    if piece.nodes[0].type == "future_import_statement":
        raise UsageError("imports from __future__ stay at the top of a file")
    here = {piece.scope, *walk_scopes(piece.scope)}
    frames = [use for use in module.uses if use.name in _FRAMES and use.scope in here and module.meaning(use) is None]
    if frames and piece.scope.kind != "module":
        raise UsageError(f"{frames[0].name} sees which names the function has, and they would be others")


class _Extraction:
    def __init__(self, modules: Modules, module: Module, source: Source, piece: Piece, new: str) -> None:
        self.modules = modules
        self.module = module
        self.source = source
        self.piece = piece
        self.new = new
        self.owner = self._find_owner()
        self.first = parameters_of(module, piece.scope)[0] if self.owner is not None else ""
        self._check_new()
        self.inputs, self.outputs = self._names()
        self.is_async = any(
            node.type == "await" or (not node.is_named and node.type == "async") or _is_async(node)
            for node, _ in _walk(piece.nodes)
        )

    def _find_owner(self) -> Scope | None:
        """The class whose method the new function becomes, with the same first argument."""
        scope = self.piece.scope
        names = parameters_of(self.module, scope) if scope.kind == "function" else []
        return self_class(names[0], scope, self.module) if names else None

    def _check_new(self) -> None:
        at: Scope | None = self.piece.scope
        if self.owner is not None:
            family = Family(self.modules, Meant(self.source.path, ".".join(names_to(self.owner))), self.new)
            for one in sorted({*family.members, *family.lenders}):
                if family.defines(one, self.new):
                    raise UsageError(f"{self.new!r} is taken: {one.name} in {printable_path(one.path)} has it")
            return
        while at is not None:
            if self.new in at.bound or self.new in at.globals | at.nonlocals:
                raise UsageError(f"{self.new!r} is taken in this file", hint="choose another name")
            at = at.parent
        if any(use.name == self.new and self.module.meaning(use) is None for use in self.module.uses):
            raise UsageError(f"{self.new!r} is used in this file and means something else")

    # --- names ------------------------------------------------------------------------------------------------------

    def _names(self) -> tuple[list[str], list[str]]:
        piece, module = self.piece, self.module
        flow = Flow(module, piece.scope)
        exposed, after = flow.exposed(piece.nodes)
        inside = [use for use in module.uses if piece.holds(use)]
        bound = {use.name for use in inside if use.role in ("bind", "import") and module.meaning(use) is piece.scope}
        self._check_bound(inside, bound)
        if piece.scope.kind == "module":
            exposed &= bound  # other names of the module are seen from anywhere
            live = bound
        else:
            live = bound & flow.live_after(piece.path, piece.nodes[-1])
        if piece.nodes[-1].type == "return_statement" or after is None:
            live = set()
        self._check_errors(flow, bound)
        inputs = set(exposed)
        unsure = {name for name in live if after is None or name not in after}
        inputs |= unsure
        defined = flow.defined_before(piece.path, piece.nodes[0])
        for name in sorted(inputs):
            if name not in defined:
                raise UsageError(
                    f"{name} may have no value yet where this begins" if name in exposed else
                    f"{name} gets a value only sometimes here, and is read afterwards",
                    hint="give it one before",
                )  # fmt: skip
        inputs |= self._closed_over(inside)
        inputs.discard(self.first)
        order = {use.name: number for number, use in reversed([*enumerate(inside)])}
        known = sorted(inputs, key=lambda name: order.get(name, 0))
        return known, sorted(live, key=lambda name: order.get(name, 0))

    def _check_errors(self, flow: Flow, bound: set[str]) -> None:
        """What got a value before an exception keeps it here, and would not behind a call."""
        piece, module = self.piece, self.module
        *before, last = piece.nodes
        early = before if last.type == "expression_statement" else piece.nodes
        binders = [use for use in module.uses if use.name in bound and use.role != "read"]
        kept = {use.name for use in binders if any(node.start_byte <= use.start < node.end_byte for node in early)}
        lost = kept & flow.seen_after_error(piece.path, piece.nodes[0])
        if lost:
            raise UsageError(f"{min(lost)} would be lost when an exception is caught around these lines")

    def _closed_over(self, inside: list[Use]) -> set[str]:
        """Names of functions around this one, which the new function does not see any more."""
        found: set[str] = set()
        for use in inside:
            meaning = self.module.meaning(use)
            at = self.piece.scope.parent
            while at is not None:
                if meaning is at and at.kind == "types":
                    raise UsageError(f"{use.name} is a type parameter of the function")
                if meaning is at and at.kind in ("function", "lambda"):
                    if use.role != "read":
                        raise UsageError(f"{use.name} belongs to a function further out, and is changed here")
                    found.add(use.name)
                at = at.parent
        return found

    def _check_bound(self, inside: list[Use], bound: set[str]) -> None:
        piece, module = self.piece, self.module
        scope = piece.scope
        for use in inside:
            if use.role in ("bind", "import") and use.name in scope.globals | scope.nonlocals and use.scope is scope:
                raise UsageError(f"{use.name} is declared global or nonlocal, and is changed here")
        if self.first in bound:
            raise UsageError(f"{self.first} itself is changed here")
        for use in module.uses:
            if module.meaning(use) is not scope:
                continue
            is_closed = use.scope is not scope and use.scope.kind != "comprehension"
            if is_closed and use.name in bound and not piece.holds(use):
                raise UsageError(f"a function inside uses {use.name}, which is changed here")
            if is_closed and piece.holds(use) and len(scope.bound[use.name]) > 1:
                raise UsageError(f"a function in these lines uses {use.name}, which is changed elsewhere")

    # --- text -------------------------------------------------------------------------------------------------------

    def _line_start(self, at: int) -> int:
        return self.source.utf8.rfind(b"\n", 0, at) + 1

    def _indent(self, at: int) -> str:
        start = self._line_start(at)
        found = re.match(rb"[ \t]*", self.source.utf8[start:])
        return found[0].decode() if found else ""

    def _unit(self) -> str:
        """One step of indentation, as the file has it."""
        found = re.search(rb"(?m)^(\t|  +)(?=\S)", self.source.utf8)
        return "\t" if found and found[1] == b"\t" else " " * min(len(found[1]), 4) if found else "    "

    def _called(self) -> str:
        name = f"{self.first}.{self.new}" if self.owner is not None else self.new
        called = f"{name}({', '.join(self.inputs)})"
        return f"await {called}" if self.is_async else called

    def call(self) -> Edit:
        """What stands in the place of the lines."""
        text = self._called()
        if self.piece.nodes[-1].type == "return_statement":
            text = f"return {text}"
        elif self.outputs:
            text = f"{', '.join(self.outputs)} = {text}"
        end = self._line_end(self.piece.end)
        return Edit(self.piece.start, end, text.encode())

    def _line_end(self, at: int) -> int:
        """Behind what stands on the line yet: a comment goes along."""
        data = self.source.utf8
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        rest = data[at:end].rstrip(b"\r")
        return at + len(rest) if rest.strip().startswith(b"#") else at

    def function(self) -> Edit:
        """The new function, and where it goes: before the code that calls it, or behind the method."""
        unit, outer = self._unit(), ""
        if self.owner is not None:
            node = self._definition()
            outer = self._indent(node.start_byte)
        parameters = ([self.first] if self.first else []) + self.inputs
        head = f"{outer}{'async ' if self.is_async else ''}def {self.new}({', '.join(parameters)}):\n"
        body = self._body(outer + unit)
        if self.outputs:
            body += f"{outer}{unit}return {', '.join(self.outputs)}\n"
        if self.owner is not None:
            mark = f"{outer}@classmethod\n" if self._is_class_method() else ""
            return self._ended(self._behind(node), f"\n\n{mark}{head}{body}".rstrip("\n"))
        at = self._before()
        above = self.source.utf8[:at].replace(b"\r", b"")
        missing = 2 - min(2, len(above) - len(above.rstrip(b"\n")) - 1) if above else 0
        return self._ended(at, "\n" * missing + f"{head}{body}\n\n")

    def _ended(self, at: int, text: str) -> Edit:
        return Edit(at, at, text.replace("\n", self.source.line_end.decode()).encode())

    def _body(self, indent: str) -> str:
        start, end = self._line_start(self.piece.start), self._line_end(self.piece.end)
        old = self._indent(self.piece.start)
        first_line = self.source.utf8[:start].count(b"\n")
        kept = {row for node, _ in _all_nodes(self.piece.nodes) if node.type == "string"
                for row in range(node.start_point[0] + 1, node.end_point[0] + 1)}  # fmt: skip
        rows: list[str] = []
        for number, line in enumerate(self.source.utf8[start:end].decode().replace("\r\n", "\n").split("\n")):
            if first_line + number in kept:
                rows.append(line)
            elif not line.strip():
                rows.append("")
            else:
                rows.append(indent + (line[len(old) :] if line.startswith(old) else line.lstrip()))
        return "\n".join(rows) + "\n"

    def _definition(self) -> Node:
        """The method, with its decorators."""
        node = self.piece.scope.node
        above = node.parent
        return above if above is not None and above.type == "decorated_definition" else node

    def _is_class_method(self) -> bool:
        return "@classmethod" in self.module.text(self._definition()).partition("def ")[0]

    def _behind(self, node: Node) -> int:
        return self._line_end(node.end_byte)

    def _before(self) -> int:
        """The beginning of the statement of the module around, and of the comments that belong to it."""
        children = self.module.scope.node.named_children
        at = next(n for n, child in enumerate(children) if child.start_byte <= self.piece.start < child.end_byte)
        while at > 0 and children[at - 1].type == "comment" and (
            children[at - 1].end_point[0] == children[at].start_point[0] - 1
            and self._line_start(children[at - 1].start_byte) == children[at - 1].start_byte
        ):  # fmt: skip
            at -= 1
        return self._line_start(children[at].start_byte)


def _all_nodes(nodes: list[Node]) -> Iterator[tuple[Node, bool]]:
    todo = nodes[:]
    while todo:
        node = todo.pop()
        yield node, False
        todo += node.named_children


def _is_async(node: Node) -> bool:
    """Whether it is an `async for` or `async with`."""
    return node.type in ("for_statement", "with_statement", "for_in_clause") and any(
        child.type == "async" for child in node.children[:1]
    )
