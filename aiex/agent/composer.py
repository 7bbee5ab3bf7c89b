"""Makes the requests of a loop: one beginning for all of them, and behind it what the log says was said."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiex import plugins
from aiex.agent.tools import ROOM
from aiex.messages import Text, ToolDefinition
from aiex.sessions.requests import project_request
from aiex.templates import fill_template, read_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiex.agent.tools import Tool
    from aiex.messages import Part, Request
    from aiex.sessions.state import SessionState


class Composer:
    """Of one run: what it says first and which tools it offers never change, so each request begins
    with the one before.

    Args:
        model: As `provider/model`.
        system: What is said first.
        tools: By name.
        session: Its requests share their beginning.
    """

    def __init__(self, model: str, system: Iterable[Part], tools: Mapping[str, Tool], session: str) -> None:
        self._model = model
        self._system = tuple(system)
        self._definitions = tuple(define(name, tools[name]) for name in sorted(tools))
        self._session = session

    def compose(self, state: SessionState, *, at_seq: int | None = None) -> Request:
        """The request that goes on with a conversation, or with it as it was behind an event.

        Cost: that of `project_request`.
        """
        return project_request(
            state,
            model=self._model,
            system=self._system,
            tools=self._definitions,
            at_seq=at_seq,
            cache_key=self._session,
        )

    def compose_data(self, state: SessionState, schema: Mapping[str, Any]) -> Request:
        """The same, where the answer has to fit a schema and no tool runs any more."""
        return replace(self.compose(state), response_schema=schema, tool_choice="none")


def load_tools(names: Iterable[str] = ()) -> dict[str, Tool]:
    """The tools of the house, or those of some names, by name; each is imported."""
    return {name: plugins.load(ROOM, name, offers="TOOL").TOOL for name in sorted(names or plugins.names(ROOM))}


def define(name: str, tool: Tool) -> ToolDefinition:
    """A tool as the model sees it."""
    words = read_words(os.path.join(plugins.folder(ROOM), f"{name.replace('-', '_')}.md"))
    return ToolDefinition(name, words, tool.parameters)


def load_words(name: str, **values: str) -> str:
    """The words `prompts/<name>.md` with their variables filled in."""
    return fill_template(os.path.join(os.path.dirname(__file__), "prompts", f"{name}.md"), **values).strip()


def introduce(*, root: str, platform: str, today: str, instructions: str = "", skills: str = "") -> tuple[Part, ...]:
    """What is said first: who the model is here, where it works, and what the project wants of it."""
    said = [load_words("system"), load_words("place", root=root, platform=platform, today=today)]
    return tuple(Text(text) for text in (*said, instructions, skills) if text)
