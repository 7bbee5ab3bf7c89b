"""Gathers the code that a task needs, from all over the repository, within a number of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.windows import MOST_CHARACTERS
from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.errors import ToolError
from aiex.guard.actions import Action

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.context.gathering import Gathered
    from aiex.events import Event

TOKENS: Final = 4_000
FEWEST_TOKENS, MOST_TOKENS = 500, 12_000
LONGEST_TASK: Final = 8_000
MOST_ANSWER: Final = 2 * MOST_CHARACTERS
"""Characters: more than the most tokens of code have."""


class Context:
    """The tool."""

    kind: Kind = "look"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "task": {"type": "string"},
            "budget": {"type": "integer", "description": f"tokens, {TOKENS} unless told"},
        },
        "required": ["task"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call."""
        task = arguments["task"].encode("utf-8", "replace").decode("utf-8").replace("\0", " ").strip()
        if not task:
            raise ToolError("the task is empty", hint="say what is to be done, with the names that matter")
        budget = min(max(arguments.get("budget", TOKENS), FEWEST_TOKENS), MOST_TOKENS)

        async def act(_: Going) -> AsyncIterator[Event | Answer]:
            gathered: Gathered | None = None
            from aiex.context.gathering import Gathered, gather

            for news in gather(task[:LONGEST_TASK], kit.means.retrieval):
                if isinstance(news, Gathered):
                    gathered = news
                else:
                    yield news
                await asyncio.sleep(0)
            yield Answer("\n\n".join(filter(None, [_pack(gathered, budget), _say_held(kit)])))

        title = f"gather code for {' '.join(task.split())[:80]}"
        return Plan(title, act, (Action("read", ".", {"for": kit.means.model}),))


TOOL = Context()


def _say_held(kit: Kit) -> str:
    """Which files the code above does not show as the other tools have them."""
    from aiex.agent.looking.layers import held, name_some

    layer = held(kit)
    return f"(as it lies on disk, without what is held in memory of {name_some(layer)}: read these)" if layer else ""


def _pack(gathered: Gathered | None, budget: int) -> str:
    """The code with a map of what else may matter; what was shown in part is not taken for read."""
    from aiex.context.gathering import pack_with_map
    from aiex.tokens import estimate

    if gathered is None or not gathered.results:
        return "nothing in this workspace matches; search for words of the task, or list the directories"
    sent = pack_with_map(gathered, budget, lambda text: estimate(text).tokens)
    if sent is None:
        return f"{budget:,} tokens are too few for any of the code; allow more"
    parts = [sent.code.text, *([sent.map.text] if sent.map is not None else [])]
    text = "\n\n".join(part.strip("\n") for part in parts).encode("utf-8", "replace").decode("utf-8")
    return text.replace("\0", "\u2400")[:MOST_ANSWER]
