"""Makes the brief of a wish: what is to be written where, by the conventions of the project. Nothing is written here.

Whoever lets a model do it starts from the same brief: its conventions, paths and skeletons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import FUNCTIONS, TYPES, is_test
from aiex.jobs.generating.choosing import TITLES, choose, template_for
from aiex.jobs.generating.kit import Kit
from aiex.jobs.generating.model import Brief, Kind, Made
from aiex.jobs.generating.naming import refuse_keyword, split_name
from aiex.jobs.generating.project import Project

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.generating.model import Code, Member, Template
    from aiex.jobs.target import Target


class Wish(NamedTuple):
    """What is to be made."""

    kind: Kind
    name: str
    """Of a module or a function, else the target."""
    into: str = ""
    """The directory or package of a module, the file of a function."""
    language: str = ""
    signature: str = ""
    base: str = ""
    """The directory where the person stands, absolute; the root when empty."""

    def __str__(self) -> str:
        place = f" in {self.into}" if self.into else ""
        return f"{'docs' if self.kind == 'page' else self.kind} {self.name}{place}"


def make(wish: Wish, engine: Engine, workspace: Workspace) -> Brief:
    """The brief of a wish.

    Raises:
        UsageError: if the words do not fit the project: no such place, several, no name that the language takes.
        Conflict: if what is to be made is there.
        Denied, StoreError: if a file cannot be read.
    """
    project = Project(engine, workspace)
    if wish.kind == "module":
        return _make_module(wish, project)
    if wish.kind == "function":
        return _make_function(wish, project)
    target, code = find_code(wish.name, wish.base, project)
    template = template_for(code.path)
    member = project.member_of(code.path, template.ecosystem)
    symbols = choose_symbols(code, target, wish.kind)
    kit = _open_kit(project, member, template, code.path.rpartition("/")[0])
    if wish.kind == "tests":
        _require_code(code)
        made = template.tests(kit, code, symbols)
    elif wish.kind == "page":
        from aiex.jobs.generating.page import make_page

        made = make_page(kit, code, symbols)
    else:
        made = template.docs(kit, code, symbols)
    return _brief(wish, kit, made)


def _make_module(wish: Wish, project: Project) -> Brief:
    base = _relative(wish.base, project)
    template, member, place = choose(project, wish.name, into=wish.into, language=wish.language, base=base)
    kit = _open_kit(project, member, template, place.folder)
    return _brief(wish, kit, template.module(kit, place))


def _make_function(wish: Wish, project: Project) -> Brief:
    target, code = find_code(wish.into, wish.base, project)
    if target.symbol or target.start_line:
        shown = printable_path(code.path)
        raise UsageError("a function goes to the end of a file, not into a part of it", hint=f"--in {shown}")
    template = template_for(code.path)
    _require_code(code)
    if is_test(code.path):
        raise UsageError(f"{printable_path(code.path)} is a file of tests", hint="--in takes a file of code")
    name = wish.name.strip()
    if not template.named.match(name):
        name = template.identifier(split_name(name))
    suggestion = template.identifier((*split_name(name.strip("_$?!")), "value"))
    title = TITLES.get(template.name, template.name.capitalize())
    refuse_keyword(name, template.keywords, title, suggestion=suggestion)
    member = project.member_of(code.path, template.ecosystem)
    kit = _open_kit(project, member, template, code.path.rpartition("/")[0])
    return _brief(wish, kit, template.function(kit, code, name, wish.signature))


def _open_kit(project: Project, member: Member, template: Template, near: str) -> Kit:
    return Kit(project, member, template, near, indent=template.indent, quote=template.quote)


def _brief(wish: Wish, kit: Kit, made: Made) -> Brief:
    drafts = tuple(draft for draft in made.drafts if draft.before != draft.after)
    conventions = tuple(dict.fromkeys(kit.conventions))
    return Brief(
        wish.kind,
        str(wish),
        kit.template.name,
        kit.member,
        conventions,
        drafts,
        made.run,
        made.warnings,
        made.left_open,
    )


def _relative(base: str, project: Project) -> str:
    path = project.workspace.relative(base) if base else "."
    return "" if path == "." else path


def find_code(words: str, base: str, project: Project) -> tuple[Target, Code]:
    """The file that the words of a person name, with the place in it. Raises UsageError, Denied and StoreError."""
    from aiex.jobs.explain import ExplainTask, locate

    if words == "-":
        raise UsageError("standard input has no place in the project", hint="name a file")
    target, kind = locate(ExplainTask(words, base=base), project.engine, project.workspace)
    if kind == "dir":
        raise UsageError(f"{printable_path(target.path)} is a directory", hint="name one file of it")
    return target, project.code(target.path)


def _require_code(code: Code) -> None:
    if code.facts.parsed == "fallback" or (code.facts.parsed == "partial" and code.source.strip()):
        why = code.facts.note or "it is no code"
        raise UsageError(f"{printable_path(code.path)} cannot be worked on: {why}", hint="mend it first")


def choose_symbols(code: Code, target: Target, kind: Kind) -> list[int]:
    """The symbols that a target means: one and what is in it, those in its lines, or all that others may use.

    -1 stands for the module itself, in documentation of a whole file.

    Raises:
        UsageError: if there is none of this name, or none in these lines.
    """
    symbols = code.facts.symbols
    public = [index for index in range(len(symbols)) if _is_public(code, index)]
    if target.symbol:
        named = [index for index, one in enumerate(symbols) if target.symbol in (one.qualified, one.name)]
        exact = [index for index in named if symbols[index].qualified == target.symbol] or named
        if not exact:
            raise UsageError(
                f"{printable_path(code.path)} has no {printable_path(target.symbol)}", hint=_listed(code, public)
            )
        inside = [index for index in public if index in exact or _is_within(code, index, exact[0])]
        chosen = list(dict.fromkeys([exact[0], *inside]))
    elif target.start_line:
        lines = (target.start_line, target.end_line)
        chosen = [one for one in public if symbols[one].start_line <= lines[1] and symbols[one].end_line >= lines[0]]
        if not chosen:
            raise UsageError(f"nothing public is in these lines of {printable_path(code.path)}")
    else:
        chosen = [-1, *public] if kind == "docs" else public
    return [_outermost(code, one) for one in chosen] if kind == "tests" else chosen


def _outermost(code: Code, index: int) -> int:
    """The symbol at the top of the file that a symbol is part of, a module of the language being none."""
    symbols = code.facts.symbols
    while symbols[index].parent >= 0 and symbols[symbols[index].parent].kind not in ("module", "namespace"):
        index = symbols[index].parent
    return index


def _is_within(code: Code, index: int, outer: int) -> bool:
    while index >= 0:
        if index == outer:
            return True
        index = code.facts.symbols[index].parent
    return False


def _is_public(code: Code, index: int) -> bool:
    """Whether it and all around it are meant for use from outside, and it is a function or a type."""
    symbols = code.facts.symbols
    if symbols[index].kind not in FUNCTIONS | TYPES or symbols[index].kind in ("test", "target"):
        return False
    if symbols[index].kind == "constructor" or symbols[index].name.startswith("__"):
        return False
    while index >= 0:
        symbol = symbols[index]
        is_open = symbol.exported or symbol.kind == "implementation"
        if not is_open or (symbol.kind in FUNCTIONS and symbol.parent >= 0 and _is_local(code, index)):
            return False
        index = symbol.parent
    return True


def _is_local(code: Code, index: int) -> bool:
    """Whether a function is defined inside another."""
    parent = code.facts.symbols[index].parent
    return parent >= 0 and code.facts.symbols[parent].kind in FUNCTIONS


def _listed(code: Code, public: list[int]) -> str:
    names = [printable_path(code.facts.symbols[index].qualified) for index in public[:8]]
    return f"it has {', '.join(names)}" if names else "it has nothing public"
