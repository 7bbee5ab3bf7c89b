"""Sends a smaller loop on an errand: it has its own conversation, and comes back with a report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.errors import ToolError

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.events import Event


class Task:
    """The tool."""

    kind: Final[Kind] = "run"
    parameters: Final[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "all it needs to know, and what to report"},
            "role": {"type": "string", "enum": ["look", "work"]},
            "max_turns": {"type": "integer"},
        },
        "required": ["task"],
        "additionalProperties": False,
    }

    def offered(self, kit: Kit) -> bool:
        """Only to who may send somebody."""
        return kit.delegate is not None

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Who is sent, and what for."""
        from aiex.agent.kit import Errand

        delegate = kit.delegate
        if delegate is None:
            raise ToolError("an errand sends nobody on errands", hint="do it yourself, or say what is left")
        if not arguments["task"].strip():
            raise ToolError("the task is empty", hint="say what to find out or to do, and what to report")
        errand = Errand(arguments["task"], arguments.get("role") == "work", max(arguments.get("max_turns", 0), 0))

        def act(going: Going) -> AsyncIterator[Event | Answer]:
            return delegate(errand, going.call_id)

        return Plan(f"task {arguments['task']}", act)


TOOL = Task()
