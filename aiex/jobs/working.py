"""Lets a model work on a wish with tools: hires who takes part, runs the loop, checks what was done, and reports."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from aiex.agent.approvals import Approvals
from aiex.agent.calls import Calls
from aiex.agent.compaction import Compaction
from aiex.agent.composer import Composer, introduce, load_tools, load_words
from aiex.agent.instructions import Instructions, render_instructions
from aiex.agent.kit import Kit, Means
from aiex.agent.loop import Closed, Crew, Loop, hit_of, to_ended, until
from aiex.agent.overlay import Overlay
from aiex.agent.report import Report
from aiex.agent.tools import is_offered
from aiex.errors import AiexError, BudgetEnded, Rejected
from aiex.events import Failed as StreamFailed
from aiex.events import FileEdited, Noted, TurnEnded, UserSpoke
from aiex.jobs.errands import Errands
from aiex.jobs.verifying import Failed, checks_behind, is_current, to_wish, verify
from aiex.messages import Text
from aiex.record import record
from aiex.tokens import OFFLINE

if TYPE_CHECKING:
    from aiex.agent.answering import Stream
    from aiex.agent.checks import Check
    from aiex.agent.kit import Person, Renaming, Step
    from aiex.agent.tools import Plan
    from aiex.budget import Budget
    from aiex.events import Event, Warned
    from aiex.messages import Part
    from aiex.sessions.recorder import Recorder
    from aiex.sessions.state import SessionState


UNCHANGED = StreamFailed("Unchanged", "the model changed nothing", "see its answer; ask in other words", 1)
NOT_RUN_EXITS = (126, 127)
"""What a shell says of a program that is not there or cannot be started."""


class Hirer(Means, Protocol):
    """The services that a loop needs beside those of its tools."""

    @property
    def budget(self) -> Budget:
        """Of the whole run."""

    @property
    def is_offline(self) -> bool: ...
    @property
    def recorder(self) -> Recorder | None: ...
    @property
    def tell(self) -> Callable[[Event], None]:
        """Keeps and shows what is noticed where nothing can be yielded any more."""

    def stream_within(self, budget: Budget) -> Stream:
        """A way to ask the model that counts on this budget."""


@record
class Wish:
    """What is to be done, and how."""

    parts: tuple[Part, ...]
    """What the person says."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the last answer has to fit."""
    is_dry: bool = False
    """Nothing is written; what would be is shown as a diff."""
    assumed: Mapping[str, bytes] = field(default_factory=dict)
    """In a dry run: files that are taken to be so, by path relative to the workspace."""
    tools: tuple[str, ...] = ()
    """The names of the tools that are offered; all when empty."""
    checks: tuple[Check, ...] = ()
    """Run first and behind each round: the work is to make them pass. Without any, those of the project run behind."""
    must_change: bool = False
    """Without any change of a file the work is not done."""
    repairs: int | None = None
    """How often the model is asked to mend what fails behind its work; as the settings say when None."""


async def work(
    wish: Wish, hirer: Hirer, *, person: Person | None = None, step: Callable[[str], Step | None] = lambda _: None
) -> AsyncIterator[Event]:
    """Do what a person wants; every outcome, errors included, is the `TurnEnded` at the end.

    Args:
        wish: What.
        hirer: The services, and the budget.
        person: Whoever can be asked; None where what needs a person is refused.
        step: Makes what looks after the files during a call.
    """
    try:
        require_model(hirer)
        kit = Kit(
            hirer,
            files=Overlay(hirer.workspace, wish.assumed) if wish.is_dry else None,
            step=step,
            person=person,
            is_dry=wish.is_dry,
        )
        team = Team(kit, hirer, wish)
    except AiexError as error:
        from aiex.agent.answering import failed

        yield failed(error)
        return
    try:
        async with aclosing(team.rounds()) as events:
            async for event in events:
                team.report.note(event)
                if not (wish.is_dry and isinstance(event, FileEdited)):  # nothing was written
                    yield event
                while kit.news:  # what happened beside it
                    yield team.take_news()
    except BaseException:
        await kit.leave()
        while kit.news:  # what was broken off may have changed files
            hirer.tell(team.take_news())
        raise
    await kit.leave()
    while kit.news:
        yield team.take_news()
    yield team.end()


async def work_or_show(
    wish: Wish, hirer: Hirer, *, person: Person | None = None, step: Callable[[str], Step | None] = lambda _: None
) -> AsyncIterator[Event]:
    """As `work`, but in a dry run the answer is the patch, as editors take it, and the last words are a note."""
    async with aclosing(cast("Any", work(wish, hirer, person=person, step=step))) as events:
        async for event in events:
            if not wish.is_dry or not isinstance(event, TurnEnded):
                yield event
                continue
            if event.answer.strip():
                yield Noted(event.answer.strip())
            data = dict(event.data or {})
            yield replace(event, answer=str(data.pop("patch", "")), data=data)


class Team:
    """Who works on one wish: a loop, its tools, and the checks behind it."""

    def __init__(self, kit: Kit, hirer: Hirer, wish: Wish) -> None:
        self._kit = kit
        self._wish = wish
        self._hirer = hirer
        self.report = Report(is_for_checks=bool(wish.checks))
        self._closed = Closed("", None)
        kit.delegate = Errands(kit, hirer, hirer.budget).run
        kit.rename = partial(_rename, hirer)
        kit.may_try = frozenset(check.command for check in wish.checks)
        self._crew, self._warnings = hire(kit, hirer, hirer.budget, wish.tools)

    async def rounds(self) -> AsyncGenerator[Event, None]:
        """Work, check, and work again on what fails, as often as the settings say."""
        for warned in self._warnings:
            yield warned
        parts = (*self._wish.parts, *([Text(load_words("dry"))] if self._wish.is_dry else []))
        if self._wish.checks:
            failed: list[Failed] = []
            async with aclosing(self._verify(failed)) as checks:
                async for event in checks:
                    yield event
            if self._closed.failure or not failed or (failed[0].check.exit_code or 0) in NOT_RUN_EXITS:
                self._closed = self._closed if self._closed.failure else _say_at_once(self.report)
                return
            parts = (*parts, *to_wish(failed, is_first=True))
        yield UserSpoke(parts)
        for left in reversed(range(self._repairs + 1)):
            edits_before = self.report.edits
            loop = Loop(self._crew, schema=self._wish.schema)
            async with aclosing(loop.run()) as events:
                async for event in events:
                    yield event
            self._closed = loop.closed
            if self._closed.failure is not None or not self.report.has_edits or self._wish.is_dry:
                return
            failed = []
            async with aclosing(self._verify(failed)) as checks:
                async for event in checks:
                    yield event
            if self.report.edits > edits_before:  # what the model saw fail behind its edits counts as well
                seen = {one.check.command for one in failed}
                failed += [Failed(one, "") for one in self.report.red if one.command not in seen]
            if self._closed.failure or not failed or not left:
                return
            yield UserSpoke(tuple(to_wish(failed)))

    @property
    def _repairs(self) -> int:
        wanted = self._wish.repairs
        return int(self._hirer.settings.get("checks.repairs")) if wanted is None else wanted

    async def _verify(self, failed: list[Failed]) -> AsyncGenerator[Event, None]:
        """Run the checks that did not run since the last edit; those that fail are appended.

        A budget that ends meanwhile is how it closed.
        """
        current = {check[key] for check in self.report.checks if check["current"] for key in ("name", "command")}
        if self._wish.checks:
            due = [check for check in self._wish.checks if check.command not in current]
        else:
            found = checks_behind(self._hirer, self.report.files)
            due = [check for check in found if not is_current(check, self.report.checks)]
        try:
            async with aclosing(until(verify(due, self._crew.calls), self._crew.budget)) as events:
                async for event in events:
                    if isinstance(event, Failed):
                        failed.append(event)
                    else:
                        yield event
        except BudgetEnded as error:
            if hit := hit_of(error):
                yield hit
            self._closed = replace(self._closed, failure=to_ended(error))

    def take_news(self) -> Event:
        """The first of what happened beside the work, which is in the report then."""
        event = self._kit.news.pop(0)
        self.report.note(event)
        return event

    def end(self) -> TurnEnded:
        """The outcome, when all is done."""
        data: dict[str, Any] = {}
        if self._wish.schema is not None and self._closed.failure is None:
            data["data"] = json.loads(self._closed.answer)
        if self._wish.must_change and not self.report.files and self._closed.failure is None:
            self._closed = replace(self._closed, failure=UNCHANGED)
        if not isinstance(self._kit.files, Overlay):
            return self.report.end(self._closed, data)
        ended = self.report.end(self._closed, {**data, "patch": patch_of(self._kit.files)})
        if ended.subtype in ("answered", "red"):  # what failed before the plan says nothing about it
            ended = replace(ended, status="success", subtype="planned", exit_code=0, error="")
        return replace(ended, files_changed=())


def _rename(hirer: Hirer, path: str, name: str, new: str) -> Renaming:
    from aiex.jobs.renaming import rename_by_code

    return rename_by_code(hirer, path, name, new)


def _say_at_once(report: Report) -> Closed:
    """The last words where nothing was to be mended, or what could not even be run."""
    for check in report.checks:
        if check["exit_code"] in NOT_RUN_EXITS:
            said = f"the check cannot be run: {check['summary']}"
            return Closed("", StreamFailed("UsageError", said, f"try it: aiex run sandbox -- {check['command']}", 2))
    if ran := [check["command"] for check in report.checks]:
        return Closed(f"Nothing to mend: {', '.join(ran)} passes.", None)
    return Closed("", StreamFailed("Denied", "the check could not be run", "aiex list policy shows the rules", 4))


def hire(
    kit: Kit,
    hirer: Hirer,
    budget: Budget,
    names: tuple[str, ...] = (),
    *,
    state: Callable[[], SessionState] | None = None,
) -> tuple[Crew, list[Warned]]:
    """Who takes part in a loop, and what to say about that.

    Args:
        kit: For the tools.
        hirer: The services.
        budget: What may be used.
        names: Of the tools that are offered; all when empty.
        state: Gives the conversation; that of the session when None.

    Raises:
        AiexError: where somebody cannot take part.
    """
    tools = {name: tool for name, tool in load_tools(names).items() if is_offered(tool, kit)}
    if hirer.settings.get("sandbox.mode") == "read-only":
        tools = {name: tool for name, tool in tools.items() if tool.kind != "change"}
    instructions = Instructions(hirer)
    given, warnings = instructions.load()
    said = introduce(
        root=hirer.root,
        platform=sys.platform,
        today=datetime.now(UTC).date().isoformat(),
        instructions=render_instructions(given),
        skills=kit.skills.describe(),
    )
    composer = Composer(hirer.model, said, tools, hirer.session)
    approvals = Approvals(hirer.gate, kit.person, is_secret=hirer.workspace.is_secret)
    calls = Calls(kit, tools, approvals, budget, append=lambda plan: _instructions_at(plan, instructions))
    stream = hirer.stream_within(budget)
    compaction = Compaction(composer, stream, lambda: find_window(hirer))
    crew = Crew(composer, calls, stream, state or (lambda: _state_of(hirer)), budget, compaction)
    return crew, [*warnings, *kit.skills.warnings]


def _instructions_at(plan: Plan, instructions: Instructions) -> str:
    """What the project says about the folders of the files that a call was about."""
    found = [
        one
        for action in plan.actions
        if action.kind in ("read", "write")
        for one in instructions.nearest(action.subject)
    ]
    return f"\n\n{render_instructions(found)}" if found else ""


def _state_of(hirer: Hirer) -> SessionState:
    if hirer.recorder is None:
        raise RuntimeError("a loop works on a session, and nothing records one")
    return hirer.recorder.state


def find_window(hirer: Hirer) -> int | None:
    """How many tokens the model in use takes; None where nobody knows."""
    from aiex import dirs
    from aiex.llm.pricing import find_catalogue

    provider, _, model = hirer.model.partition("/")
    info = find_catalogue(dirs.cache_dir(hirer.environ)).find(provider, model)
    return info.context_tokens if info else None


def require_model(hirer: Hirer) -> None:
    """Raise Rejected where no model is in use."""
    if hirer.is_offline or hirer.model == OFFLINE:
        raise Rejected(
            "this needs a model, and none is in use", hint="name one with -m provider/model, or set it: aiex set config"
        )


def patch_of(files: Overlay) -> str:
    """What a dry run would have written, as a patch; bytes that are not UTF-8 come as surrogate escapes."""
    from aiex.agent.patches import render_change

    patch = b"".join(render_change(path, before, after) for path, before, after in files.changes())
    return patch.decode("utf-8", "surrogateescape")
