"""Docstrings for what has none, put where they belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.jobs.generating.model import Documented, Parameter
from aiex.jobs.generating.naming import sentence, words_or
from aiex.jobs.generating.python.docstrings import TODO, Form, find_form, render_docstring
from aiex.jobs.generating.python.finding import raised_by
from aiex.jobs.generating.python.static import (
    Definition,
    Function,
    definitions_in,
    is_generator,
    parameters_of,
    parse,
    returns_something,
)

if TYPE_CHECKING:
    from aiex.context.facts import Symbol
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code


def docstring_form(kit: Kit) -> Form:
    """The style of docstrings, noted as a convention."""
    form, evidence = find_form([text for _, text in kit.sample()])
    names = {"google": "Google", "numpy": "NumPy", "rest": "reST", "plain": "plain"}
    kit.note("docstrings", names[form], evidence)
    return form


def add_docstrings(kit: Kit, code: Code, symbols: Sequence[int]) -> tuple[str, list[str], list[str]]:
    """The text with docstrings, the names that got one, and those that could not.

    Raises:
        UsageError: if it is no Python.
    """
    tree = parse(code.text, code.path)
    form = docstring_form(kit)
    definitions = definitions_in(tree.body)
    step = kit.indent_in(code.text)
    lines = code.text.split("\n")
    inserts: list[tuple[int, list[str]]] = []
    given: list[str] = []
    left: list[str] = []
    for index in symbols:
        if index < 0:
            if ast.get_docstring(tree, clean=False) is None:
                inserts.append(_module_docstring(code, lines))
                given.append("the module")
            continue
        symbol = code.facts.symbols[index]
        node = _node_of(definitions, symbol)
        if node is None or ast.get_docstring(node, clean=False) is not None or _stands_for_another(node):
            continue
        at = _header_end(node, lines)
        if at < 0:
            left.append(symbol.qualified)
            continue
        gap = [""] if isinstance(node, ast.ClassDef) and lines[at].strip() else []
        inserts.append((at, [*render(code, index, node, form, step), *gap]))
        given.append(symbol.qualified)
    for at, block in sorted(inserts, key=lambda one: one[0], reverse=True):
        lines[at:at] = block
    return "\n".join(lines), given, left


def _node_of(definitions: dict[int, Definition], symbol: Symbol) -> Definition | None:
    lines = range(symbol.start_line, symbol.end_line + 1)
    node = next((definitions[line] for line in lines if line in definitions), None)
    return node if node is not None and node.name == symbol.name else None


def _stands_for_another(node: Definition) -> bool:
    """Whether the documentation belongs elsewhere: to what is overloaded, to the getter of a property."""
    decorators = [ast.unparse(one) for one in node.decorator_list]
    return any(re.search(r"(?:\A|\.)(?:overload|override|setter|deleter)\Z", one) for one in decorators)


def _header_end(node: Definition, lines: Sequence[str]) -> int:
    """The number of lines up to the colon before the body; -1 where the body is on the same line."""
    first = node.body[0]
    start = min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", ()))])
    at = start - 1
    while at > node.lineno and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith("#")):
        at -= 1
    is_inline = at < node.lineno or not re.search(r":\s*(?:#.*)?\Z", lines[at - 1])
    return -1 if is_inline else at


def render(code: Code, index: int, node: Definition, form: Form, step: str) -> list[str]:
    """The lines of the docstring of a definition."""
    symbol = code.facts.symbols[index]
    indent = " " * node.col_offset if step != "\t" else "\t" * node.col_offset
    if isinstance(node, ast.ClassDef):
        said, does = Documented(symbol, (), "", ()), f"say what {symbol.name} is"
    else:
        said = describe(code, index, node)
        does = f"say what {symbol.name} {'gives' if said.returns else 'does'}"
    annotated = isinstance(node, Function) and any(one.annotation for one, _, _ in parameters_of(node, bound=False))
    summary = f"{TODO}: {does}."
    return render_docstring(
        form, said, summary=summary, indent=indent + step, step=step, types_in_signature=annotated
    )  # fmt: skip


def describe(code: Code, index: int, node: Function) -> Documented:
    """What there is to be said of a function."""
    symbol = code.facts.symbols[index]
    is_static = any("staticmethod" in ast.unparse(one) for one in node.decorator_list)
    is_bound = symbol.parent >= 0 and not is_static
    parameters = tuple(
        Parameter(
            one.arg,
            ast.unparse(one.annotation) if one.annotation else "",
            ast.unparse(default) if default else "",
            kind if kind in ("*", "**") else "",
        )
        for one, kind, default in parameters_of(node, bound=is_bound)
    )
    annotated = ast.unparse(node.returns) if node.returns else ""
    returns = "" if annotated in ("None", "NoReturn", "Never", "typing.NoReturn") else annotated
    if not annotated and (returns_something(node) or is_generator(node)):
        returns = "?"
    is_property = any(ast.unparse(one).endswith("property") for one in node.decorator_list)
    return Documented(symbol, parameters, "" if is_property else returns, tuple(raised_by(code.facts, index)))


def _module_docstring(code: Code, lines: Sequence[str]) -> tuple[int, list[str]]:
    """Behind `#!`, encoding and the comment at the top."""
    at = 0
    while at < len(lines) and lines[at].startswith("#"):
        at += 1
    if at and at < len(lines) and not lines[at].strip():
        at += 1
    stem = code.path.rpartition("/")[2].removesuffix(".py")
    stem = code.path.split("/")[-2] if stem == "__init__" and "/" in code.path else stem
    gap = [""] if at < len(lines) and lines[at].strip() else []
    before = [""] if at and lines[at - 1].strip() else []
    return at, [*before, f'"""{TODO}: say what {sentence(words_or(stem)).lower()} is for."""', *gap]
