"""What goes to a model is on record before it goes: every file whose content is in the request, and what came of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiex.agent.answering import Outcome, Stream, listen, not_asked
from aiex.errors import AiexError, Denied
from aiex.events import UserSpoke
from aiex.guard.actions import Action, Decision

if TYPE_CHECKING:
    from aiex.context.packing.packed import Pack
    from aiex.events import Event
    from aiex.guard.audit.entries import Status
    from aiex.guard.gate import Gate
    from aiex.guard.passage import Admitted
    from aiex.guard.sandbox.files import Workspace
    from aiex.messages import Request

NAMED = "named by a person"
_BY_PERSON = {"named": "by a person"}
OUTLINE = "outline"
"""In place of lines, where a directory is told of by what its files define."""


class SentFile(NamedTuple):
    """A file whose content goes to a model."""

    path: str
    """Relative to the workspace, or absolute."""
    chosen: str = ""
    """`NAMED` where a person named it; empty where it was found."""
    lines: str = ""
    """Which lines, as `3-20, 31-40`, or `OUTLINE`; empty for the whole or the most of it."""


def of_pack(packed: Pack | None) -> list[SentFile]:
    """The files that a pack holds something of, with the lines of each."""
    lines: dict[str, list[str]] = {}
    for part in packed.parts if packed else ():
        lines.setdefault(part.path, []).append(f"{part.start_line}-{part.end_line}")
    return [SentFile(path, lines=", ".join(places)) for path, places in lines.items()]


async def send(
    stream: Stream,
    request: Request,
    files: Iterable[SentFile],
    *,
    gate: Gate | None,
    advice: str,
    removed: int = 0,
    project: Callable[[Request], Request] | None = None,
) -> AsyncIterator[Event | Outcome]:
    """As `answering.listen`, with records of what is sent.

    Nothing is sent if one of the files must not be read, or if a record cannot be written and has to be.

    Args:
        files: Whose content the request holds.
        gate: Decides and keeps the record; nothing is decided without one.
        removed: How many secrets the request lacks.
        project: Puts what was said before into the request; called when what is asked now is in the log of the session.
    """
    admitted: list[Admitted] = []
    try:
        if gate is not None:
            for one in files:
                admitted.append(_admit(gate, one, request.model))
            gate.removed = removed
    except AiexError as error:
        _end(gate, admitted, "refused")
        yield not_asked(error)
        return
    status: Status = "cancelled"
    try:
        yield UserSpoke(request.messages[-1].parts)
        try:
            request = project(request) if project else request
        except AiexError as error:
            status = "refused"
            yield not_asked(error)
            return
        async with aclosing(cast("Any", listen(stream, request, advice=advice))) as events:
            async for told in events:
                if isinstance(told, Outcome):
                    status = "failed" if told.failure else "done"
                yield told
    finally:
        _end(gate, admitted, status)


def _admit(gate: Gate, one: SentFile, model: str) -> Admitted:
    detail = {"for": model, **({"lines": one.lines} if one.lines else {}), **(_BY_PERSON if one.chosen else {})}
    return gate.require(Action("read", one.path, detail), chosen=one.chosen)


def _end(gate: Gate | None, admitted: Iterable[Admitted], status: Status) -> None:
    if gate is not None:
        for one in admitted:
            gate.outcome(one, status)


@contextmanager
def noting_refusals(gate: Gate | None, path: str, base: str, workspace: Workspace) -> Iterator[None]:
    """Put on record that something a person named is not read.

    Args:
        path: As it was named, which may have a line or a symbol behind it.
        base: What it is relative to; the root when empty.
    """
    try:
        yield
    except Denied as error:
        if gate is not None:
            _note_refusal(gate, path, base or workspace.root, workspace.root, error)
        raise


def _note_refusal(gate: Gate, path: str, base: str, root: str, error: Denied) -> None:
    from aiex.guard.policy.places import path_action
    from aiex.jobs.target import parse_target

    named = parse_target(path, lambda found: os.path.lexists(os.path.join(base, found))).path
    action = Action("read", path_action("read", os.path.join(base, named), root).subject, _BY_PERSON)
    found = gate.judge(action)
    if found.effect == "allow":
        found = Decision("deny", "built-in: files of the workspace", "built-in")
    gate.note(action, Decision("deny", found.rule, found.scope, error.message))
