"""Move: a function, a class or a variable of a Python file goes to another file with its imports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Doubt, Edit, Place, Plan, apply_edits, to_changes
from aiex.jobs.refactoring.modules import Modules
from aiex.jobs.refactoring.pointing import Spot
from aiex.jobs.refactoring.pyrename import Binding, find_dynamic, rename_spread
from aiex.jobs.refactoring.rename import find_target
from aiex.jobs.refactoring.scopes import Module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.jobs.refactoring.nodes import Node
    from aiex.jobs.refactoring.scopes import Imported, Use
    from aiex.jobs.refactoring.sources import Source, Sources

_IMPORTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
_PLACEHOLDER = "_a_name_that_nobody_has_taken_0"
_OF_FILE = frozenset({"__name__", "__file__", "__package__", "__spec__"})


def move(sources: Sources, spot: Spot, destination: str) -> Plan:
    """Plan a move of something at the top level of a file.

    Raises:
        UsageError: if it is not at the top level, the other file has its name or another meaning for one that it needs,
            or both files would import each other.
    """
    modules = Modules(sources)
    target = find_target(modules, spot)
    if not isinstance(target, Binding) or target.scope.kind != "module":
        raise UsageError("only what stands at the top level of a file can be moved")
    if target.path == destination:
        raise UsageError(f"{target.name} is in {printable_path(destination)} already")
    return _Move(modules, target, destination).plan()


class _Move:
    def __init__(self, modules: Modules, target: Binding, destination: str) -> None:
        self.modules = modules
        self.sources = modules.sources
        self.target = target
        self.name = target.name
        self.destination = destination
        self.origin = modules.require(target.path)
        self.source = self.sources.read(target.path)
        self.is_new = not self.sources.exists(destination)
        self.other: Module | None = None if self.is_new else modules.require(destination)
        self.edits: dict[str, list[Edit]] = {}
        self.doubts: list[Doubt] = []
        self.notes: list[str] = []
        self.node = self._statement()

    # --- what is moved ----------------------------------------------------------------------------------------------

    def _statement(self) -> Node:
        uses = [use for use in self.origin.uses_of(self.name, self.target.scope) if use.role != "read"]
        if len(uses) != 1 or uses[0].role != "bind":
            raise UsageError(f"{self.name} is bound {len(uses)} times, so no single place can move")
        node = self.origin.scope.node.descendant_for_byte_range(uses[0].start, uses[0].end)
        kinds = ("function_definition", "class_definition", "assignment")
        if node is None or node.parent is None or node.parent.type not in kinds:
            raise UsageError(f"{self.name} is no function, no class and no plain variable")
        if node.parent.type == "assignment" and node.parent.child_by_field_name("left") != node:
            raise UsageError(f"{self.name} is assigned together with others")
        at: Node = node.parent
        while at.parent is not None and at.parent.type in ("decorated_definition", "expression_statement"):
            at = at.parent
        if at.parent is None or at.parent.type != "module":
            raise UsageError(f"{self.name} is defined under a condition, and stays")
        return at

    def _holds(self, use: Use) -> bool:
        return self.node.start_byte <= use.start < self.node.end_byte

    def _span(self) -> tuple[int, int]:
        """From the comments above to the end of the last line."""
        data, children = self.source.utf8, self.origin.scope.node.named_children
        at = next(number for number, child in enumerate(children) if child.id == self.node.id)
        first = self.node
        while at > 0 and children[at - 1].type == "comment" and (
            children[at - 1].end_point[0] == first.start_point[0] - 1 and _begins_line(data, children[at - 1])
        ):  # fmt: skip
            at -= 1
            first = children[at]
        start, end = first.start_byte, data.find(b"\n", self.node.end_byte)
        end = len(data) if end < 0 else end
        rest = data[self.node.end_byte : end].strip()
        if not _begins_line(data, self.node) or (rest and not rest.startswith(b"#")):
            raise UsageError(f"{self.name} shares its line with another statement")
        return start, min(len(data), end + 1)

    # --- the plan ---------------------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        if self.other is not None and self.name in self.other.scope.bound:
            items = [item for item in self.other.imports if item.local == self.name and item.scope is self.other.scope]
            if not items or any(self.modules.meant_by(item, self.destination) != (self.target.path, self.name)
                                for item in items):  # fmt: skip
                raise UsageError(f"{printable_path(self.destination)} has a {self.name} already")
        needed, from_origin = self._needs()
        stays = self._used_by_origin()
        self._check_circle(from_origin, stays)
        start, end = self._span()
        text = self.source.utf8[start:end].decode().replace("\r\n", "\n").rstrip("\n") + "\n"
        is_kept = self._follow(stays)
        if is_kept and not stays:
            self._check_circle(from_origin, is_kept)
        self._cut(start, end, offers=stays or is_kept)
        if from_origin:
            needed.append(f"from {self._name_of(self.target.path, self.destination)} import {', '.join(from_origin)}")
        after = self._put(text, needed)
        return self._planned(after)

    def _planned(self, after: bytes) -> Plan:
        before: dict[str, bytes] = {}
        data: dict[str, bytes | None] = {}
        for path, edits in self.edits.items():
            source = self.sources.read(path)
            before[path], data[path] = source.data, source.to_bytes(apply_edits(source.utf8, edits))
        if not self.is_new:
            before[self.destination] = self.sources.read(self.destination).data
        data[self.destination] = after
        places = tuple(Place(path, self.sources.read(path).line(edit.start), "")
                       for path, edits in sorted(self.edits.items()) for edit in sorted(edits))  # fmt: skip
        done = f"move {self.name} to {printable_path(self.destination)}"
        return Plan(done, to_changes(before, data), places, tuple(sorted(self.doubts)), notes=tuple(self.notes),
                    is_whole=True)  # fmt: skip

    # --- what it needs ----------------------------------------------------------------------------------------------

    def _needs(self) -> tuple[list[str], list[str]]:
        """The imports that go along, and the names of its own file that it uses."""
        imports: dict[str, None] = {}
        own: dict[str, None] = {}
        for use in self.origin.uses:
            if not self._holds(use) or use.name == self.name:
                continue
            if use.role == "declare" and use.name in use.scope.globals:
                raise UsageError(f"{self.name} changes {use.name} of its file, and stays")
            meaning = self.origin.meaning(use)
            if meaning is None and use.name in _OF_FILE:
                self.doubts.append(
                    Doubt(self.target.path, self.source.line(use.start), f"{use.name} is that of a file")
                )
            if meaning is None and any(item.name == "*" for item in self.origin.imports):
                raise UsageError(f"{use.name} may come from an import of *", hint="import it by its name first")
            if meaning is not self.origin.scope:
                self._check_catch(use)
                continue
            item = self._import_of(use)
            if item is None:
                own[use.name] = None
                self._check_other(use.name, self.target.path, use.name)
            else:
                text = self._as_import(item)
                if text:
                    imports[text] = None
        if self._has_future() and self.is_new:
            imports = {"from __future__ import annotations": None, **imports}
        elif self._has_future() and self.other is not None and not _is_future(self.other):
            line = self.source.line(self.node.start_byte)
            self.doubts.append(
                Doubt(self.target.path, line, "its annotations are not evaluated here, and would be there")
            )
        ordered = sorted(
            imports, key=lambda line: ("__future__" not in line, line.startswith("from ."), line[:5] == "from ")
        )
        return ordered, [name for name in own if not self._is_there(name)]

    def _check_catch(self, use: Use) -> None:
        """A builtin that the other file gives another meaning."""
        if self.origin.meaning(use) is None and self.other is not None and use.name in self.other.scope.bound:
            raise UsageError(f"{use.name} means something else in {printable_path(self.destination)}")

    def _import_of(self, use: Use) -> Imported | None:
        scope = self.origin.scope
        found = [item for item in self.origin.imports if item.local == use.name and item.scope is scope]
        if not found:
            return None
        if len(scope.bound[use.name]) > len(found) or len(found) > 1:
            raise UsageError(f"{use.name} is bound in several ways in {printable_path(self.target.path)}")
        node = scope.node.descendant_for_byte_range(found[0].start, found[0].end)
        while node is not None and node.type not in _IMPORTS:
            node = node.parent
        if node is None or node.parent is None or node.parent.type != "module":
            raise UsageError(
                f"{use.name} is imported under a condition, as for type checkers",
                hint="import it at the top level first",
            )
        return found[0]

    def _as_import(self, item: Imported) -> str:
        """The import as the other file needs it; empty where that has it, or is what is imported."""
        meant = self.modules.meant_by(item, self.target.path)
        if meant is not None and meant.path == self.destination:
            if meant.name:
                return "" if meant.name == item.local else f"{item.local} = {meant.name}"
            raise UsageError(f"{self.name} uses {printable_path(self.destination)} as a module, and would be in it")
        if self.other is not None and item.local in self.other.scope.bound:
            known = [one for one in self.other.imports if one.local == item.local and one.scope is self.other.scope]
            same = known and len(self.other.scope.bound[item.local]) == len(known) and all(
                (one.name, self._absolute(one, self.destination)) == (item.name, self._absolute(item, self.target.path))
                for one in known
            )  # fmt: skip
            if not same:
                raise UsageError(f"{item.local} means something else in {printable_path(self.destination)}")
            return ""
        alias = f" as {item.local}" if item.has_alias else ""
        if not item.name:
            return f"import {item.module}{alias}"
        module = item.module
        if module.startswith("."):
            base = self.modules.meant_by(item._replace(name="*"), self.target.path)
            module = self._name_of(base.path, self.destination) if base is not None else self._absolute(
                item, self.target.path)  # fmt: skip
        return f"from {module} import {item.name}{alias}"

    def _absolute(self, item: Imported, path: str) -> str:
        """What a module is called from anywhere."""
        dots = len(item.module) - len(item.module.lstrip("."))
        if not dots:
            return item.module
        package = _package_of(path, self._has)
        kept = package[: len(package) - (dots - 1)]
        return ".".join([*kept, *filter(None, item.module[dots:].split("."))])

    def _check_other(self, name: str, path: str, original: str) -> None:
        if self.other is not None and name in self.other.scope.bound and not self._is_there(name):
            raise UsageError(f"{name} means something else in {printable_path(self.destination)}")

    def _is_there(self, name: str) -> bool:
        """Whether the other file imports a name of the first already."""
        return self.other is not None and any(
            item.local == name and self.modules.meant_by(item, self.destination) == (self.target.path, name)
            for item in self.other.imports
        )

    def _has_future(self) -> bool:
        return _is_future(self.origin)

    # --- who follows ------------------------------------------------------------------------------------------------

    def _used_by_origin(self) -> bool:
        """Whether its own file goes on using it."""
        scope = self.origin.scope
        if any(not self._holds(use) for use in self.origin.uses_of(self.name, scope)):
            return True
        found = rename_spread(self.modules, self.target, _PLACEHOLDER)
        return "listed in __all__" in {found.why[self.target.path, start] for start, _ in found.edits[self.target.path]}

    def _follow(self, stays: bool) -> bool:
        """Let other files import it from its new place; whether some still need it in the old one."""
        found = rename_spread(self.modules, self.target, _PLACEHOLDER)
        find_dynamic(found)
        self.doubts += [doubt._replace(edit=None) for doubt in found.doubts]
        keeps = False
        for path in sorted(found.edits):
            if path == self.target.path:
                continue
            module, source = self.modules.require(path), self.sources.read(path)
            taken = 0
            for item in module.imports:
                if item.name == self.name and self.modules.meant_by(item, path) == (self.target.path, self.name):
                    taken += 1
                    keeps |= not self._retarget(source, module, item)
            reasons = {found.why[path, start] for start, _ in found.edits[path]}
            keeps |= (not taken and bool(reasons & {"imported by a *"})) or "an attribute of its module" in reasons
        if keeps and not stays:
            self.notes.append(
                f"{printable_path(self.target.path)} goes on offering {self.name}, for those who ask there"
            )
        return keeps

    def _retarget(self, source: Source, module: Module, item: Imported) -> bool:
        """Change one import; whether that could be done."""
        node = module.scope.node.descendant_for_byte_range(item.start, item.end)
        while node is not None and node.type not in _IMPORTS:
            node = node.parent
        if node is None:
            return False
        names = node.children_by_field_name("name")
        if source.path == self.destination:
            if item.has_alias or item.scope is not module.scope:
                raise UsageError(f"{printable_path(source.path)} imports {self.name} in a way that is in the way")
            self._drop(source, node, names, item)
            return True
        if self._reaches(self.destination, source.path):
            return False
        alias = f" as {item.local}" if item.has_alias else ""
        line = f"from {self._name_of(self.destination, source.path)} import {self.name}{alias}"
        if len(names) == 1:
            module_name = node.child_by_field_name("module_name")
            if module_name is None:
                return False
            text = self._name_of(self.destination, source.path).encode()
            self._edit(source.path, Edit(module_name.start_byte, module_name.end_byte, text))
            return True
        self._drop(source, node, names, item)
        start = source.utf8.rfind(b"\n", 0, node.start_byte) + 1
        indent = source.utf8[start : node.start_byte].decode()
        if indent.strip():
            return False
        self._edit(source.path, Edit(start, start, f"{indent}{line}".encode() + source.line_end))
        return True

    def _drop(self, source: Source, node: Node, names: Sequence[Node], item: Imported) -> None:
        """Take one name out of an import, or the import out of the file."""
        at = next(number for number, one in enumerate(names) if one.start_byte <= item.start < one.end_byte)
        if len(names) == 1:
            start = source.utf8.rfind(b"\n", 0, node.start_byte) + 1
            end = source.utf8.find(b"\n", node.end_byte)
            if source.utf8[start : node.start_byte].strip() or source.utf8[node.end_byte : end].strip(b"\r "):
                raise UsageError(f"an import in {printable_path(source.path)} shares its line", hint="split it first")
            self._edit(source.path, Edit(start, end + 1 if end >= 0 else len(source.utf8), b""))
        elif at + 1 < len(names):
            self._edit(source.path, Edit(names[at].start_byte, names[at + 1].start_byte, b""))
        else:
            self._edit(source.path, Edit(names[at - 1].end_byte, names[at].end_byte, b""))

    def _edit(self, path: str, edit: Edit) -> None:
        self.edits.setdefault(path, []).append(edit)

    def _cut(self, start: int, end: int, *, offers: bool) -> None:
        """Take it out of its file, which imports it where it is still asked for."""
        data = self.source.utf8
        while end < len(data) and data[end : end + 1] in (b"\n", b"\r"):
            end += 1  # blank lines go along
        if end >= len(data):
            while start > 1 and data[start - 2 : start] == b"\n\n":
                start -= 1
        self._edit(self.target.path, Edit(start, end, b""))
        if offers:
            at = _import_place(self.origin, data)
            line = f"from {self._name_of(self.destination, self.target.path)} import {self.name}"
            is_reexport = not any(use.role == "read" and not self._holds(use)
                                  for use in self.origin.uses_of(self.name, self.origin.scope))  # fmt: skip
            mark = "  # noqa: F401" if is_reexport else ""
            gap = b"" if any(item for item in self.origin.imports) else self.source.line_end
            self._edit(self.target.path, Edit(at, at, f"{line}{mark}".encode() + self.source.line_end + gap))

    def _put(self, text: str, needed: list[str]) -> bytes:
        """The other file with it."""
        if self.is_new:
            head = "\n".join(needed)
            return (f"{head}\n\n\n{text}" if head else text).replace("\n", self.source.line_end.decode()).encode()
        source, other = self.sources.read(self.destination), self.modules.require(self.destination)
        data = source.utf8
        edits = self.edits.pop(self.destination, [])
        at = _import_place(other, data)
        if needed:
            gap = "" if other.imports else "\n"
            edits.append(_ended(at, "".join(f"{line}\n" for line in needed) + gap, source))
        early = [
            use for use in other.uses_of(self.name, other.scope) if use.role == "read" and use.scope is other.scope
        ]
        if early:
            edits.append(_ended(at, f"\n\n{text}\n", source))
        else:
            missing = "" if not data or data.endswith(b"\n") else "\n"
            edits.append(_ended(len(data), f"{missing}\n\n{text}" if data.strip() else text, source))
        return source.to_bytes(apply_edits(data, _joined(edits)))

    # --- names of modules, and circles ------------------------------------------------------------------------------

    def _has(self, path: str) -> bool:
        return self.sources.engine.paths.has(path) or path == self.destination

    def _name_of(self, path: str, seen_from: str) -> str:
        """What a file is called in an import of another: relative where the other has it so, else absolute."""
        module = self.modules.find(seen_from) if seen_from != self.destination or not self.is_new else None
        style = module if module is not None else self.origin
        dotted, package = _module_name(path, self._has), _package_of(seen_from, self._has)
        is_relative = any(item.module.startswith(".") for item in style.imports)
        if is_relative and package and dotted[:1] == package[:1]:
            shared = 0
            while shared < min(len(package), len(dotted)) and package[shared] == dotted[shared]:
                shared += 1
            return "." * (len(package) - shared + 1) + ".".join(dotted[shared:])
        for item in style.imports:  # as others call files beside it, where folders are no packages
            meant = self.modules.meant_by(item, seen_from) if item.module and not item.module.startswith(".") else None
            if meant is not None and meant.path == path and item.name and meant.name:
                return item.module
        return ".".join(dotted)

    def _reaches(self, start: str, goal: str) -> bool:
        """Whether a file imports another, perhaps through others."""
        seen: set[str] = set()
        todo = [start]
        while todo:
            path = todo.pop()
            if path == goal:
                return True
            if path in seen or (path == self.destination and self.is_new):
                continue
            seen.add(path)
            module = self.modules.find(path)
            for item in module.imports if module is not None else ():
                meant = self.modules.meant_by(item, path)
                is_dropped = path == self.destination and item.name == self.name
                if meant is not None and not is_dropped:
                    todo.append(meant.path)
        return False

    def _check_circle(self, from_origin: list[str], offers: bool) -> None:
        here, there = printable_path(self.target.path), printable_path(self.destination)
        if offers and from_origin:
            names = ", ".join(from_origin)
            raise UsageError(f"{here} and {there} would import each other, for {names}", hint="move those first")
        if offers and self._reaches(self.destination, self.target.path):
            raise UsageError(f"{there} imports {here}, which would import {self.name} from it")
        if from_origin and self._reaches(self.target.path, self.destination):
            raise UsageError(f"{here} imports {there}, which would import {', '.join(from_origin)} from it")


def _joined(edits: list[Edit]) -> list[Edit]:
    """Several insertions at one place as one, in their order."""
    found: dict[tuple[int, int], Edit] = {}
    for edit in edits:
        key = edit.start, edit.end
        is_more = key in found and edit.start == edit.end
        found[key] = Edit(*key, found[key].text + edit.text) if is_more else edit
    return list(found.values())


def _ended(at: int, text: str, source: Source) -> Edit:
    return Edit(at, at, text.replace("\n", source.line_end.decode()).encode())


def _begins_line(data: bytes, node: Node) -> bool:
    return not data[data.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte].strip()


def _is_future(module: Module) -> bool:
    return any(item.module == "__future__" and item.name == "annotations" for item in module.imports)


def _import_place(module: Module, data: bytes) -> int:
    """Behind the first run of imports, else behind the docstring and the comments at the top."""
    at, has_import = 0, False
    for child in module.scope.node.named_children:
        is_text = child.type == "expression_statement" and child.named_children[:1] and (
            child.named_children[0].type == "string"
        )  # fmt: skip
        if child.type in _IMPORTS:
            has_import = True
        elif child.type == "comment" and (has_import or at):
            continue
        elif not (child.type == "comment" and child.start_point[0] < 3) and not (is_text and not has_import):
            break
        end = data.find(b"\n", child.end_byte)
        at = len(data) if end < 0 else end + 1
    return at


def _module_name(path: str, has: object) -> list[str]:
    package = _package_of(path, has)
    stem = re.sub(r"\.pyi?$", "", path.rpartition("/")[2])
    return package if stem == "__init__" else [*package, stem]


def _package_of(path: str, has: object) -> list[str]:
    """The packages around a file, outermost first: the folders with an `__init__.py`."""
    assert callable(has)  # noqa: S101
    words: list[str] = []
    folder = path.rpartition("/")[0]
    while folder and has(f"{folder}/__init__.py"):
        words.insert(0, folder.rpartition("/")[2])
        folder = folder.rpartition("/")[0]
    return words
