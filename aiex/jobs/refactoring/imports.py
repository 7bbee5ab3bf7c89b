"""Organise imports of a Python file: sections, order, what is said twice, and what nobody uses.

The order is that of isort's and ruff's defaults: future, standard library, others, the project's own, relative ones;
`import` before `from`. Only whole runs of imports at the top level are touched, and nothing moves across other code.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Edit, Place, Plan, apply_edits, to_changes
from aiex.jobs.refactoring.modules import Modules
from aiex.jobs.refactoring.pointing import Spot
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.scopes import Module
    from aiex.jobs.refactoring.sources import Source, Sources

USUAL_WIDTH = 88
"""Columns, where the project says nothing: as black and ruff have it."""
_KINDS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
_HANDS_OFF = re.compile(rb"#\s*(isort:\s*(skip_file|off)|ruff:\s*isort:\s*skip_file|fmt:\s*off)")
_KEPT = re.compile(r"#.*(noqa|type:\s*ignore|pyright|pylint|isort|mypy|nopycln|autoflake)")
_WITH_EFFECT = frozenset({"readline", "rlcompleter", "antigravity", "this", "faulthandler", "encodings"})
"""Modules of the standard library that do something when they are imported."""


@record
class Line:
    """One import statement."""

    start: int
    end: int
    is_from: bool
    module: str
    names: tuple[tuple[str, str], ...]
    """Names taken and what they are called here; for `import` one pair of module and alias, empty without one."""
    above: str
    """Comments in front of it, with their line ends."""
    behind: str
    """The comment behind it."""
    text: str
    """As it was written."""
    changed: bool = False
    section: int = 0


def organise_imports(sources: Sources, spot: Spot, *, also_doubts: bool = False) -> Plan:
    """Plan the imports of one file.

    Args:
        also_doubts: Remove what nobody uses also where importing it may do something.

    Raises:
        UsageError: if it is no Python file, or has a syntax error.
    """
    if spot.symbol or spot.start_line:
        raise UsageError("imports are organised for a whole file", hint=f"name {printable_path(spot.path)} alone")
    modules = Modules(sources)
    module = modules.require(spot.path)
    source = sources.read(spot.path)
    if _HANDS_OFF.search(source.utf8):
        return Plan("organise imports", (), notes=(f"{printable_path(spot.path)} says that it is to be left alone",))
    work = _Organiser(modules, module, source, also_doubts=also_doubts)
    edits = list(work.edits())
    after = source.to_bytes(apply_edits(source.utf8, edits))
    certain = tuple(Place(spot.path, source.line(edit.start), "imports") for edit in edits)
    changes = to_changes({spot.path: source.data}, {spot.path: after})
    return Plan("organise imports", changes, certain if changes else (), notes=tuple(work.notes))


class _Organiser:
    def __init__(self, modules: Modules, module: Module, source: Source, *, also_doubts: bool) -> None:
        self.modules = modules
        self.module = module
        self.source = source
        self.also_doubts = also_doubts
        self.notes: list[str] = []
        self.width = _width(modules.sources)

    def edits(self) -> Iterator[Edit]:
        """What to put in the place of each run."""
        for run in self.runs():
            lines = [self.read(node, is_first=number == 0) for number, node in enumerate(run)]
            if any(line is None for line in lines):
                self.notes.append(f"line {run[0].start_point[0] + 1}: imports that share a line stay as they are")
                continue
            known = [line for line in lines if line is not None]
            text = self.arranged(known)
            if text is None:
                continue
            start, end = known[0].start, known[-1].end
            if not text:  # nothing is left: the line end goes as well
                end = min(len(self.source.utf8), end + len(self.source.line_end))
            ended = text.replace("\n", self.source.line_end.decode())
            yield Edit(start, end, ended.encode())

    def runs(self) -> list[list[Node]]:
        """Imports that follow each other with nothing but comments between them."""
        found: list[list[Node]] = []
        last = ""
        for node in self.module.scope.node.named_children:
            if node.type in _KINDS:
                if last not in _KINDS:
                    found.append([])
                found[-1].append(node)
            if node.type != "comment":
                last = node.type
        return found

    def read(self, node: Node, *, is_first: bool) -> Line | None:
        """A statement with its comments; None where it shares its line with others."""
        data = self.source.utf8
        line_start = data.rfind(b"\n", 0, node.start_byte) + 1
        line_end = data.find(b"\n", node.end_byte)
        line_end = len(data) if line_end < 0 else line_end
        rest = data[node.end_byte : line_end].decode().rstrip("\r")
        if data[line_start : node.start_byte].strip(b"\xef\xbb\xbf") or not re.fullmatch(r"\s*(#.*)?", rest):
            return None
        above, start = "", node.start_byte
        while not is_first and start > 0:
            previous = data.rfind(b"\n", 0, start - 1) + 1
            words = data[previous : start - 1]
            if not words.strip().startswith(b"#"):
                break
            above, start = words.decode().rstrip("\r") + "\n" + above, previous
        end = node.end_byte + len(rest)
        text = data[node.start_byte : node.end_byte].decode().replace("\r\n", "\n")
        names = self.names(node)
        module = names[0][0] if node.type == "import_statement" and len(names) == 1 else self.from_module(node)
        return Line(start, end, node.type != "import_statement", module, names, above, rest.strip(), text)

    def from_module(self, node: Node) -> str:
        if node.type == "future_import_statement":
            return "__future__"
        found = node.child_by_field_name("module_name")
        return self.module.text(found).replace(" ", "") if found is not None else ""

    def names(self, node: Node) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for child in node.children_by_field_name("name"):
            alias, name = child.child_by_field_name("alias"), child.child_by_field_name("name")
            if alias is not None and name is not None:
                found.append((self.module.text(name), self.module.text(alias)))
            else:
                found.append((self.module.text(child), ""))
        if any(child.type == "wildcard_import" for child in node.named_children):
            found.append(("*", ""))
        return tuple(found)

    def arranged(self, lines: list[Line]) -> str | None:
        """The text of a run; None where it has to stay."""
        lines = [replace(part, section=self.section(part)) for line in lines for part in _split(line)]
        if any(name == "*" for line in lines for name, _ in line.names):
            self.notes.append(f"line {self.source.line(lines[0].start)}: the order stays, because of an import of *")
            return None
        bound: dict[str, tuple[bool, str, str]] = {}
        for line in lines:
            for name, alias in line.names:
                what = (line.is_from, line.module if line.is_from or alias else "", name if line.is_from else "")
                local = alias or name.split(".")[0]
                if bound.setdefault(local, what) != what:
                    self.notes.append(f"the order stays, because {local} is imported twice from different places")
                    return None
        kept = [found for line in lines if (found := self.without_unused(line)) is not None]
        kept.sort(key=_order)
        merged = _merge(kept)
        sections = [list(group) for _, group in groupby(merged, key=lambda line: line.section)]
        return "\n\n".join("\n".join(self.render(line) for line in section) for section in sections)

    def section(self, line: Line) -> int:
        """0 for the future, then the standard library, others, the project, and what is relative."""
        if line.module == "__future__":
            return 0
        if line.module.startswith("."):
            return 4
        top = line.module.split(".")[0]
        if top in sys.stdlib_module_names:
            return 1
        item = next((one for one in self.module.imports if one.module == line.module), None)
        meant = self.modules.meant_by(item, self.source.path) if item is not None else None
        return 3 if meant is not None else 2

    # --- what nobody uses -------------------------------------------------------------------------------------------

    def without_unused(self, line: Line) -> Line | None:
        """The statement with the names that are used; None where none is."""
        is_package = self.source.path.endswith(("__init__.py", ".pyi"))
        if is_package or line.section == 0 or _KEPT.search(line.behind) or _KEPT.search(line.text):
            return line
        kept: list[tuple[str, str]] = []
        for name, alias in line.names:
            if alias == name or self.is_used(alias or name.split(".")[0], name):
                kept.append((name, alias))
            elif self.is_harmless(line) or self.also_doubts:
                self.notes.append(f"removed, because nothing uses it: {alias or name}")
            else:
                kept.append((name, alias))
                self.notes.append(
                    f"nothing uses {alias or name}; it stays because importing {line.module} may do something "
                    "(--uncertain change removes it)"
                )
        if len(kept) == len(line.names):
            return line
        return replace(line, names=tuple(kept), changed=True) if kept else None

    def is_harmless(self, line: Line) -> bool:
        """Whether importing it surely does nothing else."""
        return line.section == 1 and line.module.split(".")[0] not in _WITH_EFFECT

    def is_used(self, local: str, name: str) -> bool:
        """Whether this file or another uses a name that an import binds."""
        scope = self.module.scope
        if any(use.role != "import" for use in self.module.uses_of(local, scope)):
            return True
        word = re.compile(rb"(?<!\w)" + re.escape(local.encode()) + rb"(?!\w)")
        for match in word.finditer(self.source.utf8):  # in a doctest, in an annotation, in __all__
            node = scope.node.descendant_for_byte_range(match.start(), match.end())
            if node is not None and node.type == "string_content":
                return True
        return any(self.is_taken_by(source.path, module, local) for source, module in self.modules.mentioning(local))

    def is_taken_by(self, path: str, module: Module, local: str) -> bool:
        if path == self.source.path:
            return False
        for item in module.imports:
            if item.name in (local, "*"):
                meant = self.modules.meant_by(item, path)
                if meant is not None and meant.path == self.source.path:
                    return True
        return any(
            one.name == local
            and self.modules.module_of(one.owner, module, path, one.scope) == self.source.path
            for one in module.attributes
        )  # fmt: skip

    # --- text -------------------------------------------------------------------------------------------------------

    def render(self, line: Line) -> str:
        """A statement, as it was written where it says the same."""
        names = sorted(line.names, key=_name_order)
        behind = f"  {line.behind}" if line.behind else ""
        if not line.is_from:
            name, alias = line.names[0]
            return f"{line.above}import {_named(name, alias)}{behind}"
        if not line.changed and (list(line.names) == names or "#" in line.text):
            return f"{line.above}{line.text}{behind}"
        listed = ", ".join(_named(*one) for one in names)
        short = f"from {line.module} import {listed}"
        if len(short) <= self.width and not re.search(r",\s*\)\s*$", line.text):
            return f"{line.above}{short}{behind}"
        rows = "".join(f"    {_named(*one)},\n" for one in names)
        return f"{line.above}from {line.module} import ({behind}\n{rows})"


def _split(line: Line) -> list[Line]:
    """`import a, b` as two statements."""
    if line.is_from or len(line.names) == 1:
        return [line]
    first, *rest = line.names
    made = [replace(line, module=first[0], names=(first,), changed=True)]
    return [*made, *(replace(line, module=one[0], names=(one,), above="", changed=True) for one in rest)]


def _merge(lines: list[Line]) -> list[Line]:
    """Statements that take from the same module as one, and what is said twice once."""
    merged: list[Line] = []
    for line in lines:
        last = merged[-1] if merged else None
        same = last is not None and (last.is_from, last.module, last.section) == (
            line.is_from, line.module, line.section
        )  # fmt: skip
        if last is None or not same or line.above or line.behind or last.behind or "#" in line.text + last.text:
            merged.append(line)
        elif line.is_from:
            names = tuple(dict.fromkeys([*last.names, *line.names]))
            merged[-1] = replace(last, names=names, changed=True)
        elif line.names != last.names:
            merged.append(line)
    return merged


def _order(line: Line) -> tuple[object, ...]:
    dots = len(line.module) - len(line.module.lstrip("."))
    return line.section, line.is_from, -dots, line.module.lower(), line.module, line.names[0][1]


def _name_order(pair: tuple[str, str]) -> tuple[object, ...]:
    """Constants, then classes, then others, as isort has it by default."""
    name, alias = pair
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name, alias


def _named(name: str, alias: str) -> str:
    return f"{name} as {alias}" if alias else name


def _width(sources: Sources) -> int:
    """The width of lines that the project wants."""
    if not sources.engine.paths.has("pyproject.toml"):
        return USUAL_WIDTH
    found = re.search(rb"(?m)^line[-_]length\s*=\s*(\d{2,3})", sources.engine.paths.read("pyproject.toml"))
    return int(found[1]) if found else USUAL_WIDTH
