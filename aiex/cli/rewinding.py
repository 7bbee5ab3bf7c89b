"""The commands that bring files and sessions to another time: undo, redo, rewind, and the search for a bad step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.nouns.checkpoint import FORCE, MERGE, on_conflict, rehearsed_as, restored_as
from aiex.cli.work import Job, Work, answered
from aiex.errors import UsageError
from aiex.events import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiex.jobs.rewinding import Place, Way
    from aiex.sessions.checkpoints.restore import OnConflict
    from aiex.sessions.decisions import What
    from aiex.sessions.steps import Direction
    from aiex.wiring import Services

_BEHIND = "aiex.command"
"""Where the words behind -- are kept while others are read."""


def find_place(services: Services) -> Place:
    """This workspace with its sessions and checkpoints."""
    from aiex.jobs.rewinding import Place

    return Place(services.root, services.sessions, services.checkpoints, services.gate)


# --- undo, redo -----------------------------------------------------------------------------------------------------


def travel(direction: Direction, steps: int, how: OnConflict, *, dry_run: bool) -> Work:
    """The work of `undo` and `redo`."""
    name = "undo" if direction == "back" else "redo"
    return Work(name, lambda services: lambda: _travel(services, direction, steps, how, dry_run=dry_run))


def _travel(services: Services, direction: Direction, steps: int, how: OnConflict, *, dry_run: bool) -> Iterator[Event]:
    from aiex.jobs.checkpointing import notices
    from aiex.jobs.rewinding import find_way, rehearse
    from aiex.jobs.rewinding import travel as go
    from aiex.jobs.stepping import tell_uncovered

    yield from notices(services.checkpoints)
    place = find_place(services)
    way = find_way(place, direction, steps)
    data = {"steps": _describe(way)}
    if dry_run:
        would = f"would {'undo' if direction == 'back' else 'redo'} {_name(way)}"
        found = rehearse(place, way, how)
        yield from tell_uncovered(found.uncovered)
        yield rehearsed_as(found, would, **data)
        return
    restored = go(place, way, how)
    yield from tell_uncovered(restored.uncovered)
    other = "redo" if direction == "back" else "undo"
    ended = restored_as(restored, f"{'undone' if direction == 'back' else 'redone'}: {_name(way)}", **data)
    yield _with_way_back(ended, f"aiex {other}" + (f" {steps}" if steps > 1 else ""))


def _with_way_back(ended: Any, words: str) -> Any:
    from dataclasses import replace

    return replace(ended, answer=f"{ended.answer}\nto take this back: {words}")


def _name(way: Way) -> str:
    from aiex.guard.neutral import printable_path

    return ", ".join(printable_path(step.reason) or "a step" for _, step in way.steps)


def _describe(way: Way) -> list[dict[str, Any]]:
    return [
        {"session": session, "checkpoint": step.checkpoint_id, "reason": step.reason} for session, step in way.steps
    ]


# --- rewind session -------------------------------------------------------------------------------------------------


@click.command("rewind")
@click.option("--to", "to_seq", required=True, type=click.IntRange(0), metavar="SEQ", help="To behind this event.")
@click.option("--only", type=click.Choice(["files", "chat"]), default=None, help="Leave the other as it is.")
@MERGE
@FORCE
@click.argument("wanted", default="", metavar="[ID]")
def rewind_session(*, to_seq: int, only: str | None, merge: bool, force: bool, wanted: str) -> Work:
    """Bring a session and its files to how they were behind an event; the last session of this workspace without ID.

    Nothing is lost: what was rewound stays in the session, and a rewind to a later event goes there again.
    """
    how = on_conflict(merge=merge, force=force)
    what: What = "files" if only == "files" else "conversation" if only == "chat" else "both"
    return Work("rewind session", lambda services: lambda: _rewind(services, wanted, to_seq, what, how))


def _rewind(services: Services, wanted: str, to_seq: int, what: What, how: OnConflict) -> Iterator[Event]:
    from aiex.jobs.checkpointing import notices
    from aiex.jobs.rewinding import rewind
    from aiex.jobs.stepping import tell_uncovered

    yield from notices(services.checkpoints)
    place = find_place(services)
    session = place.sessions.find(wanted, root=place.root)
    last = place.sessions.state(session).seq
    done = rewind(place, session, to_seq, what, how)
    moved = {"files": "its files are", "conversation": "what was said is", "both": "files and conversation are"}
    text = f"session {session}: {moved[done.aim.what]} as behind event {to_seq}"
    data = {"session": session, "to_seq": to_seq, "what": done.aim.what}
    back = f"aiex rewind session {session} --to {last}" + {
        "files": " --only files",
        "conversation": " --only chat",
    }.get(done.aim.what, "")
    if done.restored is not None:
        yield from tell_uncovered(done.restored.uncovered)
        yield _with_way_back(restored_as(done.restored, text, **data), back)
        return
    if what == "both":
        text += "; no step since has a checkpoint, so the files stay as they are"
    yield answered(f"{text}\n\nto take this back: {back}", data)


# --- bisect session -------------------------------------------------------------------------------------------------


class _BehindDashes(click.Command):
    """A command whose last words, those behind --, are another command's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_BEHIND] = args[:at], tuple(args[at + 1 :])
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


@click.command("bisect", cls=_BehindDashes)
@click.option(
    "--from", "from_seq", default=0, type=click.IntRange(0), metavar="SEQ", help="It passed behind this event."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End a run after so long."
)
@click.option("--approve", is_flag=True, help="Run it also if it is forbidden, a rule asks, or nothing can confine it.")
@click.argument("wanted", default="", metavar="[ID]")
def bisect_session(*, from_seq: int, wanted: str, timeout: float | None, approve: bool) -> Work:
    """Find the step after which COMMAND began to fail, in the last session of this workspace or that with this ID.

    The files are brought to how they were between the steps, and COMMAND runs there, confined as by aiex run sandbox.
    At the end they are as they were. Exit code 125 of COMMAND says that it cannot tell.
    """
    command = click.get_current_context().meta.get(_BEHIND, ())
    if not command:
        raise UsageError("no command is given", hint="behind --: aiex bisect session -- make test")

    def prepare(services: Services) -> Job:
        return lambda: _bisect(services, wanted, from_seq, command, timeout_s=timeout, approved=approve)

    return Work("bisect session", prepare, waits=True)


def _bisect(
    services: Services,
    wanted: str,
    from_seq: int,
    command: tuple[str, ...],
    *,
    timeout_s: float | None,
    approved: bool,
) -> AsyncIterator[Event]:
    from aiex.guard.sandbox.probing import choose
    from aiex.jobs.bisecting import bisect
    from aiex.jobs.confine import run_confined

    place = find_place(services)
    session = place.sessions.find(wanted, root=place.root)
    bounds, way = services.bounds(), choose()
    if not bounds.sandbox.writable:
        raise UsageError("a search changes files, and here nothing may be changed", hint="another --permission-mode")

    def run() -> AsyncIterator[Event]:
        return run_confined(
            command, bounds, way, gate=services.gate, cwd=os.path.realpath(services.cwd), timeout_s=timeout_s,
            approved=approved,
        )  # fmt: skip

    return bisect(place, session, run, from_seq=from_seq)
