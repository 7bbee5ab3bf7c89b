"""Which names of a function have a value where, and which are read before they get one.

A forward analysis of statements, as compilers do it for definite assignment (Java language specification, 16). It errs
on one side: what is called certain is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.scopes import Module, Scope, Use

Names = frozenset[str]
_LEAVES = frozenset({"return_statement", "raise_statement", "break_statement", "continue_statement"})
_DOUBTFUL = frozenset({
    "boolean_operator", "conditional_expression", "list_comprehension", "set_comprehension",
    "dictionary_comprehension", "generator_expression", "lambda", "comparison_operator",
})  # fmt: skip
"""What evaluates its parts only sometimes; a comparison may be a chain."""


class Flow:
    """The names of one scope, statement by statement.

    Args:
        module: The file.
        scope: The function, or the module.
    """

    def __init__(self, module: Module, scope: Scope) -> None:
        self.scope = scope
        self.module = module
        self._uses = [use for use in module.uses if module.meaning(use) is scope]

    def uses_in(self, node: Node) -> list[Use]:
        """The uses of names of the scope in a part of it."""
        return [use for use in self._uses if node.start_byte <= use.start < node.end_byte]

    def exposed(self, nodes: Sequence[Node], defined: Names = frozenset()) -> tuple[Names, Names | None]:
        """The names read before they surely have a value, and those that have one behind it.

        The second is None where nothing comes behind it.
        """
        found: set[str] = set()
        now: Names | None = defined
        for node in nodes:
            if now is None:
                now = frozenset(use.name for use in self._uses)  # what cannot be reached reads nothing
            reads, now = self._statement(node, now)
            found |= reads
        return frozenset(found), now

    def _statement(self, node: Node, defined: Names) -> tuple[Names, Names | None]:
        match node.type:
            case "if_statement":
                return self._if(node, defined)
            case "for_statement" | "while_statement":
                return self._loop(node, defined)
            case "try_statement":
                return self._try(node, defined)
            case "with_statement":
                head = [child for child in node.named_children if child.type != "block"]
                reads, inside = self._simple(head, defined)
                more, end = self.exposed(_blocks(node), inside)
                return reads | more, inside if end is None else end
            case "match_statement":
                return self._match(node, defined)
            case "block" | "else_clause" | "finally_clause" | "module":
                return self.exposed(node.named_children, defined)
            case "decorated_definition" | "function_definition" | "class_definition":
                reads = self._reads([node], defined)
                return reads, defined | {use.name for use in self.uses_in(node) if _is_binding(use)}
        reads, after = self._simple([node], defined)
        return reads, None if node.type in _LEAVES else after

    def _reads(self, nodes: Iterable[Node], defined: Names) -> Names:
        return frozenset(
            use.name
            for node in nodes
            for use in self.uses_in(node)
            if (use.role == "read" or _is_read_too(node, use)) and use.name not in defined
        )

    def _simple(self, nodes: Sequence[Node], defined: Names) -> tuple[Names, Names]:
        """An expression or a statement without others in it: what it reads comes first."""
        reads = {name for name in self._reads(nodes, defined) if not self._is_walrus_before(nodes, name)}
        bound = {
            use.name
            for node in nodes
            for use in self.uses_in(node)
            if _is_binding(use) and use.scope is self.scope and _is_sure(node, use)
        }
        deleted = {use.name for node in nodes if node.type == "delete_statement" for use in self.uses_in(node)}
        return frozenset(reads), (defined | bound) - deleted

    def _is_walrus_before(self, nodes: Sequence[Node], name: str) -> bool:
        """Whether `(name := …)` surely comes before every reading of it in expressions, of which one has the name."""
        uses = [(use, node) for node in nodes for use in self.uses_in(node) if use.name == name]
        first, node = min(uses, key=lambda one: one[0].start)
        return first.role == "bind" and _is_sure(node, first) and _is_named(node, first)

    def _if(self, node: Node, defined: Names) -> tuple[Names, Names | None]:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        found, now = self._simple([condition] if condition is not None else [], defined)
        reads, after = self.exposed([body] if body is not None else [], now)
        found |= reads
        ends = [after]
        for clause in node.children_by_field_name("alternative"):
            if clause.type == "elif_clause":
                reads, now = self._simple([clause.child_by_field_name("condition") or clause], now)
                found |= reads
                inner = clause.child_by_field_name("consequence")
                reads, after = self.exposed([inner] if inner is not None else [], now)
            else:
                reads, after = self.exposed(_blocks(clause), now)
            found |= reads
            ends.append(after)
        if not any(clause.type == "else_clause" for clause in node.children_by_field_name("alternative")):
            ends.append(now)
        return found, _meet(ends)

    def _loop(self, node: Node, defined: Names) -> tuple[Names, Names | None]:
        head = [part for name in ("right", "condition") if (part := node.child_by_field_name(name)) is not None]
        found, now = self._simple(head, defined)
        left = node.child_by_field_name("left")
        inside = now | {use.name for use in (self.uses_in(left) if left is not None else ()) if _is_binding(use)}
        body, alternative = node.child_by_field_name("body"), node.child_by_field_name("alternative")
        reads, _ = self.exposed([body] if body is not None else [], inside)
        more, _ = self.exposed(_blocks(alternative) if alternative is not None else [], now)
        return found | reads | more, now

    def _try(self, node: Node, defined: Names) -> tuple[Names, Names | None]:
        body = node.child_by_field_name("body")
        found, after = self.exposed([body] if body is not None else [], defined)
        ends = []
        last: Names = frozenset()
        for clause in node.named_children:
            if clause.type == "else_clause" and after is not None:
                reads, after = self.exposed(_blocks(clause), after)
                found |= reads
            elif clause.type in ("except_clause", "except_group_clause"):
                head = [child for child in clause.named_children if child.type != "block"]
                reads, inside = self._simple(head, defined)
                more, end = self.exposed(_blocks(clause), inside)
                gone = {use.name for one in head for use in self.uses_in(one) if _is_binding(use)}
                found |= reads | more
                ends.append(None if end is None else end - gone)
            elif clause.type == "finally_clause":
                reads, end = self.exposed(_blocks(clause), defined)
                found |= reads
                last = end if end is not None else frozenset()
        met = _meet([after, *ends])
        return found, None if met is None else met | last

    def _match(self, node: Node, defined: Names) -> tuple[Names, Names | None]:
        found, now = self._simple(node.children_by_field_name("subject"), defined)
        body = node.child_by_field_name("body")
        for clause in body.named_children if body is not None else ():
            head = [child for child in clause.named_children if child.type != "block"]
            bound = {use.name for one in head for use in self.uses_in(one) if _is_binding(use)}
            inside = now | bound
            reads, _ = self.exposed([*head, *_blocks(clause)], inside)
            found |= reads
        return found, now

    def defined_before(self, path: Sequence[Node], first: Node) -> Names:
        """The names that surely have a value where a statement begins.

        Args:
            path: The nodes around the statement inside of the scope, outermost first.
            first: The statement.
        """
        now: Names = frozenset(use.name for use in self._uses if use.role == "param" and use.scope is self.scope)
        for node, inner in zip(path, [*path[1:], first], strict=True):
            if node.type in ("block", "module"):
                before = [child for child in node.named_children if child.end_byte <= inner.start_byte]
                _, after = self.exposed(before, now)
                now = after if after is not None else now
                continue
            head = [child for child in node.named_children if child.end_byte <= inner.start_byte and _is_head(child)]
            if node.type in ("if_statement", "while_statement", "elif_clause"):
                _, now = self._simple(head[:1], now)
            elif node.type in ("for_statement", "with_statement", "except_clause", "case_clause"):
                if inner.type == "block":
                    now |= {use.name for one in head for use in self.uses_in(one) if _is_binding(use)}
            elif node.type == "try_statement" and inner.type == "else_clause":
                _, after = self.exposed([child for child in head if child.type == "block"], now)
                now = after if after is not None else now
        return now

    def seen_after_error(self, path: Sequence[Node], first: Node) -> Names:
        """The names that may be read behind an exception which is caught in the same scope."""
        found: set[str] = set()
        inner = first
        for number in range(len(path) - 1, -1, -1):
            node = path[number]
            if node.type == "try_statement" and node.child_by_field_name("body") == inner:
                clauses = [child for child in node.named_children if child.start_byte >= inner.end_byte]
                falls_through = False
                for clause in clauses:
                    if clause.type != "else_clause":
                        reads, end = self.exposed(_blocks(clause))
                        found |= reads
                        falls_through |= end is not None and clause.type != "finally_clause"
                if falls_through:
                    found |= self.live_after(path[:number], node)
            inner = node
        return frozenset(found)

    def live_after(self, path: Sequence[Node], last: Node) -> Names:
        """The names that may be read behind a statement with the value that they have there."""
        found: set[str] = set()
        inner = last
        for node in reversed(path):
            if node.type in ("block", "module"):
                behind = [child for child in node.named_children if child.start_byte >= inner.end_byte]
                reads, _ = self.exposed(behind)
                found |= reads
            elif node.type in ("for_statement", "while_statement"):
                reads, _ = self.exposed([node])
                bodies = [child for child in node.named_children if child.type == "block"]
                again, _ = self.exposed(bodies)
                left = node.child_by_field_name("left")
                fresh = {use.name for use in (self.uses_in(left) if left is not None else ())}
                found |= reads | (again - fresh)
            elif node.type in ("try_statement", "with_statement", "if_statement"):
                behind = [child for child in node.named_children if child.start_byte >= inner.end_byte]
                clauses = [child for child in behind if child.type not in ("else_clause", "elif_clause")]
                if node.type == "try_statement":
                    clauses = behind
                for clause in clauses:
                    reads, _ = self.exposed([*_blocks(clause)] or [clause])
                    found |= reads
            inner = node
        return frozenset(found)


def _blocks(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type == "block"]


def _is_head(node: Node) -> bool:
    return node.type != "comment"


def _meet(ends: Sequence[Names | None]) -> Names | None:
    """What holds whichever way was taken."""
    known = [end for end in ends if end is not None]
    return frozenset.intersection(*known) if known else None


def _is_binding(use: Use) -> bool:
    return use.role in ("bind", "import", "param")


def _is_read_too(node: Node, use: Use) -> bool:
    """Whether a binding reads as well, as `+=` and `del` do."""
    at = node.descendant_for_byte_range(use.start, use.end)
    above = at.parent if at is not None else None
    while above is not None and above.type in ("expression_list", "parenthesized_expression"):
        above = above.parent
    if above is None or use.role != "bind":
        return False
    return above.type in ("augmented_assignment", "delete_statement") and (
        above.type == "delete_statement" or above.child_by_field_name("left") == at
    )


def _is_named(node: Node, use: Use) -> bool:
    at = node.descendant_for_byte_range(use.start, use.end)
    return at is not None and at.parent is not None and at.parent.type == "named_expression"


def _is_sure(node: Node, use: Use) -> bool:
    """Whether a binding in an expression happens whenever the expression is evaluated; `x: int` binds nothing."""
    at = node.descendant_for_byte_range(use.start, use.end)
    at = at.parent if at is not None else None
    if at is not None and at.type == "assignment" and at.child_by_field_name("right") is None:
        return False
    while at is not None and at.start_byte >= node.start_byte and at.end_byte <= node.end_byte:
        if at.type in _DOUBTFUL:
            return False
        if at.id == node.id:
            break
        at = at.parent
    return True
