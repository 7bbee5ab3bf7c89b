"""Applies a patch of several files at once: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.tools import Kind, Plan

if TYPE_CHECKING:
    from aiex.agent.kit import Kit


class Patch:
    """The tool."""

    kind: Final[Kind] = "change"
    parameters: Final[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"patch": {"type": "string"}},
        "required": ["patch"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Every file as it would be, in memory."""
        from aiex.agent.editing import plan_edit
        from aiex.agent.edits import load_format

        text = arguments["patch"]
        return plan_edit("patch", load_format(format_of(text)).parse(text), kit)


def format_of(text: str) -> str:
    """The format that a patch is written in, by its marks."""
    if "*** Begin Patch" in text or "*** Update File:" in text:
        return "v4a"
    return "search_replace" if "<<<<<<< SEARCH" in text else "udiff"


TOOL = Patch()
