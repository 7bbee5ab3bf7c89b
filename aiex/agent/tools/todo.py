"""Keeps the list of what is to be done, which people and the model read alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.tools import Answer, Kind, Plan, telling
from aiex.errors import ToolError

if TYPE_CHECKING:
    from aiex.agent.kit import Kit

STATES: Final = ("open", "doing", "done")
MOST_ITEMS: Final = 100
LONGEST_CHARS: Final = 500
_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "state": {"type": "string", "enum": list(STATES)}},
                "required": ["text", "state"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["items"],
    "additionalProperties": False,
}


class Todo:
    """The tool."""

    kind: Kind = "talk"
    parameters = _PARAMETERS

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """The new list."""
        items = _read_items(arguments["items"])

        def act() -> Answer:
            kit.todo[:] = items
            return Answer(_in_short(items))

        return Plan(f"todo: {_in_short(items)}", telling(act))


TOOL: Final = Todo()


def _read_items(rows: Sequence[Any]) -> list[tuple[str, str]]:
    if len(rows) > MOST_ITEMS:
        raise ToolError(f"the list has {len(rows)} items, more than {MOST_ITEMS}", hint="join what belongs together")
    return [_read_item(row) for row in rows]


def _read_item(row: Any) -> tuple[str, str]:
    text, state = (row.get("text"), row.get("state", "open")) if isinstance(row, Mapping) else (row, "open")
    if not isinstance(text, str) or not text.strip() or state not in STATES:
        raise ToolError("an item is a text and a state", hint='{"text": "write the test", "state": "open"}')
    if len(text) > LONGEST_CHARS:
        raise ToolError(f"an item has {len(text)} characters, more than {LONGEST_CHARS}", hint="say it shorter")
    return " ".join(text.split()), state


def _in_short(items: Sequence[tuple[str, str]]) -> str:
    """How far it is, and what is worked on."""
    if not items:
        return "nothing to do"
    counts = Counter(state for _, state in items)
    doing = [text for text, state in items if state == "doing"]
    said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    return f"{said}; now: {'; '.join(doing)}" if doing else said
