"""Asks the person something that only they can decide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.errors import ToolError

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.events import Event

MOST_OPTIONS: Final = 10
LONGEST_CHARS: Final = 4_000
NOBODY: Final = "nobody is there to answer: decide yourself, and say at the end what you decided and why"
_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "question": {"type": "string"},
        "options": {"type": "array", "items": {"type": "string"}, "description": "what they may choose from"},
    },
    "required": ["question"],
    "additionalProperties": False,
}


class Ask:
    """The tool."""

    kind: Kind = "talk"
    parameters = _PARAMETERS

    def offered(self, kit: Kit) -> bool:
        """Only where somebody can answer."""
        return kit.person is not None

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """The question."""
        question, options = arguments["question"].strip(), [*arguments.get("options", ())]
        if not question or not all(isinstance(option, str) and option.strip() for option in options):
            raise ToolError("a question is a text, and so is each of its options")
        if len(options) > MOST_OPTIONS or len(question) + sum(map(len, options)) > LONGEST_CHARS:
            raise ToolError(f"at most {MOST_OPTIONS} options and {LONGEST_CHARS:,} characters", hint="ask for less")

        async def act(_: Going) -> AsyncIterator[Event | Answer]:
            if kit.person is None:
                yield Answer(NOBODY)
                return
            said = await kit.person.answer(question, options)
            yield Answer(said.strip() if said and said.strip() else NOBODY)

        return Plan(f"ask {question.splitlines()[0]}", act, preview="\n".join([question, *options]))


TOOL: Final = Ask()
