"""Generating by a model: the conventions that were found and the skeleton are where it starts from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from aiex.events import Warned
from aiex.guard.neutral import printable_path
from aiex.jobs import working
from aiex.jobs.generating.making import make
from aiex.jobs.prompting import load_prompt
from aiex.messages import Document, Text

if TYPE_CHECKING:
    from aiex.agent.kit import Person, Step
    from aiex.context.engine import Engine
    from aiex.events import Event
    from aiex.jobs.generating.making import Wish
    from aiex.jobs.generating.model import Brief
    from aiex.jobs.working import Hirer
    from aiex.messages import Part


async def generate_for_goal(
    wish: Wish,
    goal: str,
    *,
    engine: Engine,
    hirer: Hirer,
    person: Person | None = None,
    step: Callable[[str], Step | None] = lambda _: None,
    is_dry: bool = False,
) -> AsyncIterator[Event]:
    """Let a model make it; the last event is the outcome, and in a dry run its answer is the patch.

    Raises:
        UsageError: if nothing can be made of the wish.
        Conflict: if a file that it would make is there.
        Denied, StoreError: as `make`.
    """
    working.require_model(hirer)
    brief = make(wish, engine, hirer.workspace)
    for message, hint in brief.warnings:
        yield Warned(message, hint)
    to_do = working.Wish(tuple(_to_parts(brief, wish, goal)), is_dry=is_dry, must_change=True)
    async with aclosing(cast("Any", working.work_or_show(to_do, hirer, person=person, step=step))) as events:
        async for event in events:
            yield event


def _to_parts(brief: Brief, wish: Wish, goal: str) -> list[Part]:
    from aiex.guard.redact import redact

    rows = [f"- {one.name}: {one.value} ({one.evidence})" for one in brief.conventions]
    rows += [f"- the tests run with: {brief.run}"] if brief.run else []
    parts: list[Part] = [Document("conventions of the project", "text/markdown", "\n".join(rows))]
    for draft in brief.drafts:
        state = "a skeleton of the new file" if draft.before is None else "the file with a skeleton in it"
        text = redact(draft.after.decode("utf-8", "replace"))
        parts.append(Document(f"{printable_path(draft.path)}: {state}", "text/plain", text))
    said = load_prompt("generate", wish=redact(str(wish)), goal=redact(goal))
    return [*parts, Text(said.strip())]
