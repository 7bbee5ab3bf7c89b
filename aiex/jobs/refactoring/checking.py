"""What has to hold after a refactoring, looked at before anything is written."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from aiex.errors import AiexError, EditError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.context.language import Language
    from aiex.jobs.refactoring.edits import Plan

MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__builtins__",
    "__class__", "__module__", "__qualname__", "__annotations__", "__dict__", "WindowsError", "reveal_type",
})  # fmt: skip
"""Names that Python gives a file or a class by itself."""


def check_plan(plan: Plan) -> None:
    """Refuse a plan after which a file no longer parses, or a Python file uses a name that nothing defines.

    Raises:
        EditError: naming the file and the line; nothing was written.
    """
    for change in plan.changes:
        if change.after is None:
            continue
        before = _read(change.path, change.before) if change.before is not None else None
        after = _read(change.path, change.after)
        if after is None or after.language is None:
            continue
        if after.fault and not (before is not None and before.fault):
            raise EditError(
                f"{printable_path(change.path)} would no longer parse: {after.fault}",
                hint="nothing was written; this is worth a report",
            )
        if after.language.name == "python" and not after.fault:
            _check_names(before, after)


def _read(path: str, data: bytes) -> Source | None:
    try:
        return Source(path, data, _language(path, data))
    except AiexError:
        return None


def _language(path: str, data: bytes) -> Language | None:
    from aiex.context.language import HEAD_BYTES, find_language

    return find_language(path, data[:HEAD_BYTES])


def _check_names(before: Source | None, after: Source) -> None:
    known = loose_names(before) if before is not None and not before.fault else {}
    lost = {name: line for name, line in loose_names(after).items() if name not in known}
    if lost:
        name, line = min(lost.items(), key=lambda one: one[1])
        raise EditError(
            f"{printable_path(after.path)}:{line} would use {name}, which nothing defines there",
            hint="nothing was written",
        )


def loose_names(source: Source) -> Mapping[str, int]:
    """Names that a Python file uses and nothing in it binds, each with its first line; none behind a `*` import."""
    from aiex.jobs.refactoring.scopes import Module

    module = Module(source.tree.root_node, source.utf8)
    if any(item.name == "*" for item in module.imports):
        return {}
    found: dict[str, int] = {}
    for use in module.uses:
        is_given = use.name in MODULE_NAMES or hasattr(builtins, use.name)
        if use.role == "read" and not is_given and module.meaning(use) is None:
            found.setdefault(use.name, source.line(use.start))
    return found
