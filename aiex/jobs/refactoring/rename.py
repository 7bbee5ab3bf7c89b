"""Rename: from a place in a file to everything that has to change with it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Change, Edit, Plan, apply_edits, to_changes
from aiex.jobs.refactoring.modules import ENDINGS, PYTHON, Meant, Modules, find_scope, names_to
from aiex.jobs.refactoring.pointing import Spot, offset_of
from aiex.jobs.refactoring.pymembers import owner_class, rename_member
from aiex.jobs.refactoring.pyrename import (
    Binding,
    Found,
    check_name,
    is_builtin,
    mentions_of,
    rename_binding,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.jobs.refactoring.scopes import Module, Scope, Use
    from aiex.jobs.refactoring.sources import Sources

Target = Binding | tuple[Meant, str]
"""A name of a scope; or a class and the name of what belongs to it."""


def rename(sources: Sources, spot: Spot, new: str, *, also_doubts: bool = False) -> Plan:
    """Plan a rename.

    Args:
        also_doubts: Change the uncertain places as well.

    Raises:
        UsageError: if there is nothing of this name, the new name cannot be had, or a file cannot be read as code.
    """
    source = sources.read(spot.path)
    if source.language is None:
        raise UsageError(f"cannot refactor {printable_path(spot.path)}: its language is not known")
    if source.language.name != PYTHON:
        from aiex.jobs.refactoring.identifiers import rename_identifier

        return rename_identifier(sources, spot, new, also_doubts=also_doubts)
    check_name(new)
    modules = Modules(sources)
    target = find_target(modules, spot)
    old = target.name if isinstance(target, Binding) else target[1]
    if old == new:
        raise UsageError(f"it is called {new} already")
    if isinstance(target, Binding):
        found = rename_binding(modules, target, new)
    else:
        (path, dotted), name = target
        found = rename_member(modules, path, dotted, name, new)
    return _plan(found, also_doubts=also_doubts)


def _plan(found: Found, *, also_doubts: bool) -> Plan:
    sources = found.modules.sources
    edits = {path: list(known.values()) for path, known in found.edits.items()}
    for doubt in found.doubts if also_doubts else ():
        if doubt.edit is not None:
            edits.setdefault(doubt.path, []).append(doubt.edit)
    changes = change_all(sources, edits)
    skipped = tuple(
        f"not looked into: {printable_path(path)} ({why})"
        for path, why in sorted(sources.skipped.items())
        if path.endswith(ENDINGS)
    )
    unlisted = tuple(
        f"{printable_path(path)} is ignored by the repository, so files that import it were not looked for"
        for path in sorted(found.edits)
        if path not in sources.engine.paths.known and path not in sources.given
    )
    done = f"rename {found.old} to {found.new}"
    return Plan(
        done,
        changes,
        found.places(),
        tuple(sorted(found.doubts)),
        mentions_of(found),
        (*found.notes, *unlisted, *skipped),
    )


def change_all(sources: Sources, edits: Mapping[str, Sequence[Edit]]) -> tuple[Change, ...]:
    """The files with their edits applied, in the encoding that each has."""
    after: dict[str, bytes | None] = {}
    for path, some in edits.items():
        source = sources.read(path)
        after[path] = source.to_bytes(apply_edits(source.utf8, some))
    return to_changes({path: sources.read(path).data for path in after}, after)


# --- what is meant --------------------------------------------------------------------------------------------------


def find_target(modules: Modules, spot: Spot) -> Target:
    """What a person points at. Raises UsageError, with the nearest names."""
    module = modules.require(spot.path)
    if spot.symbol:
        return _follow(modules, spot.path, module, _by_symbol(spot, module))
    if not spot.start_line:
        raise UsageError(
            f"{printable_path(spot.path)} names a whole file", hint=f"write {printable_path(spot.path)}::NAME"
        )
    source = modules.sources.read(spot.path)
    start = offset_of(source, spot)
    if spot.column:
        return _at(modules, spot, module, start)
    return _on_line(modules, spot, module, start)


def _by_symbol(spot: Spot, module: Module) -> Target:
    outer, _, name = spot.symbol.rpartition(".")
    scope = find_scope(module, outer) if outer else module.scope
    if scope is None:
        raise _unknown(spot, module)
    if name in scope.bound:
        return _of(spot.path, scope, name)
    if scope.kind == "class" and any(
        item.name == name and owner_class(item, module) is scope for item in module.attributes
    ):
        return Meant(spot.path, outer), name
    raise _unknown(spot, module)


def _of(path: str, scope: Scope, name: str) -> Target:
    return (Meant(path, ".".join(names_to(scope))), name) if scope.kind == "class" else Binding(path, scope, name)


def _at(modules: Modules, spot: Spot, module: Module, start: int) -> Target:
    """What stands at a column."""
    use = next((use for use in module.uses if use.start <= start <= use.end), None)
    if use is not None:
        return _follow(modules, spot.path, module, _meant(spot, module, use))
    item = next((item for item in module.attributes if item.start <= start <= item.end), None)
    if item is None:
        raise UsageError(f"no name of the program stands at {spot}", hint="point at the first letter of a name")
    owner = owner_class(item, module)
    if owner is not None:
        return Meant(spot.path, ".".join(names_to(owner))), item.name
    path = modules.module_of(item.owner, module, spot.path, item.scope)
    inner = modules.find(path) if path else None
    if path and inner is not None and item.name in inner.scope.bound:
        return _follow(modules, path, inner, Binding(path, inner.scope, item.name))
    found = modules.find_class(item.owner, module, spot.path, item.scope)
    if found is not None:
        return found, item.name
    raise UsageError(
        f"nothing says of what class {module.text(item.owner)[:40]} at {spot} is",
        hint=f"point at the definition of {item.name}",
    )


def _on_line(modules: Modules, spot: Spot, module: Module, start: int) -> Target:
    """The one name that a line binds."""
    end = module.source.find(b"\n", start)
    end = len(module.source) if end < 0 else end
    bound = [use for use in module.uses if start <= use.start < end and use.role in ("bind", "import")]
    heads = [use for use in bound if _defines(module, use)] or bound
    if len({(use.name, id(use.scope)) for use in heads}) == 1:
        return _follow(modules, spot.path, module, _meant(spot, module, heads[0]))
    if heads:
        names = ", ".join(sorted({use.name for use in heads}))
        raise UsageError(
            f"line {spot.start_line} binds several names: {names}", hint="add the column: FILE:LINE:COLUMN"
        )
    members = {item.name: owner_class(item, module) for item in module.attributes
               if start <= item.start < end and item.is_bound}  # fmt: skip
    if len(members) == 1:
        name, owner = members.popitem()
        if owner is not None:
            return Meant(spot.path, ".".join(names_to(owner))), name
    raise UsageError(f"line {spot.start_line} of {printable_path(spot.path)} defines nothing",
                     hint="point at a definition, or add the column: FILE:LINE:COLUMN")  # fmt: skip


def _defines(module: Module, use: Use) -> bool:
    node = module.scope.node.descendant_for_byte_range(use.start, use.end)
    above = node.parent if node is not None else None
    return above is not None and above.type in ("function_definition", "class_definition")


def _meant(spot: Spot, module: Module, use: Use) -> Target:
    scope = module.meaning(use)
    if scope is None:
        what = "is built into Python" if is_builtin(use.name) else "is not defined in this file"
        raise UsageError(f"{use.name} at {spot} {what}", hint="point at its definition")
    return _of(spot.path, scope, use.name)


def _follow(modules: Modules, path: str, module: Module, target: Target) -> Target:
    """Through an import of this workspace to what it brings in."""
    for _ in range(20):
        if not isinstance(target, Binding):
            return target
        bound, scope = target.name, target.scope
        item = next((item for item in module.imports if item.local == bound and item.scope is scope), None)
        if item is None or item.has_alias:
            return target
        meant = modules.meant_by(item, path)
        if meant is None:
            return target
        if not meant.name:
            raise UsageError(
                f"{target.name} is the module {printable_path(meant.path)}", hint="renaming a module is not done yet"
            )
        inner = modules.require(meant.path)
        if meant.name not in inner.scope.bound:
            return target
        path, module, target = meant.path, inner, Binding(meant.path, inner.scope, meant.name)
    return target


def _unknown(spot: Spot, module: Module) -> UsageError:
    from aiex.jobs.refactoring.modules import walk_scopes

    known = {".".join([*names_to(scope), name]) for scope in walk_scopes(module.scope) for name in scope.bound}
    near = difflib.get_close_matches(spot.symbol, sorted(known), 1, 0.6)
    last = spot.symbol.rpartition(".")[2]
    near = near or sorted(name for name in known if name.rpartition(".")[2] == last)[:3]
    hint = f"did you mean {' or '.join(near)}?" if near else f"aiex explain {printable_path(spot.path)} lists what is"
    return UsageError(f"there is no {printable_path(spot.symbol)} in {printable_path(spot.path)}", hint=hint)
