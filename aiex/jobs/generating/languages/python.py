"""Python: packages with or without src, pytest or unittest, docstrings in the style of the project."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.generating.cases import Group, count_open
from aiex.jobs.generating.drafting import as_code
from aiex.jobs.generating.model import Draft, Ecosystem, Made
from aiex.jobs.generating.naming import sentence, snake, split_name
from aiex.jobs.generating.placing import place_test
from aiex.jobs.generating.project import most
from aiex.jobs.generating.python.docstrings import TODO
from aiex.jobs.generating.python.documenting import add_docstrings, docstring_form
from aiex.jobs.generating.python.finding import find_groups
from aiex.jobs.generating.python.layout import choose_top, import_name, needs_path, run_command, test_layout
from aiex.jobs.generating.python.static import find_top_names, parse
from aiex.jobs.generating.python.testing import add_to_file, end_of_code, find_manner, render_file

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code, Member, Place
    from aiex.jobs.generating.project import Project


class Python:
    """The template of Python."""

    name = "python"
    extensions = (".py",)
    ecosystem: Ecosystem = "python"
    comment = ("#", "", "")
    keywords = frozenset(keyword.kwlist)
    indent = "    "
    quote = '"'
    named = re.compile(r"_{0,2}[a-z][a-z0-9_]*\Z")
    is_first = True

    def home(self, project: Project, member: Member) -> str:
        """The only package, or the one named after the project."""
        return choose_top(project, member)

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """Packages in the package."""
        top = home.rpartition("/")[2]
        named = [snake(split_name(part)) for part in parts]
        return named[1:] if named and named[0] == top else named

    def identifier(self, words: Sequence[str]) -> str:
        """Snake case."""
        return snake(words)

    def module(self, kit: Kit, place: Place) -> Made:
        """A module with one function, and its test; the `__init__.py` of new packages."""
        name = self.identifier(place.words)
        path = f"{place.folder}/{name}.py".lstrip("/")
        manner = _find_writing(kit)
        docstring_form(kit)
        arrow = " -> None" if manner.is_annotated else ""
        step = kit.style.indent
        parts = [f'"""{sentence(place.words)}."""']
        parts += ["from __future__ import annotations"] if manner.has_future else []
        body = (
            f"def {name}(){arrow}:\n"
            f'{step}"""{TODO}: say what {name} does."""\n'
            f"{step}raise NotImplementedError({kit.style.quote}{name} is not written yet{kit.style.quote})"
        )
        module = kit.new(path, "\n\n".join(parts) + "\n\n\n" + body)
        packages = _new_packages(kit, place.folder)
        code = as_code(module)
        return self._with_tests(kit, code, (*packages, module), [0])

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """A function at the end, in `__all__` where there is one, and a test of it."""
        tree = parse(code.text, code.path)
        if name in find_top_names(tree):
            raise Conflict(f"{printable_path(code.path)} has a {name} already", hint="choose another name")
        manner = _find_writing(kit)
        taken, word = _read_signature(signature, name, is_annotated=manner.is_annotated)
        step = kit.indent_in(code.text)
        lines = code.text.split("\n")
        at = end_of_code(tree, lines)
        before, behind = lines[:at], lines[at:]
        while before and not before[-1].strip():
            before.pop()
        while behind and not behind[0].strip():
            behind.pop(0)
        body = [
            f"{word}def {name}{taken}:",
            f'{step}"""{TODO}: say what {name} does."""',
            f"{step}raise NotImplementedError({kit.style.quote}{name} is not written yet{kit.style.quote})",
        ]
        gap = ["", ""] if before else []
        before = _add_to_all(tree, before, name)
        text = "\n".join([*before, *gap, *body, *(["", "", *behind] if behind else [""])])
        parse(text, code.path)
        changed = kit.change(code, text)
        new = as_code(changed)
        index = next(number for number, symbol in enumerate(new.facts.symbols) if symbol.name == name)
        return self._with_tests(kit, new, (changed,), [index])

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Tests of functions and classes at the top of a module."""
        return self._with_tests(kit, code, (), symbols)

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Docstrings."""
        text, given, left = add_docstrings(kit, code, symbols)
        warnings = tuple((f"{name} has its body on the line of its name, and got no docstring", "") for name in left)
        if not given:
            return Made((), warnings=warnings)
        parse(text, code.path)
        return Made((kit.change(code, text),), warnings=warnings)

    def _with_tests(self, kit: Kit, code: Code, drafts: tuple[Draft, ...], symbols: Sequence[int]) -> Made:
        module = import_name(kit.project, code.path) if not drafts else _planned_name(kit, code.path, drafts)
        groups = find_groups(code, symbols)
        layout, roots = test_layout(kit)
        manner = find_manner(kit)
        place = place_test(layout, code.path, roots, ending=".py")
        there = kit.find_test(code.path, place, module)
        warnings = [*_warn_of_path(kit, code.path), *_warn_of_import(code)]
        if there:
            path = there
            test = _added(kit, path, module, groups)
        else:
            path = _free_place(kit, place, code.path)
            names = [group.name for group in groups]
            if not groups:
                raise UsageError(f"{printable_path(code.path)} has nothing public at its top to test")
            test = kit.new(path, render_file(kit, module, names, groups, manner, covered=module))
        packages = () if there else _test_packages(kit, path)
        run = run_command(kit, path, "unittest" if manner.framework == "unittest" else "pytest")
        return Made((*drafts, *packages, test), run, tuple(warnings), count_open(groups))


def _added(kit: Kit, path: str, module: str, groups: Sequence[Group]) -> Draft:
    """A file of tests with those of the groups that it does not speak of yet."""
    code = kit.project.code(path)
    missing = [group for group in groups if not re.search(rf"\b{re.escape(group.name)}\b", code.text)]
    if not missing:
        hint = "nothing is overwritten; name one function: FILE::NAME"
        raise Conflict(f"{printable_path(path)} has tests of all of it already", hint=hint)
    text = add_to_file(kit, code.text, path, module, [group.name for group in missing], missing)
    parse(text, path)
    return kit.change(code, text)


# --- how modules are written ----------------------------------------------------------------------------------------


class _Writing:
    """How modules are written."""

    def __init__(self, *, is_annotated: bool, has_future: bool) -> None:
        self.is_annotated = is_annotated
        self.has_future = has_future


def _find_writing(kit: Kit) -> _Writing:
    texts = [text for _, text in kit.sample() if re.search(r"(?m)^\s*(?:async )?def ", text)]
    votes = [str(bool(re.search(r"\)\s*->\s*[^:\n]+:", text))) for text in texts]
    annotated, evidence = most(votes)
    kit.note("annotations", "no" if annotated == "False" else "yes", evidence)
    future = sum("from __future__ import annotations" in text for text in texts)
    return _Writing(is_annotated=annotated != "False", has_future=2 * future > len(texts))


def _read_signature(signature: str, name: str, *, is_annotated: bool) -> tuple[str, str]:
    """What follows the name of a function, and `async ` where it is one. Raises UsageError where it is none."""
    said = signature.strip().rstrip(":")
    word = "async " if re.match(r"async\b", said) else ""
    said = re.sub(r"\A(?:async\s*)?(?:def\s+\w+\s*)?", "", said).strip()
    if not said:
        return ("() -> None" if is_annotated else "()"), word
    taken = said if said.startswith("(") else f"({said})"
    try:
        tree = ast.parse(f"def {name}{taken}: pass")
    except (SyntaxError, ValueError) as error:
        hint = "write it as in Python: --signature '(items: list[int], rate: float = 0.2) -> int'"
        raise UsageError(f"'{printable_path(signature)}' is no signature", hint=hint) from error
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef) or len(tree.body[0].body) != 1:
        raise UsageError(f"'{printable_path(signature)}' is more than a signature")
    return taken, word


def _add_to_all(tree: ast.Module, lines: list[str], name: str) -> list[str]:
    """The lines with the name in `__all__`, where that is a list of names; in order, where those are."""
    for node in tree.body:
        is_all = isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == "__all__" for one in node.targets
        )
        if not isinstance(node, ast.Assign) or not is_all or not isinstance(node.value, ast.List | ast.Tuple):
            continue
        names = [one.value for one in node.value.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if not names or len(names) != len(node.value.elts):
            return lines
        is_sorted = names == sorted(names)
        later = [at for at, known in enumerate(names) if known > name] if is_sorted else []
        at = node.value.elts[later[0] if later else -1]
        row, column = at.lineno - 1, at.col_offset if later else at.end_col_offset or 0
        line = lines[row]
        column = len(line.encode()[:column].decode("utf-8", "replace"))
        quote = line[at.col_offset : at.col_offset + 1] or '"'
        own_line = line[:column].strip() == "" if later else line[column:].strip() in ("", ",")
        if own_line and node.lineno != node.end_lineno:
            new = f"{line[: len(line) - len(line.lstrip())]}{quote}{name}{quote},"
            where = row if later else row + 1
            if not later and not line.rstrip().endswith(","):
                lines[row] = line.rstrip() + ","
            return [*lines[:where], new, *lines[where:]]
        word = f"{quote}{name}{quote}"
        lines[row] = line[:column] + (f"{word}, " if later else f", {word}") + line[column:]
        return lines
    return lines


# --- packages -------------------------------------------------------------------------------------------------------


def _new_packages(kit: Kit, folder: str) -> tuple[Draft, ...]:
    """`__init__.py` for the folders of a module that are not there yet, where the ones above are packages."""
    missing = []
    at = folder
    while at and not kit.project.has(at):
        missing.append(at)
        at = at.rpartition("/")[0]
    is_package = bool(at) and kit.project.has(f"{at}/__init__.py")
    if not missing or not (is_package or at == kit.member.folder or at.endswith("src")):
        return ()
    return tuple(_init(kit, one) for one in reversed(missing))


def _init(kit: Kit, folder: str) -> Draft:
    header = f"{kit.style.header}\n" if kit.style.header else ""
    return Draft(f"{folder}/__init__.py", None, header.replace("\n", kit.style.eol).encode("utf-8", "surrogateescape"))


def _test_packages(kit: Kit, path: str) -> tuple[Draft, ...]:
    """`__init__.py` for new folders of tests, where the folder above has one."""
    missing = []
    at = path.rpartition("/")[0]
    while at and not kit.project.has(at):
        missing.append(at)
        at = at.rpartition("/")[0]
    if not missing or not at or not kit.project.has(f"{at}/__init__.py"):
        return ()
    return tuple(_init(kit, one) for one in reversed(missing))


def _planned_name(kit: Kit, path: str, drafts: Sequence[Draft]) -> str:
    """What imports a file of which some packages are yet to be made."""
    planned = {draft.path.removesuffix("/__init__.py") for draft in drafts if draft.path.endswith("/__init__.py")}
    if not planned:
        return import_name(kit.project, path)
    first = min(planned, key=len)
    above = first.rpartition("/")[0]
    if above and kit.project.has(f"{above}/__init__.py"):
        name = import_name(kit.project, f"{above}/x.py").removesuffix("x")
        return name + path[len(above) + 1 :].removesuffix(".py").replace("/", ".")
    return path[len(above) :].lstrip("/").removesuffix(".py").replace("/", ".")


def _free_place(kit: Kit, path: str, source: str) -> str:
    """The place of a new test; with the folder of the code in its name, where another test has the same name.

    pytest cannot import two tests of one name from folders that are no packages.
    """
    folder, _, name = path.rpartition("/")
    others = {one.rpartition("/")[2]: one.rpartition("/")[0] for one in kit.test_files()}
    if name not in others or (others[name] != folder and kit.project.has(f"{folder}/__init__.py")):
        return path
    stem, above = source.rpartition("/")[2].removesuffix(".py"), source.split("/")[-2:-1]
    return f"{folder}/{name.replace(stem, f'{above[0]}_{stem}')}".lstrip("/") if above else path


def _warn_of_path(kit: Kit, path: str) -> list[tuple[str, str]]:
    if not needs_path(kit, path):
        return []
    folder = f"{kit.member.folder}/src".lstrip("/")
    message = f"the tests import what lies in {folder}, which has to be installed for that"
    return [(message, 'pip install -e ., or pythonpath = ["src"] for pytest in pyproject.toml')]


def _warn_of_import(code: Code) -> list[tuple[str, str]]:
    """Where an import already does something."""
    kinds = {"network", "process", "file", "input", "database"}
    doing = [one for one in code.facts.effects if one.inside < 0 and one.kind in kinds]
    guarded = [one for one in doing if not code.facts.entry_line or one.line < code.facts.entry_line]
    if not guarded:
        return []
    what, line = guarded[0].what, guarded[0].line
    return [(f"importing {printable_path(code.path)} already runs {what} in line {line}, and so do its tests", "")]


TEMPLATE = Python()
