"""Runs the calls of one answer: looks beside each other, everything else in its order, each with exactly one result."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack, aclosing
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiex.agent.approvals import Granted
from aiex.agent.arguments import fit
from aiex.agent.checked import check_of
from aiex.agent.tools import Answer, Going
from aiex.errors import AiexError, BudgetEnded, Denied, ToolError
from aiex.events import ApprovalAsked, ApprovalGiven, ToolFinished, ToolStarted, ToolWrote
from aiex.guard.actions import Action, Decision
from aiex.guard.redact import Redactor, redact, redact_texts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from aiex.agent.approvals import Approvals
    from aiex.agent.kit import Kit
    from aiex.agent.tools import Plan, Tool
    from aiex.budget import Budget
    from aiex.events import Event
    from aiex.guard.passage import Admitted
    from aiex.messages import ToolCall

REACH = "built-in: what tools may reach"
"""Decides where a tool refuses a call before it has a plan."""
_MOST_SUBJECT_CHARS = 300
MOST_TEXT_CHARS = 60_000
"""Of one result; tools keep below it, and a plugin's is cut."""


class Ready(NamedTuple):
    """A call that was understood and may happen."""

    call: ToolCall
    plan: Plan
    admitted: tuple[Admitted, ...]


class Calls:
    """Of one loop.

    Args:
        kit: What the tools use.
        tools: By name.
        approvals: Says what may happen.
        budget: Counts the calls.
        append: What is said behind a result: instructions that hold where the call looked; empty for nothing.
    """

    def __init__(
        self,
        kit: Kit,
        tools: Mapping[str, Tool],
        approvals: Approvals,
        budget: Budget,
        *,
        append: Callable[[Plan], str] = lambda _: "",
    ) -> None:
        self._kit = kit
        self._tools = tools
        self._approvals = approvals
        self._budget = budget
        self._append = append
        self._waiting: list[Ready] = []
        """What was admitted and did not begin yet."""

    async def run(self, calls: Sequence[ToolCall], *, chosen: str = "") -> AsyncGenerator[Event, None]:
        """The events of all calls; a failure of one is its result, and the others run all the same.

        Args:
            calls: In the order of the answer.
            chosen: Who chose them, where it was not a model.

        Raises:
            BudgetEnded: before the call for which nothing is left.
        """
        try:
            for kind, group in groupby(calls, self._kind_of):
                several = list(group)
                if kind == "look" and len(several) > 1:
                    running = [self._run_together(several)]
                else:
                    running = [self._run_alone(call, chosen) for call in several]
                for one in running:
                    async with aclosing(one) as events:
                        async for event in events:
                            yield event
        finally:
            self._give_up()

    def _kind_of(self, call: ToolCall) -> str:
        tool = self._tools.get(call.name)
        return tool.kind if tool else "unknown"

    async def _run_alone(self, call: ToolCall, chosen: str = "") -> AsyncGenerator[Event, None]:
        ready: Ready | None = None
        async with aclosing(self._prepare(call, chosen)) as asked:
            async for prepared in asked:
                if isinstance(prepared, Ready):
                    ready = prepared
                else:
                    yield prepared
        if ready is None:
            return
        yield ToolStarted(call.id, call.name, call.arguments)
        began_s = time.perf_counter()
        answer = Answer("the tool said nothing", is_error=True)
        streams: dict[str, Redactor] = {}
        async with aclosing(self._act(ready)) as events:
            async for told in events:
                if isinstance(told, Answer):
                    answer = told
                elif isinstance(told, ToolWrote):
                    yield _without_secrets(told, streams)
                else:
                    yield told
        finished = self._finish(ready, answer, began_s)
        yield finished
        if check := check_of(call, finished):
            yield check

    async def _run_together(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Event, None]:
        ready: list[Ready] = []
        ended: BudgetEnded | None = None
        try:
            for call in calls:
                async with aclosing(self._prepare(call)) as told:
                    async for prepared in told:
                        if isinstance(prepared, Ready):
                            ready.append(prepared)
                        else:
                            yield prepared
        except BudgetEnded as error:  # those before it may run
            ended = error
        async with aclosing(self._look(ready)) as events:
            async for event in events:
                yield event
        if ended:
            raise ended

    async def _look(self, ready: Sequence[Ready]) -> AsyncGenerator[Event, None]:
        """Look at everything at once, and answer in order."""
        for one in ready:
            yield ToolStarted(one.call.id, one.call.name, one.call.arguments)
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._collect(one)) for one in ready]
        for one, task in zip(ready, tasks, strict=True):
            *told, answer = task.result() or [Answer("the tool said nothing", is_error=True)]
            for event in told:
                if not isinstance(event, Answer):
                    yield event
            answer = answer if isinstance(answer, Answer) else Answer("the tool said nothing", is_error=True)
            yield self._finish(one, answer, began_s)

    async def _collect(self, ready: Ready) -> list[Event | Answer]:
        return [told async for told in self._act(ready)]

    async def _prepare(self, call: ToolCall, chosen: str = "") -> AsyncGenerator[Event | Ready, None]:
        """Understand a call and ask for it; one that comes to nothing ends here, with its result."""
        self._budget.take_call()
        plan: Plan | None = None
        try:
            plan = self._plan(call)
            async with aclosing(self._approvals.admit(plan, chosen=chosen)) as asked:
                async for told in asked:
                    if isinstance(told, Granted):
                        self._waiting.append(ready := Ready(call, plan, told.admitted))
                        yield ready
                    else:
                        yield told
        except BudgetEnded:
            raise
        except AiexError as error:
            if isinstance(error, Denied) and plan is None:  # later ones were told where they were decided
                for told in self._refuse(call, error):
                    yield told
            yield ToolFinished(call.id, call.name, describe(error), is_error=True)

    def _refuse(self, call: ToolCall, error: Denied) -> tuple[Event, Event]:
        """Put on record what was refused before any rule was asked."""
        subject = next((value for value in call.arguments.values() if isinstance(value, str)), "")
        action = Action("tool", f"{call.name} {subject[:_MOST_SUBJECT_CHARS]}".strip())
        self._kit.means.gate.note(action, Decision("deny", REACH, "built-in", error.message))
        return tell_refusal(action.subject, error.message)

    def _plan(self, call: ToolCall) -> Plan:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool {call.name!r}", hint=f"there are: {', '.join(sorted(self._tools))}")
        return tool.plan(fit(call.arguments, tool.parameters), self._kit)

    async def _act(self, ready: Ready) -> AsyncGenerator[Event | Answer, None]:
        """Do it, with what comes of its actions on record; an error is the answer."""
        gate = self._kit.means.gate
        self._waiting = [one for one in self._waiting if one is not ready]
        try:
            with ExitStack() as passing:
                passages = tuple(passing.enter_context(gate.passing(one)) for one in ready.admitted)
                going = Going(ready.call.id, passages)
                async with aclosing(cast("Any", ready.plan.act(going))) as events:
                    async for told in events:
                        yield told
        except AiexError as error:
            if isinstance(error, Denied):
                for refusal in tell_refusal(ready.plan.title, error.message):
                    yield refusal
            yield Answer(describe(error), is_error=True)

    def _give_up(self) -> None:
        """What was admitted and never began goes on record as that."""
        while self._waiting:
            for admitted in self._waiting.pop().admitted:
                self._kit.means.gate.outcome(admitted, "cancelled", "it never began")

    def _finish(self, ready: Ready, answer: Answer, began_s: float) -> ToolFinished:
        call, (text,) = ready.call, redact_texts((answer.text,))
        if len(text) > MOST_TEXT_CHARS:
            text = f"{text[:MOST_TEXT_CHARS]}\n… cut: {len(text) - MOST_TEXT_CHARS:,} characters more"
        if not answer.is_error:
            text += self._append(ready.plan)
        took_ms = round((time.perf_counter() - began_s) * 1000)
        return ToolFinished(call.id, call.name, text, answer.is_error, took_ms, answer.images)


def _without_secrets(wrote: ToolWrote, streams: dict[str, Redactor]) -> ToolWrote:
    """A piece of output without secrets, as whole lines: whoever shows it must not show them either."""
    if wrote.stream not in streams:
        streams[wrote.stream] = Redactor()
    return replace(wrote, text=streams[wrote.stream].feed(wrote.text))


def tell_refusal(action: str, reason: str) -> tuple[Event, Event]:
    """What was refused without a question, as events."""
    asked = ApprovalAsked(os.urandom(6).hex(), redact(action), redact(reason))
    return asked, ApprovalGiven(asked.approval_id, False, "once", "policy")


def describe(error: AiexError) -> str:
    """An error as the model hears it."""
    return f"{error.message}\nhint: {error.hint}" if error.hint else error.message
