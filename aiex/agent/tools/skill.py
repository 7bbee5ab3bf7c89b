"""Loads what the person or the project wrote for work of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.tools import Answer, Kind, Plan, path_actions, telling
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.agent.kit import Kit

_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


class LoadSkill:
    """The tool."""

    kind: Kind = "look"
    parameters = _PARAMETERS

    def offered(self, kit: Kit) -> bool:
        """Only where there are skills."""
        return bool(kit.skills.found)

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """What a skill says, and where its other files lie."""
        from aiex.agent.skills import FILE

        skill = kit.skills.get(arguments["name"])

        def act() -> Answer:
            body = kit.skills.load(skill)
            return Answer(f"Skill {skill.name}; its files lie in {printable_path(skill.folder)}.\n\n{body}")

        actions = () if skill.is_own else path_actions("read", [f"{skill.folder}/{FILE}"], kit.root)
        return Plan(f"skill {skill.name}", telling(act), actions)


TOOL: Final = LoadSkill()
