"""What can be told of a Python function without running it; what is not certain is not told."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
MOST_LITERAL = 60
"""Characters of a literal that a test repeats."""
_CHECKED = ("int", "float", "str", "bytes", "list", "dict", "tuple", "set", "bool")
_SAMPLES = ("None", "-1", "0", "1", "''", "'wrong'", "[]", "{}")
"""Values tried for what a guard asks of a parameter, behind those of its type."""
_TYPED = {
    "int": ("1", "-1", "0"),
    "float": ("1.0", "-1.0", "0.0"),
    "str": ("'text'", "''"),
    "bytes": ("b'data'", "b''"),
    "bool": ("True", "False"),
    "list": ("[1]", "[]"),
    "tuple": ("(1,)", "()"),
    "set": ("{1}",),
    "dict": ("{'key': 1}", "{}"),
}
"""An ordinary value of a type, then others."""


class Refusal(NamedTuple):
    """A call that certainly raises."""

    arguments: str
    error: str
    line: int


def parse(text: str, path: str) -> ast.Module:
    """The tree of a source. Raises UsageError where it is no Python of this version."""
    try:
        return ast.parse(text.encode("utf-8", "replace"))
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise UsageError(f"{printable_path(path)} cannot be read as Python: there is an error{line}") from error


def definitions_in(nodes: Sequence[ast.stmt]) -> dict[int, Definition]:
    """The functions and classes among statements by the lines of their names, those inside of classes too."""
    found: dict[int, Definition] = {}
    for node in nodes:
        if isinstance(node, Definition):
            found[node.lineno] = node
            if isinstance(node, ast.ClassDef):
                found |= definitions_in(node.body)
    return found


def bound_names(tree: ast.Module) -> frozenset[str] | None:
    """Every name that a module binds anywhere; None where an import of everything hides which."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            found.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return None
            found.add((node.asname or node.name).partition(".")[0])
    return frozenset(found)


def bound_often(tree: ast.Module) -> frozenset[str]:
    """Names of functions and classes that something at the top of a module binds once more."""
    counted: Counter[str] = Counter()
    for statement in tree.body:
        if isinstance(statement, Definition):
            counted[statement.name] += 1
            continue
        inner = [node for node in ast.walk(statement) if isinstance(node, ast.Name | ast.FunctionDef | ast.ClassDef)]
        for node in inner:
            if isinstance(node, ast.Name):
                counted[node.id] += not isinstance(node.ctx, ast.Load)
            else:
                counted[node.name] += 1
    return frozenset(name for name, count in counted.items() if count > 1)


def parameters_of(function: Function, *, bound: bool) -> list[tuple[ast.arg, str, ast.expr | None]]:
    """The parameters with their kind (`positional`, `either`, `keyword`, `*`, `**`) and default, without self."""
    taken = function.args
    early = [*taken.posonlyargs, *taken.args]
    defaults: list[ast.expr | None] = [None] * (len(early) - len(taken.defaults))
    found: list[tuple[ast.arg, str, ast.expr | None]] = []
    for number, (one, default) in enumerate(zip(early, [*defaults, *taken.defaults], strict=True)):
        found.append((one, "positional" if number < len(taken.posonlyargs) else "either", default))
    found = found[1:] if bound else found
    found += [(taken.vararg, "*", None)] if taken.vararg else []
    found += [(one, "keyword", kept) for one, kept in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)]
    return found + ([(taken.kwarg, "**", None)] if taken.kwarg else [])


def is_plain(function: Definition) -> bool:
    """Whether nothing wraps it, so that what is written is what is called."""
    return not function.decorator_list


def body_of(function: Function) -> list[ast.stmt]:
    """Its statements without the docstring."""
    first = function.body[0]
    is_doc = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return function.body[1:] if is_doc else function.body


def _own(function: Function) -> Iterator[ast.AST]:
    """What runs as part of the function itself, and not of one inside it."""
    pending: list[ast.AST] = [*function.body]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def is_generator(function: Function) -> bool:
    """Whether a call only makes a generator."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def returns_something(function: Function) -> bool:
    """Whether it returns or yields a value somewhere."""
    return any(
        (isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value))
        or isinstance(node, ast.Yield | ast.YieldFrom)
        for node in _own(function)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def constant_of(function: Function, *, bound: bool = False) -> str:
    """The literal that a call without arguments certainly returns; empty where that cannot be told."""
    body = body_of(function)
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None or not _is_callable(function):
        return ""
    if any(_is_required(kind, default) for _, kind, default in parameters_of(function, bound=bound)):
        return ""
    try:
        ast.literal_eval(body[0].value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ""
    text = ast.unparse(body[0].value)
    return text if len(text) <= MOST_LITERAL else ""


def _is_callable(function: Function) -> bool:
    return is_plain(function) and isinstance(function, ast.FunctionDef) and not is_generator(function)


def _is_required(kind: str, default: ast.expr | None) -> bool:
    return kind in ("positional", "either", "keyword") and default is None


def find_refusals(function: Function, assigned: frozenset[str]) -> list[Refusal]:
    """Calls that certainly raise a built-in error, by the guards that the function begins with.

    Args:
        assigned: Names that the module defines itself, so that they are no built-in ones.
    """
    if not _is_callable(function) or not all(_is_harmless(one) for _, _, one in parameters_of(function, bound=False)):
        return []
    parameters = parameters_of(function, bound=False)
    names = [one.arg for one, kind, _ in parameters if kind not in ("*", "**")]
    found: list[Refusal] = []
    guards: list[ast.expr] = []
    for statement in body_of(function):
        error = _raised(statement, assigned)
        if not isinstance(statement, ast.If) or not error or not _is_readable(statement.test, {*names}, assigned):
            break
        used = sorted({node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)} & {*names})
        if len(used) == 1 and (arguments := _fitting(parameters, used[0], guards, statement.test)) is not None:
            found.append(Refusal(arguments, error, statement.lineno))
        guards.append(statement.test)
    return found


def _is_harmless(default: ast.expr | None) -> bool:
    return default is None or isinstance(default, ast.Constant)


def _raised(statement: ast.stmt, assigned: frozenset[str]) -> str:
    """The built-in error that the body of an `if` does nothing but raise, with a text that cannot fail."""
    if not isinstance(statement, ast.If) or statement.orelse or len(statement.body) != 1:
        return ""
    raised = statement.body[0]
    if not isinstance(raised, ast.Raise) or raised.exc is None:
        return ""
    error = raised.exc
    if isinstance(error, ast.Call):
        if error.keywords or not all(isinstance(one, ast.Constant) or _is_simple_text(one) for one in error.args):
            return ""
        error = error.func
    if not isinstance(error, ast.Name) or error.id in assigned:
        return ""
    known = getattr(builtins, error.id, None)
    return error.id if isinstance(known, type) and issubclass(known, Exception) else ""


def _is_simple_text(node: ast.expr) -> bool:
    """Whether it is an f-string of names without formats, which cannot fail for the values that are tried."""
    return isinstance(node, ast.JoinedStr) and all(
        isinstance(part, ast.Constant)
        or (isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.format_spec is None)
        for part in node.values
    )


def _is_readable(test: ast.expr, names: set[str], assigned: frozenset[str]) -> bool:
    """Whether a condition is made of parameters, literals, comparisons and checks of built-in types alone."""
    allowed = (
        *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
        *(
            ast.Eq,
            ast.NotEq,
            ast.Is,
            ast.IsNot,
            ast.In,
            ast.NotIn,
            ast.Name,
            ast.Constant,
            ast.Load,
            ast.Tuple,
            ast.Call,
        ),
    )
    for node in ast.walk(test):
        if not isinstance(node, allowed):
            return False
        if isinstance(node, ast.Call) and (
            node.keywords or not isinstance(node.func, ast.Name) or node.func.id not in ("isinstance", "len")
        ):
            return False
        if (
            isinstance(node, ast.Name)
            and node.id not in names
            and (node.id in assigned or node.id not in ("isinstance", "len", *_CHECKED))
        ):
            return False
    return True


def _fitting(
    parameters: Sequence[tuple[ast.arg, str, ast.expr | None]], name: str, earlier: Sequence[ast.expr], test: ast.expr
) -> str | None:
    """Arguments for which no earlier guard holds and this one does; None where none of the samples does it."""
    given = {one.arg: default for one, _, default in parameters}
    kind_of = {one.arg: _type_of(one) for one, _, _ in parameters}
    for sample in (*_TYPED.get(kind_of[name], ()), *_SAMPLES):
        values: dict[str, object] = {}
        shown: dict[str, str] = {}
        for one, kind, default in parameters:
            if one.arg == name:
                shown[one.arg] = sample
            elif _is_required(kind, default):
                shown[one.arg] = _harmless_value(one)
            values[one.arg] = ast.literal_eval(shown.get(one.arg) or given[one.arg] or "None")
        if not any(_holds(guard, values) is not False for guard in earlier) and _holds(test, values) is True:
            return _call(parameters, shown)
    return None


def _type_of(parameter: ast.arg) -> str:
    """The built-in type that a parameter is annotated with; empty for none."""
    annotated = parameter.annotation
    annotated = annotated.value if isinstance(annotated, ast.Subscript) else annotated
    return annotated.id if isinstance(annotated, ast.Name) else ""


def _harmless_value(parameter: ast.arg) -> str:
    return _TYPED.get(_type_of(parameter), ("None",))[0]


def _call(parameters: Sequence[tuple[ast.arg, str, ast.expr | None]], shown: Mapping[str, str]) -> str:
    parts, is_behind = [], False
    for one, kind, _ in parameters:
        if one.arg in shown:
            parts.append(f"{one.arg}={shown[one.arg]}" if kind == "keyword" or is_behind else shown[one.arg])
        elif kind in ("either", "positional"):
            is_behind = True
    return ", ".join(parts)


def _holds(test: ast.expr, values: Mapping[str, object]) -> bool | None:
    """The truth of a readable condition for these values; None where evaluating it fails."""
    scope = {"isinstance": isinstance, "len": len, **{name: getattr(builtins, name) for name in _CHECKED}}
    try:
        return bool(_evaluate(test, {**scope, **values}))
    except (TypeError, ValueError, KeyError, RecursionError):
        return None


def _evaluate(node: ast.expr, scope: Mapping[str, object]) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return scope[name]
        case ast.Tuple(elts=parts):
            return tuple(_evaluate(part, scope) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _evaluate(inner, scope)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_evaluate(part, scope) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_evaluate(part, scope) for part in parts)
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, kinds]):
            return isinstance(_evaluate(value, scope), _evaluate(kinds, scope))  # type: ignore[arg-type]
        case ast.Call(func=ast.Name(id="len"), args=[value]):
            return len(_evaluate(value, scope))  # type: ignore[arg-type]
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compare(_evaluate(left, scope), ops, [_evaluate(one, scope) for one in others])
    raise ValueError("not a condition that is understood")


def _compare(left: object, ops: Sequence[ast.cmpop], others: Sequence[object]) -> bool:
    import operator

    ways: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Is: operator.is_,
        ast.IsNot: operator.is_not,
        ast.In: lambda one, many: one in many,
        ast.NotIn: lambda one, many: one not in many,
    }
    for op, other in zip(ops, others, strict=True):
        if not ways[type(op)](left, other):
            return False
        left = other
    return True


def find_top_names(tree: ast.Module) -> frozenset[str]:
    """The functions, classes, variables and imports at the top of a module."""
    found: set[str] = set()
    for statement in tree.body:
        for node in [statement] if isinstance(statement, Definition) else ast.walk(statement):
            if isinstance(node, Definition):
                found.add(node.name)
            elif isinstance(node, ast.alias):
                found.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.add(node.id)
    return frozenset(found)
