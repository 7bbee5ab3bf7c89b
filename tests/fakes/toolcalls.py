"""Calls of tools as the loop makes them, without a loop: planned, admitted, done, with what came of it on record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiex.agent.arguments import fit
from aiex.agent.kit import Kit
from aiex.agent.tools import Answer, Going, Tool
from aiex.events import Event, FileEdited, ToolWrote
from aiex.guard.passage import Passage
from aiex.jobs.stepping import Step
from aiex.wiring import Services


@dataclass
class Called:
    """What a call told."""

    answer: Answer
    events: list[Event] = field(default_factory=list)
    passages: tuple[Passage, ...] = ()

    @property
    def text(self) -> str:
        return self.answer.text

    @property
    def written(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ToolWrote))

    @property
    def edited(self) -> list[tuple[str, str]]:
        return [(event.path, event.change) for event in self.events if isinstance(event, FileEdited)]

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


async def call(tool: Tool, kit: Kit, call_id: str = "c1", **arguments: Any) -> Called:
    """A call to its end; errors are raised."""
    called = Called(Answer(""))
    async for told in begin(tool, kit, arguments, called, call_id):
        if isinstance(told, Answer):
            called.answer = told
        else:
            called.events.append(told)
    return called


async def begin(
    tool: Tool, kit: Kit, arguments: Mapping[str, Any], called: Called, call_id: str = "c1"
) -> AsyncIterator[Event | Answer]:
    """A call as it goes on."""
    plan = tool.plan(fit(arguments, tool.parameters), kit)
    gate = kit.means.gate
    with ExitStack() as stack:
        admitted = [await gate.admit(action) for action in plan.actions]
        called.passages = tuple(stack.enter_context(gate.passing(one)) for one in admitted)
        async for told in plan.act(Going(call_id, called.passages)):
            yield told


@asynccontextmanager
async def open_kit(root: Path, *overrides: str, mode: str = "bypass", **how: Any) -> AsyncIterator[Kit]:
    """The things of a run in a workspace, with steps that take checkpoints; left at the end."""
    services = Services(str(root), overrides=[f"policy.mode={mode}", *overrides])
    kit = Kit(services, step=lambda reason: Step(services.checkpoints, reason), **how)
    try:
        yield kit
    finally:
        await kit.leave()
        services.close()
