"""Tests in the manner of the project: pytest functions, pytest classes, or unittest."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.jobs.generating.cases import Case, Equal, Fails, Group, Holds, Open
from aiex.jobs.generating.naming import pascal, snake
from aiex.jobs.generating.project import most
from aiex.jobs.generating.python.static import parse

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit

Framework = Literal["pytest", "pytest classes", "unittest"]
LONGEST_LINE = 88
"""Of an import that is lengthened; a longer one gets a line of its own."""


class Manner(NamedTuple):
    """How tests are written."""

    framework: Framework
    is_annotated: bool
    """Tests say `-> None`."""
    has_doc: bool
    """Files of tests begin with a docstring."""
    has_future: bool
    """They have `from __future__ import annotations`."""


def find_manner(kit: Kit) -> Manner:
    """The manner of the tests that are there, else of what is configured."""
    texts = [text for _, text in kit.sample(tests=True) if re.search(r"\bdef test", text)]
    winner, evidence = most([_framework_of(text) for text in texts])
    framework: Framework = (
        "unittest" if winner == "unittest" else "pytest classes" if winner == "pytest classes" else "pytest"
    )
    if not winner and _is_only_unittest(kit):
        framework, evidence = "unittest", "what runs them"
    kit.note("test style", framework if framework != "pytest" else "pytest functions", evidence)

    def share(pattern: str) -> bool:
        return 2 * sum(re.search(pattern, text) is not None for text in texts) > len(texts)

    doc = r"\A(?:#[^\n]*\n|\s)*[rR]?(?:\"\"\"|''')"
    has_doc = share(doc) if texts else True
    return Manner(framework, share(r"\bdef test\w*\([^\n]*\)\s*->\s*None"), has_doc, share(r"from __future__ import"))


def _framework_of(text: str) -> str:
    if re.search(r"(?m)^class \w+\([^)]*TestCase\)", text):
        return "unittest"
    in_classes = len(re.findall(r"(?m)^[ \t]+(?:async )?def test_", text))
    return "pytest classes" if in_classes > len(re.findall(r"(?m)^(?:async )?def test_", text)) else "pytest"


def _is_only_unittest(kit: Kit) -> bool:
    beneath = f"{kit.member.folder}/" if kit.member.folder else ""
    names = ("pyproject.toml", "setup.cfg", "tox.ini", "Makefile", "noxfile.py", "requirements-dev.txt")
    said = "\n".join(kit.project.read(f"{beneath}{name}") for name in names)
    return "pytest" not in said and re.search(r"-m unittest|unittest discover", said) is not None


# --- text -----------------------------------------------------------------------------------------------------------


def render_file(
    kit: Kit, module: str, names: Sequence[str], groups: Sequence[Group], manner: Manner, *, covered: str
) -> str:
    """A whole file of tests of some names of a module."""
    parts = [f'"""Tests of {covered}."""'] if manner.has_doc else []
    imports = ["from __future__ import annotations"] if manner.has_future else []
    standard = sorted(needed_modules(groups, manner) - {"pytest"})
    imports += ["", *(f"import {one}" for one in standard)] if standard else []
    imports += ["", "import pytest"] if "pytest" in needed_modules(groups, manner) else []
    imports += ["", *render_import(module, names)]
    parts.append("\n".join(imports).strip("\n"))
    body = "\n\n\n".join(render_groups(kit, groups, manner))
    text = "\n\n".join(filter(None, parts)) + "\n\n\n" + body + "\n"
    if manner.framework == "unittest":
        text += f"\n\nif __name__ == {kit.style.quote}__main__{kit.style.quote}:\n{kit.style.indent}unittest.main()\n"
    return text


def render_import(module: str, names: Sequence[str]) -> list[str]:
    """The statement that imports names, in lines that are not too long."""
    line = f"from {module} import {', '.join(sorted(names))}"
    if len(line) <= LONGEST_LINE:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in sorted(names)), ")"]


def needed_modules(groups: Iterable[Group], manner: Manner) -> set[str]:
    """What the tests import beside the code."""
    found = {"unittest"} if manner.framework == "unittest" else set()
    for case in (case for group in groups for case in group.cases):
        if manner.framework != "unittest" and isinstance(case.check, Fails | Open):
            found.add("pytest")
        if "inspect." in str(case.check):
            found.add("inspect")
    return found


def render_groups(kit: Kit, groups: Sequence[Group], manner: Manner) -> list[str]:
    """The tests as blocks that stand two blank lines apart."""
    step = kit.style.indent
    if manner.framework == "pytest":
        return [
            "\n".join(_function(case, manner, kit, indent="")) for group in groups for case in group.cases
        ]  # fmt: skip
    blocks = []
    for group in groups:
        head = f"class Test{pascal(group.words)}" + ("(unittest.TestCase):" if manner.framework == "unittest" else ":")
        bodies = ["\n".join(_function(case, manner, kit, indent=step)) for case in group.cases]
        blocks.append(head + "\n" + "\n\n".join(bodies))
    return blocks


def _function(case: Case, manner: Manner, kit: Kit, *, indent: str) -> list[str]:
    step, quote = kit.style.indent, kit.style.quote
    taken = "self" if indent else ""
    arrow = " -> None" if manner.is_annotated else ""
    lines = [f"def test_{snake(case.words)}({taken}){arrow}:"]
    lines += [f"{step}{line}" for line in _check(case, manner, step, quote)]
    return [f"{indent}{line}" for line in lines]


def _check(case: Case, manner: Manner, step: str, quote: str) -> list[str]:
    is_unittest = manner.framework == "unittest"
    match case.check:
        case Equal(left, right):
            left, right = requote(left, quote), requote(right, quote)
            return [f"self.assertEqual({left}, {right})" if is_unittest else f"assert {left} == {right}"]
        case Holds(expression):
            return [f"self.assertTrue({expression})" if is_unittest else f"assert {expression}"]
        case Fails(call, error):
            opening = f"with self.assertRaises({error}):" if is_unittest else f"with pytest.raises({error}):"
            return [opening, f"{step}{requote(call, quote)}"]
        case Open(reason):
            return _skip("self.skipTest" if is_unittest else "pytest.skip", reason, step, quote)


def _skip(skip: str, reason: str, step: str, quote: str) -> list[str]:
    """The call that skips a test; a long reason in several strings."""
    line = f"{skip}({requote(repr(reason), quote)})"
    if len(line) + 2 * len(step) <= LONGEST_LINE:
        return [line]
    pieces = reason.split("; ")
    said = [piece + "; " for piece in pieces[:-1]] + pieces[-1:]
    return [f"{skip}(", *(f"{step}{requote(repr(piece), quote)}" for piece in said), ")"]


def requote(expression: str, quote: str) -> str:
    """An expression with its strings in these quotes, where that needs no backslash."""
    return re.sub(r"'((?:[^'\"\\\n])*)'", lambda match: f"{quote}{match[1]}{quote}", expression)


# --- a file that is there ---------------------------------------------------------------------------------------------


def add_to_file(kit: Kit, text: str, path: str, module: str, names: Sequence[str], groups: Sequence[Group]) -> str:
    """A file of tests with some more, in its own manner. Raises UsageError where it is no Python."""
    tree = parse(text, path)
    framework = _framework_of(text)
    manner = find_manner(kit)._replace(framework=framework)  # type: ignore[arg-type]
    blocks = render_groups(kit, groups, manner)
    lines = text.split("\n")
    at = end_of_code(tree, lines)
    behind = lines[at:]
    while behind and not behind[0].strip():
        behind.pop(0)
    body = [*_trimmed(lines[:at]), "", "", *"\n\n\n".join(blocks).split("\n"), ""]
    lines = body + (["", *behind] if behind else [])
    wanted = [f"import {one}" for one in sorted(needed_modules(groups, manner))]
    return "\n".join(_add_imports(tree, lines, wanted, module, names))


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def end_of_code(tree: ast.Module, lines: Sequence[str]) -> int:
    """The number of lines before which something more goes: the end, or what runs the module as a program."""
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            at = node.lineno - 1
            while at > 0 and lines[at - 1].startswith("#"):
                at -= 1
            return at
    return len(lines)


def _add_imports(tree: ast.Module, lines: list[str], wanted: list[str], module: str, names: Sequence[str]) -> list[str]:
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    known = {ast.unparse(node) for node in imports}
    bound = {
        alias.asname or alias.name
        for node in imports
        if isinstance(node, ast.ImportFrom) and node.module == module and not node.level
        for alias in node.names
    }
    missing = [] if "*" in bound else [name for name in names if name not in bound]
    later = [line for line in wanted if line not in known]
    end = max((node.end_lineno or 0 for node in imports), default=_behind_docstring(tree))
    if missing:
        same = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module == module]
        own = [node for node in same if node.lineno == node.end_lineno and not any(one.asname for one in node.names)]
        if own and "(" not in lines[own[0].lineno - 1] and "#" not in lines[own[0].lineno - 1]:
            every = [*(one.name for one in own[0].names), *missing]
            lines[own[0].lineno - 1 : own[0].lineno] = (joined := render_import(module, every))
            end += len(joined) - 1 if own[0].lineno <= end else 0
        else:
            later += render_import(module, missing)
    plain = [line for line in later if line.startswith("import ")]
    rest = [line for line in later if not line.startswith("import ")]
    lines[end:end] = ([""] if end and not imports else []) + rest
    first = min((node.lineno for node in imports if not _is_future(node)), default=end + 1)
    gap = [""] if plain and imports and not lines[first - 1].startswith("import ") else []
    standard = [line for line in plain if line != "import pytest"]
    between = [""] if standard and "import pytest" in plain else []
    lines[first - 1 : first - 1] = [*standard, *between, *(line for line in plain if line not in standard), *gap]
    return lines


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _behind_docstring(tree: ast.Module) -> int:
    return (tree.body[0].end_lineno or 0) if ast.get_docstring(tree) is not None else 0
