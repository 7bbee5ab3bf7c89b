"""Writes a whole file, new or in the place of one that was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.paths import require_path
from aiex.agent.tools import Kind, Plan

if TYPE_CHECKING:
    from aiex.agent.kit import Kit


class Write:
    """The tool."""

    kind: Final[Kind] = "change"
    parameters: Final[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """The file as it would be, in memory."""
        from aiex.agent.editing import plan_edit
        from aiex.agent.edits import FileWish

        require_path(arguments["path"])
        return plan_edit("write", [FileWish(arguments["path"], "write", content=arguments["content"])], kit)


TOOL = Write()
