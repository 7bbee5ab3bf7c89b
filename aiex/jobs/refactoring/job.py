"""The job: from what a person asks for to files that are changed, or to a patch."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aiex.agent.answering import failed
from aiex.agent.edits.transaction import count_lines
from aiex.errors import AiexError, EditError, UsageError
from aiex.events import Event, FileEdited, Noted, Progressed, ToolWrote, TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.applying import apply_changes
from aiex.jobs.refactoring.checking import check_plan
from aiex.jobs.refactoring.edits import Doubt, Place, Plan
from aiex.jobs.refactoring.patching import render_patch, render_stat
from aiex.jobs.refactoring.pointing import Spot, find_spot
from aiex.jobs.refactoring.sources import Sources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiex.context.engine import Engine
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.stepping import Step

Kind = Literal["rename", "move", "extract", "inline", "imports"]
Uncertain = Literal["refuse", "leave", "change"]
MOST_TOLD = 20
"""Places told one by one; the JSON form has all."""


class RefactorTask(NamedTuple):
    """What to refactor, and how."""

    kind: Kind
    target: str
    """As typed, see `jobs/target.py`; of standard input it is the same with the name of the file."""
    word: str = ""
    """The new name, or the file to move to."""
    base: str = ""
    """The directory that targets are relative to, absolute; the root when empty."""
    stdin: bytes | None = None
    """Stands for the content of the file `name`; nothing is written then."""
    name: str = ""
    dry_run: bool = False
    show_patch: bool = False
    """The answer is the patch and not the table of what changed."""
    uncertain: Uncertain = "refuse"


async def refactor(
    task: RefactorTask,
    *,
    engine: Engine,
    workspace: Workspace,
    gate: Gate | None = None,
    step: Step | None = None,
    tell: Callable[[Event], None] = lambda event: None,
) -> AsyncIterator[Event]:
    """Refactor; every outcome, errors included, is the `TurnEnded` at the end.

    Args:
        gate: Decides on every file that is written.
        step: Looks after the files, so that the step can be undone; None where nobody wants that.
        tell: Gets how far it has come while it reads.
    """
    paths: list[str] = []
    try:
        plan = make_plan(task, engine, workspace, tell)
        for event in _tell(task, plan):
            yield event
        if plan.doubts and (task.uncertain == "refuse" or (plan.is_whole and task.uncertain == "leave")):
            yield _refused(plan)
            return
        check_plan(plan)
        is_dry = task.dry_run or task.stdin is not None
        if plan.changes and not is_dry:
            arguments = {"kind": task.kind, "target": task.target, "to": task.word}
            for event in apply_changes(plan.changes, workspace=workspace, gate=gate, step=step, arguments=arguments):
                if isinstance(event, FileEdited):
                    paths.append(event.path)
                yield event
    except AiexError as error:
        yield failed(error)
        return
    for event in _outcome(task, plan, tuple(paths), is_dry=is_dry):
        yield event


def make_plan(
    task: RefactorTask, engine: Engine, workspace: Workspace, tell: Callable[[Event], None] = lambda event: None
) -> Plan:
    """What would be changed. Raises AiexError; nothing is written."""
    name = os.path.join(task.base, task.name) if task.base else task.name
    given = {workspace.relative(name): task.stdin} if task.stdin is not None else {}
    sources = Sources(engine, workspace, given, lambda done, total: tell(Progressed("reading code", done, total)))
    spot = find_spot(task.target, workspace, task.base, sources.exists)
    return _planner(task, sources, spot, workspace)


def _planner(task: RefactorTask, sources: Sources, spot: Spot, workspace: Workspace) -> Plan:
    match task.kind:
        case "rename":
            from aiex.jobs.refactoring.rename import rename

            return rename(sources, spot, task.word, also_doubts=task.uncertain == "change")
        case "imports":
            from aiex.jobs.refactoring.imports import organise_imports

            return organise_imports(sources, spot, also_doubts=task.uncertain == "change")
        case "extract":
            from aiex.jobs.refactoring.extract import extract

            return extract(sources, spot, task.word)
        case "inline":
            from aiex.jobs.refactoring.inline import inline

            return inline(sources, spot)
        case "move":
            from aiex.jobs.refactoring.move import move

            return move(sources, spot, _destination(task, workspace))


def _destination(task: RefactorTask, workspace: Workspace) -> str:
    path = workspace.relative(os.path.join(task.base, task.word) if task.base else task.word)
    if not path.endswith((".py", ".pyi")):
        raise UsageError(f"{printable_path(path)} is no Python file", hint="name the file to move to")
    return path


# --- what is told ---------------------------------------------------------------------------------------------------


def _tell(task: RefactorTask, plan: Plan) -> Iterator[Event]:
    for note in plan.notes:
        yield Noted(note)
    if plan.doubts:
        state = {"refuse": "", "leave": ", and stay as they are", "change": ", and are changed as well"}[task.uncertain]
        count = "1 place is" if len(plan.doubts) == 1 else f"{len(plan.doubts)} places are"
        yield Warned(f"{count} not certain{state}")
        for doubt in plan.doubts[:MOST_TOLD]:
            yield Noted(f"  {printable_path(doubt.path)}:{doubt.line}: {doubt.why}")
        if len(plan.doubts) > MOST_TOLD:
            yield Noted(f"  and {len(plan.doubts) - MOST_TOLD} more; -o json has all")
    if plan.mentions:
        yield Noted(f"left as they are, because they are no code: {_listed(plan.mentions)}")


def _listed(places: tuple[Place, ...]) -> str:
    named = dict.fromkeys(f"{printable_path(one.path)}:{one.line} ({one.why})" for one in places)
    shown = ", ".join([*named][:5])
    return f"{shown} and {len(named) - 5} more" if len(named) > 5 else shown


def _refused(plan: Plan) -> TurnEnded:
    error = EditError(
        f"cannot {plan.done}: {len(plan.doubts)} of the places may mean something else; nothing was written",
        hint="--uncertain change does it all the same"
        if plan.is_whole
        else "--uncertain leave lets those be, --uncertain change changes them as well",
    )
    return replace(failed(error), data=describe(plan))


def _outcome(task: RefactorTask, plan: Plan, paths: tuple[str, ...], *, is_dry: bool) -> Iterator[Event]:
    patch = render_patch(plan.changes)
    shown = patch.decode("utf-8", "surrogateescape")
    data = {**describe(plan), "applied": bool(plan.changes) and not is_dry, "patch": patch.decode("utf-8", "replace")}
    stat = render_stat(plan.changes)
    if is_dry or task.show_patch:
        if plan.changes:
            yield Noted(f"{plan.done}:{stat.splitlines()[-1]}{', nothing was written' if is_dry else ''}")
        else:
            yield Noted(f"{plan.done}: nothing to change")
        if not _is_utf8(shown):
            yield ToolWrote("", "stdout", shown)
        yield TurnEnded("success", "answered", 0, answer=shown, data=data, files_changed=paths)
        return
    places = f"{_counted(len(plan.certain), 'place')} in " if plan.certain else ""
    files = _counted(len(plan.changes), "file")
    answer = f"{plan.done}: {places}{files}\n{stat}" if plan.changes else f"{plan.done}: {stat}"
    yield TurnEnded("success", "answered", 0, answer=answer, data=data, files_changed=paths)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    files = []
    for change in plan.changes:
        added, removed = count_lines(change.before, change.after)
        files.append(
            {"path": printable_path(change.path), "change": change.kind, "added_lines": added, "removed_lines": removed}
        )
    return {
        "refactoring": plan.done,
        "files": files,
        "certain": [_place(one) for one in plan.certain],
        "uncertain": [_doubt(one) for one in plan.doubts],
        "mentions": [_place(one) for one in plan.mentions],
        "notes": list(plan.notes),
    }


def _place(one: Place) -> dict[str, Any]:
    return {"path": printable_path(one.path), "line": one.line, "why": one.why}


def _doubt(one: Doubt) -> dict[str, Any]:
    return {**_place(Place(one.path, one.line, one.why)), "can_change": one.edit is not None}
