"""Changes a piece of one file: old text becomes new text, where the old text stands exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from aiex.agent.tools import Kind, Plan
from aiex.errors import ToolError

if TYPE_CHECKING:
    from aiex.agent.edits.symbols import Beside
    from aiex.agent.kit import Kit


class Edit:
    """The tool."""

    kind: Final[Kind] = "change"
    parameters: Final[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "old": {"type": "string", "description": "as it stands in the file, without line numbers"},
            "new": {"type": "string"},
            "all": {"type": "boolean", "description": "replace every occurrence"},
            "symbol": {"type": "string", "description": "instead of old: f, Class.method"},
            "at": {"type": "string", "enum": ["replace", "before", "after", "rename"]},
        },
        "required": ["path", "new"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Find the old text and put the new in its place, in memory."""
        from aiex.agent.editing import plan_edit
        from aiex.agent.edits import Change, FileWish

        old, symbol = arguments.get("old", ""), arguments.get("symbol", "")
        if bool(old) == bool(symbol):
            raise ToolError(
                "edit takes either old or symbol", hint="write makes a new file; to insert, repeat a line that is there"
            )
        if symbol:
            return _plan_symbol(arguments["path"], symbol, arguments.get("at", "replace"), arguments["new"], kit)
        change = Change(old, arguments["new"], is_lines=False, replace_all=arguments.get("all", False))
        return plan_edit("edit", [FileWish(arguments["path"], "change", (change,))], kit)


def _plan_symbol(path: str, symbol: str, at: str, new: str, kit: Kit) -> Plan:
    from aiex.agent.editing import plan_edit, plan_rename
    from aiex.agent.edits.symbols import change_symbol
    from aiex.agent.edits.transaction import MOST_BYTES

    if at == "rename":
        return plan_rename(path, symbol, new.strip(), kit)
    data = kit.files.read(path, limit_bytes=MOST_BYTES)
    return plan_edit("edit", [change_symbol(path, data, symbol, cast("Beside", at), new)], kit)


TOOL = Edit()
