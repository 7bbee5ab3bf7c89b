"""The tests that can be told of Python code without running it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aiex.jobs.generating.cases import Case, Check, Equal, Fails, Group, Holds, Open
from aiex.jobs.generating.naming import words_or
from aiex.jobs.generating.python.static import (
    Function,
    bound_names,
    bound_often,
    constant_of,
    definitions_in,
    find_refusals,
    is_plain,
    parameters_of,
    parse,
)

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts
    from aiex.jobs.generating.model import Code


def testable(facts: FileFacts) -> list[int]:
    """The functions and classes at the top of a file that are meant for use from outside."""
    return [
        index
        for index, symbol in enumerate(facts.symbols)
        if symbol.parent < 0 and symbol.exported and symbol.kind in ("function", "class")
    ]


def find_groups(code: Code, symbols: Sequence[int]) -> list[Group]:
    """The tests of some symbols; a name that is bound twice gets none that depend on how it is written.

    Raises:
        UsageError: if it is no Python.
    """
    tree = parse(code.text, code.path)
    definitions = definitions_in(tree.body)
    bound, often = bound_names(tree), bound_often(tree)
    found: dict[str, Group] = {}
    for index in symbols:
        symbol = code.facts.symbols[index]
        lines = range(symbol.start_line, symbol.end_line + 1)
        node = next((definitions[line] for line in lines if line in definitions), None)
        if node is None or node.name != symbol.name:
            continue
        words = words_or(symbol.name)
        if isinstance(node, ast.ClassDef):
            cases = [*_class_cases(node, code, index, bound)]
        else:
            is_sure = symbol.name not in often
            cases = [*_function_cases(node, code, index, bound if is_sure else None, is_sure=is_sure)]
        found[symbol.name] = Group(symbol.name, words, tuple(_named(words, cases)))
    if "inspect" in found:  # which then is no module in the tests
        found = {name: group._replace(cases=tuple(map(_without_inspect, group.cases))) for name, group in found.items()}
    return list(found.values())


def _without_inspect(case: Case) -> Case:
    name = case.check.left.partition("signature(")[2].partition(")")[0] if isinstance(case.check, Equal) else ""
    if isinstance(case.check, Holds):
        name = case.check.expression.partition("inspect.isclass(")[2].removesuffix(")")
    return Case(case.words, Holds(f"callable({name})")) if name else case


def _named(words: tuple[str, ...], cases: Sequence[tuple[str, Check]]) -> Iterator[Case]:
    """The cases with names that differ."""
    seen: set[str] = set()
    for said, check in cases:
        name, number = said, 1
        while name in seen:
            number += 1
            name = f"{said} {number}"
        seen.add(name)
        yield Case((*words, *name.split()), check)


def _function_cases(
    node: Function, code: Code, index: int, bound: frozenset[str] | None, *, is_sure: bool
) -> Iterator[tuple[str, Check]]:
    name = node.name
    parameters = parameters_of(node, bound=False)
    if is_sure and is_plain(node):
        names = [one.arg for one, _, _ in parameters]
        yield "takes its parameters", Equal(f"list(inspect.signature({name}).parameters)", repr(names))
    else:
        yield "can be called", Holds(f"callable({name})")
    constant = constant_of(node) if is_sure else ""
    if constant:
        yield "returns what it is", Equal(f"{name}()", constant)
    for refusal in find_refusals(node, bound) if bound is not None else ():
        yield f"raises {' '.join(words_or(refusal.error))}", Fails(f"{name}({refusal.arguments})", refusal.error)
    if not constant or parameters:
        yield "does its work", Open(_wish(node, code, index, name))


def _wish(node: Function, code: Code, index: int, name: str) -> str:
    """What there is to do, in words."""
    marks = {"*": "*", "**": "**"}
    bound = code.facts.symbols[index].parent >= 0
    shown = ", ".join(marks.get(kind, "") + one.arg for one, kind, _ in parameters_of(node, bound=bound))
    verb = "await" if isinstance(node, ast.AsyncFunctionDef) else "call"
    said = f"to do: {verb} {name}({shown}) and check what comes of it"
    raised = raised_by(code.facts, index)
    if raised:
        said += f"; it raises {', '.join(raised)}"
    ways = code.facts.complexity[index]
    return said + (f"; it has {ways - 1} branches" if ways > 2 else "")


def raised_by(facts: FileFacts, index: int) -> list[str]:
    """The names of the errors that a symbol raises itself, in the order of the source."""
    found: dict[str, None] = {}
    for fault in facts.faults:
        if fault.kind == "raise" and fault.inside == index:
            name = fault.what.removeprefix("raise ").partition("(")[0].strip()
            if name and all(part.isidentifier() for part in name.split(".")) and name.rpartition(".")[2][0].isupper():
                found[name] = None
    return [*found]


def _class_cases(
    node: ast.ClassDef, code: Code, index: int, bound: frozenset[str] | None
) -> Iterator[tuple[str, Check]]:
    name = node.name
    base = node.bases[0] if len(node.bases) == 1 and not node.keywords and is_plain(node) else None
    if isinstance(base, ast.Name) and bound is not None and base.id not in bound and _is_error(base.id):
        yield f"is a {' '.join(words_or(base.id))}", Holds(f"issubclass({name}, {base.id})")
    elif is_plain(node):
        yield "is a class", Holds(f"inspect.isclass({name})")
    else:
        yield "can be called", Holds(f"callable({name})")
    methods = {one.name: one for one in node.body if isinstance(one, Function)}
    for number, symbol in enumerate(code.facts.symbols):
        method = methods.get(symbol.name) if symbol.parent == index else None
        if method is None or symbol.name.startswith("_") or symbol.kind not in ("method", "function", "property"):
            continue
        yield (
            f"{' '.join(words_or(symbol.name))} does its work",
            Open(_wish(method, code, number, f"{name}.{symbol.name}")),
        )


def _is_error(name: str) -> bool:
    known = getattr(builtins, name, None)
    return isinstance(known, type) and issubclass(known, BaseException)
