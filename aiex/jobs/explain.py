"""Explains a file, a symbol, some lines or a directory: from static analysis alone, or by a model that reads it."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.agent.answering import Outcome, Stream, failed
from aiex.errors import AiexError, Denied, StoreError, UsageError
from aiex.events import (
    Event,
    Noted,
    Progressed,
    TurnEnded,
    Warned,
)
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.code import Sources, brief_file, brief_lines, brief_symbol
from aiex.jobs.briefing.fit import fit
from aiex.jobs.briefing.history import Git
from aiex.jobs.briefing.material import Material
from aiex.jobs.briefing.model import Briefing, to_data
from aiex.jobs.briefing.render import Links
from aiex.jobs.sending import NAMED, OUTLINE, SentFile, noting_refusals, of_pack, send
from aiex.jobs.target import STDIN, Target, parse_target
from aiex.messages import Document, Message, Request
from aiex.tokens import OFFLINE, Count, count, estimate

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.gathering import Gathered
    from aiex.context.packing.packed import Pack
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.asking import Planned

CountFor = Callable[[str, str], Count]
FILES_FOR_MODEL = 3
"""Files of a directory whose source goes to a model, as far as the budget allows."""
IGNORED = (
    "ignored by the repository, so what lies around it was not read: it may well be used, tested and find its imports"
)
REPORT_EVERY = 100
"""Files between two reports of progress."""


class ExplainTask(NamedTuple):
    """What to explain, and how."""

    target: str
    """As typed, see `jobs/target.py`."""
    model: str = OFFLINE
    budget_tokens: int = 12_000
    base: str = ""
    """The directory that targets and shown places are relative to, absolute; the root when empty."""
    name: str = ""
    """For standard input: the file the text belongs to, which also tells its language."""
    stdin: bytes | None = None
    show_request: bool = False
    """Show what would be sent and send nothing."""


class Found(NamedTuple):
    """A target that exists, with the material for a model."""

    briefing: Briefing
    materials: tuple[Material, ...]


class Ready(NamedTuple):
    """A request that can be sent, and what is told of it."""

    request: Request
    data: Mapping[str, Any]
    """What the outcome holds beside the answer, such as the briefing and the places of the code that goes along."""
    news: tuple[Noted | Warned | TurnEnded, ...] = ()
    packed: "Pack | None" = None
    removed: int = 0
    """Secrets that the request lacks."""


async def explain(
    task: ExplainTask,
    *,
    engine: "Engine",
    workspace: "Workspace",
    stream: Stream,
    history: Git | None = None,
    counting: CountFor = count,
    gate: "Gate | None" = None,
) -> AsyncIterator[Event]:
    """Explain a target; every outcome, errors included, is the `TurnEnded` at the end.

    Args:
        stream: Asks the model.
        counting: Counts the tokens of a text for a model.
        history: Asks git; None leaves history out.
        gate: Decides on what is sent to a model, and puts it on record.
    """
    gate = None if task.model == OFFLINE or task.show_request else gate
    try:
        found: Found | None = None
        with noting_refusals(gate, task.target, task.base, workspace):
            for news in prepare(task, engine, workspace, history):
                if isinstance(news, Found):
                    found = news
                else:
                    yield news
        assert found is not None  # noqa: S101  (the last news is what was found)
        ready = _make_ready(task, found, engine, workspace, counting)
    except AiexError as error:
        yield failed(error)
        return
    for said in ready.news:
        yield said
    if task.show_request:
        return
    files, advice = _name_files(task, found, ready), "explain a smaller part of it"
    async for told in send(stream, ready.request, files, gate=gate, removed=ready.removed, advice=advice):
        if isinstance(told, Outcome) and ready.packed:
            from aiex.context.packing.account import book

            book(engine, ready.packed.effect)
        yield told.to_end(ready.data) if isinstance(told, Outcome) else told


def _name_files(task: ExplainTask, found: Found, ready: Ready) -> Iterator[SentFile]:
    """The files whose content the request holds."""
    subject = found.briefing.subject
    is_folder = subject.kind == "directory"
    if is_folder:
        yield SentFile(subject.path, NAMED, OUTLINE)
    if task.stdin is None:
        yield from (SentFile(one.path, "" if is_folder else NAMED) for one in found.materials)
    yield from of_pack(ready.packed)


def prepare(
    task: ExplainTask, engine: "Engine", workspace: "Workspace", history: Git | None
) -> Iterator[Progressed | Warned | Found]:
    """Find the target and brief on it; the last item is what was found."""
    if task.stdin is not None or task.target.partition(":")[0] == STDIN:
        yield _from_stdin(task, engine, workspace, history)
        return
    target, kind = locate(task, engine, workspace)
    if kind == "dir":
        from aiex.jobs.briefing.directory import brief_directory

        directory = brief_directory(engine, workspace, history, target.path)
        while True:
            try:
                done, total = next(directory)
            except StopIteration as end:
                yield from engine.warnings
                yield _with_files(end.value, engine, task)
                return
            yield Progressed("reading files", done, total)
    material = Material(target.path, engine.source(target.path), engine.facts(target.path))
    for done, total in engine.refresh_mentions():
        if done % REPORT_EVERY == 0:
            yield Progressed("looking for imports", done, total)
    sources = Sources(engine, workspace, history, shown=Links(read_base(task, workspace)).path)
    briefing = _brief(sources, material, target)
    if not engine.paths.has(target.path):
        subject = briefing.subject
        briefing = briefing._replace(subject=subject._replace(notes=(*subject.notes, IGNORED)))
    yield from engine.warnings
    yield Found(briefing, (material,))


def _brief(sources: Sources, material: Material, target: Target) -> Briefing:
    if target.symbol:
        return brief_symbol(sources, material, target)
    if target.start_line:
        return brief_lines(sources, material, target)
    return brief_file(sources, material, target)


def _with_files(briefing: Briefing, engine: "Engine", task: ExplainTask) -> Found:
    """The first files to read, for a model; offline nobody would read them."""
    if task.model == OFFLINE and not task.show_request:
        return Found(briefing, ())
    paths = [reading.path for reading in (briefing.read_first or ())[:FILES_FOR_MODEL]]
    return Found(briefing, tuple(Material(path, engine.source(path), engine.facts(path)) for path in paths))


# --- the target ----------------------------------------------------------------------------------------------------


def locate(task: ExplainTask, engine: "Engine", workspace: "Workspace") -> tuple[Target, str]:
    """The target with its path relative to the root, and whether it is a `file` or a `dir`.

    Raises:
        UsageError: if it does not exist (the nearest names are offered) or the parts do not go together.
        Denied: if it lies outside the root.
    """

    def exists(path: str) -> bool:
        try:
            workspace.stat(see_through(path, task, workspace), follow_links=True)
        except (StoreError, Denied):
            return False
        return True

    target = parse_target(task.target, exists)
    path = workspace.relative(see_through(target.path, task, workspace))
    if not exists(target.path):
        _explain_missing(path, target, engine, workspace, Links(read_base(task, workspace)))
    path = _behind_links(path, workspace)
    kind = workspace.stat(path, follow_links=True).kind
    shown = printable_path(target.path)
    if kind == "dir" and (target.symbol or target.start_line):
        raise UsageError(f"{shown} is a directory: it has no lines or symbols", hint=f"aiex explain {shown}")
    if kind != "dir" and target.path.endswith(("/", os.sep)):
        raise UsageError(f"{shown} is not a directory", hint=f"aiex explain {shown.rstrip('/')}")
    return target._replace(path=path), kind


def see_through(asked: str, task: ExplainTask, workspace: "Workspace") -> str:
    """The absolute path in words that the guard takes, if there are such words.

    A checkout may be reached by a link, so its path as typed begins elsewhere: first the directory is resolved, then
    all of it. What the guard refuses in every form stays as it was asked.
    """
    path = os.path.join(task.base or workspace.root, asked)
    if _is_within(path, workspace) or "\0" in path:
        return path
    folder, name = os.path.split(path)
    beneath = os.path.join(os.path.realpath(folder), name)
    if _is_within(beneath, workspace):
        return beneath
    real = os.path.realpath(path)
    return real if _is_within(real, workspace) else path


def _behind_links(path: str, workspace: "Workspace") -> str:
    """The name under which the repository lists what a link inside it leads to."""
    real = os.path.realpath(os.path.join(workspace.root, path))
    return workspace.relative(real) if _is_within(real, workspace) else path


def _is_within(path: str, workspace: "Workspace") -> bool:
    try:
        workspace.relative(path)
    except Denied:
        return False
    return True


def _explain_missing(path: str, target: Target, engine: "Engine", workspace: "Workspace", links: Links) -> None:
    from aiex.guard.sandbox.files import Missing, NotADirectory

    try:
        workspace.stat(path, follow_links=True)
    except (Missing, NotADirectory) as error:
        if _is_link(path, workspace):
            raise UsageError(f"{printable_path(target.path)} is a link to something that is not there") from error
        hint = _nearest(path, engine, workspace, links)
        raise UsageError(f"no such file or directory: {printable_path(target.path)}", hint=hint) from error


def _is_link(path: str, workspace: "Workspace") -> bool:
    try:
        return workspace.stat(path).kind == "link"
    except (StoreError, Denied):
        return False


def _nearest(path: str, engine: "Engine", workspace: "Workspace", links: Links) -> str:
    """Existing names that could have been meant: the same name elsewhere, or a similar one."""
    from difflib import get_close_matches

    paths = [entry.path for entry in engine.listing.files]
    name = path.rsplit("/", 1)[-1]
    same = [other for other in paths if other.rsplit("/", 1)[-1] == name or other.endswith("/" + path)]
    offered = sorted(same, key=lambda other: (other.count("/"), other))[:3]
    if not offered:
        offered = get_close_matches(path, paths, n=3, cutoff=0.75)
    if not offered:
        names = {other.rsplit("/", 1)[-1]: other for other in reversed(paths)}
        offered = [names[close] for close in get_close_matches(name, list(names), n=3, cutoff=0.7)]
    if offered:
        return f"did you mean {' or '.join(map(links.path, offered))}?"
    folder = path.rpartition("/")[0] or "."
    try:
        entries = [entry for entry in workspace.scan(folder) if not entry.name.startswith(".")]
    except (StoreError, Denied):
        return "paths are relative to the directory you are in"
    there = [printable_path(entry.name) + ("/" if entry.kind == "dir" else "") for entry in entries]
    folder = links.path(folder)
    return f"{folder} has {', '.join(there[:8])}{' …' if len(there) > 8 else ''}" if there else f"{folder} is empty"


def read_base(task: ExplainTask, workspace: "Workspace") -> str:
    """The directory that shown places are relative to, itself relative to the root."""
    if not task.base:
        return "."
    try:
        return workspace.relative(task.base)
    except Denied:
        return "."


def _from_stdin(task: ExplainTask, engine: "Engine", workspace: "Workspace", history: Git | None) -> Found:
    from aiex.context.reading import describe

    target = parse_target(task.target)
    if task.stdin is None:
        raise UsageError("nothing was given on standard input", hint="aiex explain - --name FILE < FILE")
    path, known = _named(task, engine, workspace)
    _, facts = describe(task.stdin, path)
    material = Material(path, task.stdin, facts)
    sources = Sources(engine, workspace, history, known=known, held=material, shown=lambda _path: STDIN)
    return Found(_brief(sources, material, target._replace(path=path)), (material,))


def _named(task: ExplainTask, engine: "Engine", workspace: "Workspace") -> tuple[str, bool]:
    """The path that `--name` gives the text, and whether the workspace has such a file."""
    if not task.name:
        return "stdin", False
    try:
        path = workspace.relative(see_through(task.name, task, workspace))
    except Denied:
        return task.name, False
    return path, engine.paths.has(path)


# --- the answer ----------------------------------------------------------------------------------------------------


def _make_ready(task: ExplainTask, found: Found, engine: "Engine", workspace: "Workspace", counting: CountFor) -> Ready:
    """The request: the briefing alone where no model answers, else what a model is to read."""
    links = Links(read_base(task, workspace))
    if task.model == OFFLINE and not task.show_request:
        return Ready(_offline_request(found.briefing, task.budget_tokens, links), to_data(found.briefing))
    from aiex.jobs.redacting import clean_found  # with its patterns, 60 ms that nothing else needs

    around = _around(found, engine, workspace, links)
    return _with_code(task, clean_found(found), around, links, counting)


def _offline_request(briefing: Briefing, budget_tokens: int, links: Links) -> Request:
    """The request for the provider that only hands the briefing back."""
    fitted = fit(briefing, budget_tokens, lambda text: estimate(text).tokens, links)
    return Request(OFFLINE, (Message("user", (Document("briefing", "text/markdown", fitted.text),)),))


def _around(found: Found, engine: "Engine", workspace: "Workspace", links: Links) -> "Gathered":
    """The code around a file or a part of one; a directory goes without."""
    from aiex.jobs.surrounding import NOTHING, gather_around

    if found.briefing.subject.kind == "directory":
        return NOTHING
    return gather_around(found.briefing, engine, workspace, links.path)


def _with_code(task: ExplainTask, found: Found, around: "Gathered", links: Links, counting: CountFor) -> Ready:
    """The request for a model; where it is only shown, what is shown."""
    from aiex.jobs import asking
    from aiex.jobs.gathering import tell_code, to_code
    from aiex.jobs.redacting import clean_planned, tell_removed
    from aiex.jobs.surrounding import plan_around

    briefing, model, budget = found.briefing, task.model, task.budget_tokens

    def planned_by(count_for: CountFor) -> "tuple[Planned, Pack | None]":
        alone = asking.plan(
            briefing, found.materials, model=model, budget_tokens=budget, counting=count_for, links=links
        )
        kind = briefing.subject.kind
        return plan_around(alone, around, budget_tokens=budget, counting=count_for, kind=kind)

    planned, packed = asking.plan_counted(planned_by, counting, budget, is_shown=task.show_request)
    planned = clean_planned(planned)
    data = {**to_data(briefing), "code": to_code(packed)}
    if task.show_request:
        data["request"] = asking.to_data(planned, budget)
        shown = TurnEnded("success", "planned", 0, asking.describe(planned, budget), data)
        return Ready(planned.request, data, (shown,))
    code = (Noted(tell_code(packed, links.path(briefing.subject.path), links.path)),) if packed else ()
    return Ready(planned.request, data, (*code, *tell_removed(planned)), packed, planned.removed)
