"""A refactoring by a model: a target and a goal in words, in steps that can be undone, or as a patch alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.prompting import load_prompt
from aiex.jobs.target import STDIN, parse_target
from aiex.jobs.working import Wish, require_model, work_or_show
from aiex.messages import Document, Text

if TYPE_CHECKING:
    from aiex.agent.kit import Person, Step
    from aiex.events import Event
    from aiex.jobs.working import Hirer

MOST_BYTES = 2_000_000
MOST_SHOWN_LINES = 600
"""Of the target; the rest the model reads by itself."""


class GoalTask(NamedTuple):
    """What is to be refactored, and what for."""

    target: str
    goal: str
    base: str
    """The directory that the target is relative to, absolute."""
    is_dry: bool = False
    """Nothing is written: the answer is the patch."""
    stdin: bytes | None = None
    """What the file of a target on standard input holds; nothing is written then either."""
    name: str = ""
    """That file."""


async def refactor_to_goal(
    task: GoalTask, hirer: Hirer, *, person: Person | None = None, step: Callable[[str], Step | None] = lambda _: None
) -> AsyncIterator[Event]:
    """Let a model refactor; the last event is the outcome, and in a dry run its answer is the patch.

    Raises:
        UsageError: if the target is not there.
        Denied, StoreError: if it cannot be read.
    """
    wish = _to_wish(task, hirer)
    async with aclosing(cast("Any", work_or_show(wish, hirer, person=person, step=step))) as events:
        async for event in events:
            yield event


def _to_wish(task: GoalTask, hirer: Hirer) -> Wish:
    from aiex.guard.redact import redact

    require_model(hirer)
    if not task.goal.strip():
        raise UsageError("the goal is empty", hint='aiex refactor FILE::Symbol --goal "what shall be better"')
    path, place, shown = _look_at(task, hirer)
    parts = (
        Document(place, "text/plain", redact(shown)),
        Text(load_prompt("refactor", target=place, goal=redact(task.goal)).strip()),
    )
    assumed = {path: task.stdin} if task.stdin is not None else {}
    is_dry = task.is_dry or task.stdin is not None
    return Wish(parts, is_dry=is_dry, must_change=True, assumed=assumed)


def _look_at(task: GoalTask, hirer: Hirer) -> tuple[str, str, str]:
    """The path relative to the workspace, the place in words, and the numbered lines that are meant."""
    text = task.name + task.target[1:] if task.stdin is not None else task.target
    target = parse_target(text, lambda path: os.path.lexists(os.path.join(task.base, path)))
    if target.path == STDIN:
        raise UsageError("standard input needs --name FILE", hint="aiex refactor - --goal TEXT --name FILE < FILE")
    path = hirer.workspace.relative(os.path.join(task.base, target.path))
    place = printable_path(str(target._replace(path=path)))
    if task.stdin is None and hirer.workspace.stat(path, follow_links=True).kind == "dir":
        return path, place, f"{place} is a directory."
    data = task.stdin if task.stdin is not None else hirer.workspace.read(path, limit_bytes=MOST_BYTES)
    lines = data.decode("utf-8", "replace").splitlines()
    first, last = (target.start_line, target.end_line or target.start_line) if target.start_line else (1, len(lines))
    shown = lines[first - 1 : min(last, first - 1 + MOST_SHOWN_LINES)]
    return path, place, "\n".join(f"{number:5}\t{line}" for number, line in enumerate(shown, first))
