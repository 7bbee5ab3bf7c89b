"""Runs errands: a smaller loop with its own conversation and limits, on the same files, under the same rules.

What it says stays with it; the loop that sent it hears the last words. What it does to files and asks for is told as
that loop's own, and what each of its requests used as a word of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from aiex.agent.bills import Bills
from aiex.agent.kit import Errand, Kit
from aiex.agent.loop import Loop
from aiex.agent.tools import Answer
from aiex.budget import Allotment
from aiex.events import (
    ApprovalAsked,
    ApprovalGiven,
    BudgetHit,
    CheckpointTaken,
    CheckRan,
    FailedOver,
    FileEdited,
    Retrying,
    ToolStarted,
    ToolWrote,
    UserSpoke,
    Waiting,
    Warned,
)
from aiex.messages import Text

if TYPE_CHECKING:
    from aiex.agent.loop import Closed
    from aiex.budget import Budget
    from aiex.events import Event
    from aiex.jobs.working import Hirer

LOOKING: Final = ("context", "list", "read", "search", "symbols")
"""The tools of an errand that may only look."""
WORKING: Final = (*LOOKING, "edit", "patch", "run", "skill", "todo", "write")
MOST_TURNS: Final = 30
_TOLD = (
    ApprovalAsked, ApprovalGiven, BudgetHit, CheckpointTaken, CheckRan, FailedOver, FileEdited, Retrying, Waiting,
    Warned,
)  # fmt: skip


class Errands:
    """Of one run."""

    def __init__(self, kit: Kit, hirer: Hirer, budget: Budget) -> None:
        self._kit = kit
        self._hirer = hirer
        self._budget = budget

    async def run(self, errand: Errand, call_id: str) -> AsyncGenerator[Event | Answer, None]:
        """Work on an errand; the last thing told is its answer."""
        from aiex.jobs.working import hire
        from aiex.sessions.log import EventLog
        from aiex.sessions.recorder import Recorder
        from aiex.sessions.stores.sqlite import SqliteStore

        store = SqliteStore(":memory:")
        recorder = Recorder(EventLog(store), self._hirer.session)
        kit = Kit(
            self._hirer, files=self._kit.files, step=self._kit.step, person=self._kit.person, is_dry=self._kit.is_dry
        )
        kit.rename = self._kit.rename
        budget = self._budget.part(Allotment(turns=min(errand.turns or MOST_TURNS, MOST_TURNS)))
        names = WORKING if errand.may_change else LOOKING
        crew, _ = hire(kit, self._hirer, budget, names, state=lambda: recorder.state)
        loop, bills = Loop(crew), Bills(call_id)
        try:
            recorder.record(UserSpoke((Text(errand.text),)))
            async with aclosing(loop.run()) as events:
                async for told in events:
                    recorder.record(told)
                    if used := bills.note(told):
                        yield used
                    if isinstance(told, _TOLD):
                        yield told
                    elif isinstance(told, ToolStarted):
                        yield ToolWrote(call_id, "stderr", f"{told.name} {_first(told)}\n")
        finally:
            await kit.leave()
            self._kit.news += [*kit.news, *([used] if (used := bills.close()) else [])]
            store.close()
        yield ToolWrote(call_id, "stderr", f"{bills.describe()}\n")
        yield _to_answer(loop.closed)


def _first(started: ToolStarted) -> str:
    return next((value for value in started.arguments.values() if isinstance(value, str)), "")[:100]


def _to_answer(closed: Closed) -> Answer:
    if closed.failure is None:
        return Answer(closed.answer)
    said = f"\nWhat it said last:\n{closed.answer}" if closed.answer else ""
    return Answer(f"the errand did not come to its end: {closed.failure.message}{said}", is_error=True)
