"""Changes a piece of one file: old text becomes new text, where the old text stands exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.arguments import fit
from aiex.agent.tools import Kind, Plan
from aiex.errors import ToolError

if TYPE_CHECKING:
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
        },
        "required": ["path", "old", "new"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Find the old text and put the new in its place, in memory."""
        from aiex.agent.editing import plan_edit
        from aiex.agent.edits import Change, FileWish

        said = fit(arguments, self.parameters)
        if not said["old"]:
            raise ToolError("old is empty", hint="write makes a new file; to insert, repeat a line that is there")
        change = Change(said["old"], said["new"], is_lines=False, replace_all=said.get("all", False))
        return plan_edit("edit", [FileWish(said["path"], "change", (change,))], kit)


TOOL = Edit()
