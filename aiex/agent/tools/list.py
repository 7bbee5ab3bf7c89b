"""Lists what is in a directory, as far as it belongs to the repository."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.globs import Matches, compile_glob
from aiex.agent.looking.paths import read_action, show
from aiex.agent.looking.walking import list_names
from aiex.agent.looking.windows import MOST_CHARACTERS
from aiex.agent.tools import Answer, Kind, Plan, telling
from aiex.errors import ToolError
from aiex.guard.sandbox.files import Missing, NotADirectory

if TYPE_CHECKING:
    from aiex.agent.kit import Kit

MOST_NAMES: Final = 400
"""Shown in one answer; the others are counted."""
MOST_LOOKED_AT: Final = 100_000
"""Names that are looked at for one answer; there may be more."""
DEEPEST: Final = 64


class List:
    """The tool."""

    kind: Kind = "look"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "glob": {"type": "string", "description": "files only, such as *.py or src/**/*.ts"},
            "depth": {"type": "integer", "description": "1 unless told; with glob any"},
        },
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call."""
        glob = arguments.get("glob", "").strip()
        depth = arguments.get("depth", DEEPEST if glob else 1)
        if depth < 1:
            raise ToolError(f"depth is {depth}; it has to be at least 1")
        matches = compile_glob(glob) if glob else None
        action = read_action(arguments.get("path") or ".", kit)
        path = action.subject
        title = f"list {path}{f' {glob}' if glob else ''}"
        return Plan(title, telling(lambda: _answer(kit, path, matches, min(depth, DEEPEST))), (action,))


TOOL = List()


def _answer(kit: Kit, path: str, matches: Matches | None, depth: int) -> Answer:
    _require_directory(kit, path)
    looked_at = list(islice(list_names(kit, path, depth), MOST_LOOKED_AT + 1))
    is_all = len(looked_at) <= MOST_LOOKED_AT
    found = looked_at[:MOST_LOOKED_AT]
    if matches is not None:
        top = 0 if path == "." else len(path) + 1
        found = [name for name in found if name[-1] != "/" and (matches(name) or matches(name[top:]))]
    return Answer(_show(path, sorted(found), is_all=is_all, is_matching=matches is not None))


def _require_directory(kit: Kit, path: str) -> None:
    try:
        kind = kit.files.stat(path, follow_links=True).kind
    except (Missing, NotADirectory) as error:
        from aiex.agent.looking.nearby import suggest

        raise ToolError(f"there is no directory {show(path)}", hint=suggest(kit.means.workspace, path)) from error
    if kind != "dir":
        raise ToolError(f"{show(path)} is no directory", hint="read shows a file")


def _show(path: str, names: list[str], *, is_all: bool, is_matching: bool) -> str:
    shown: list[str] = []
    left = MOST_CHARACTERS
    for name in names[:MOST_NAMES]:
        told = show(name)
        left -= len(told) + 1
        if left < 0:
            break
        shown.append(told)
    more = len(names) - len(shown)
    if more:
        shown.append(f"... {more:,} more; name a directory in it, or a glob")
    if not is_all:
        shown.append(f"(only the first {MOST_LOOKED_AT:,} names were looked at)")
    if not names:
        empty = f"{show(path)} is empty, or all in it is ignored"
        shown.insert(0, f"no file matches in {show(path)}" if is_matching else empty)
    return "\n".join(shown)
