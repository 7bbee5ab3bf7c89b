"""Runs one command of a person's under isolation, as a step that can be undone; and tells what isolation there is."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.agent.commands import Hosts, tell_output, warn
from aiex.errors import AiexError, Denied
from aiex.events import Event, FileEdited, ToolFinished, ToolStarted, TurnEnded
from aiex.guard.actions import TYPED

if TYPE_CHECKING:
    from aiex.guard.actions import Action
    from aiex.guard.gate import Gate
    from aiex.guard.passage import Admitted
    from aiex.guard.policy.bounds import Bounded
    from aiex.guard.sandbox.bounds import SandboxPolicy
    from aiex.guard.sandbox.cover import Cover
    from aiex.guard.sandbox.isolation import Asked, Isolation
    from aiex.guard.sandbox.runner import Ended, Runner
    from aiex.jobs.stepping import Step

TOOL = "run"
APPROVE = "--approve"
TIMED_OUT_EXIT = 124
"""As timeout(1) has it."""
_WHY = {
    "write": "may be written",
    "hold": "may be written, stays where it is: something protected lies in it",
    "read": "may be read only",
    "absent": "cannot be made: the name is protected",
    "hide": "holds secrets, so nobody sees it",
}


async def run_confined(
    argv: Sequence[str],
    bounds: Bounded,
    isolation: Isolation,
    *,
    gate: Gate,
    cwd: str,
    timeout_s: float | None = None,
    stdin: int | None = None,
    approved: bool = False,
    step: Step | None = None,
) -> AsyncIterator[Event]:
    """The output of a command as it comes, what it did to the files, then its outcome with its own exit code.

    Args:
        argv: Program and arguments.
        bounds: What it may touch.
        isolation: How that is drawn.
        gate: Decides on the command and on the hosts that it asks for, and puts them on record.
        cwd: Where it runs.
        timeout_s: After so long it is ended, with exit code 124.
        stdin: A descriptor that it reads from; nothing when None.
        approved: A person wants it to run although a rule asks, it is forbidden, or nothing confines it.
        step: Looks after the files; None where the command may write nothing, or nobody wants to undo it.

    Raises:
        Denied: naming the rule.
    """
    from aiex.guard.policy.places import command_action

    for warned in warn(isolation, bounds):
        yield warned
    action = command_action(shlex.join(argv), cwd, bounds.sandbox.root, isolation=isolation.name)
    admitted = await _admit(gate, action, approved=approved)
    hosts = Hosts(gate, admitted, chosen="typed by a person: --domain")
    with gate.passing(admitted) as passage:
        wanted = _Wanted(argv, cwd, timeout_s, stdin, hosts.see, approved)
        running = _Running(os.urandom(6).hex(), action.subject, step)
        async with aclosing(running.tell(bounds, isolation, wanted)) as events:
            async for event in events:
                if isinstance(event, TurnEnded):
                    hosts.end()
                    passage.status = "failed" if event.exit_code else "done"
                    passage.text = f"exit code {event.exit_code}"
                yield event


class _Wanted(NamedTuple):
    """What is to be run, as `Runner.start` takes it."""

    argv: Sequence[str]
    cwd: str
    timeout_s: float | None
    stdin: int | None
    watch: Callable[[Asked], None]
    approved: bool


class _Running:
    """A command as a call of a tool, and as a step."""

    def __init__(self, call_id: str, command: str, step: Step | None) -> None:
        self._call_id = call_id
        self._command = command
        self._step = step

    async def tell(self, bounds: Bounded, isolation: Isolation, wanted: _Wanted) -> AsyncGenerator[Event, None]:
        from aiex.guard.sandbox.runner import Runner

        for event in self._step.begin() if self._step else ():
            yield event
        is_running = has_begun = False
        try:
            async with (
                Runner(bounds.sandbox, isolation=isolation) as runner,
                aclosing(_tell(runner, self._call_id, wanted)) as events,
            ):
                yield ToolStarted(self._call_id, TOOL, {"command": self._command})
                is_running = True
                async for event in events:
                    has_begun = True
                    if not isinstance(event, TurnEnded):
                        yield event
                        continue
                    told_last, paths = self._end(
                        f"exit code {event.exit_code}", is_error=event.exit_code != 0, took_ms=event.duration_ms
                    )
                    for told in told_last:
                        yield told
                    yield replace(event, files_changed=paths)
        except AiexError:
            if is_running:
                for told in self._end("broken off" if has_begun else "not run", is_error=True)[0]:  # why is told behind
                    yield told
            raise
        finally:
            if self._step:
                self._step.cut_off()

    def _end(
        self, text: str, *, is_error: bool, took_ms: int | None = None
    ) -> tuple[tuple[Event, ...], tuple[str, ...]]:
        """What the command did and how it ended, and the files that it changed.

        A call whose step may have changed what nobody knows stays without an end, so that the step counts.
        """
        events, is_known = self._step.end() if self._step else ((), True)
        paths = tuple(one.path for one in events if isinstance(one, FileEdited))
        finished = (ToolFinished(self._call_id, TOOL, text, is_error, took_ms),) if is_known else ()
        return (*events, *finished), paths


async def _admit(gate: Gate, action: Action, *, approved: bool) -> Admitted:
    from aiex.guard.policy.modes import is_forbidden

    try:
        return await gate.admit(action, chosen=TYPED, approved=APPROVE if approved else "")
    except Denied as error:
        found = gate.judge(action, chosen=TYPED)
        if not approved and (found.effect == "ask" or is_forbidden(found)):
            error.hint = f"to run it all the same: aiex run sandbox {APPROVE} -- COMMAND"
        raise


async def _tell(runner: Runner, call_id: str, wanted: _Wanted) -> AsyncGenerator[Event, None]:
    from aiex.guard.sandbox.runner import Ended

    argv, cwd, timeout_s, stdin, watch, approved = wanted
    command = await runner.start(argv, cwd=cwd, timeout_s=timeout_s, stdin=stdin, approved=approved, watch=watch)
    async with aclosing(tell_output(command, call_id)) as events:
        async for event in events:
            if isinstance(event, Ended):
                yield _outcome(event, command.read().decode("utf-8", "replace"), timeout_s)
            else:
                yield event


def _outcome(ended: Ended, output: str, timeout_s: float | None) -> TurnEnded:
    code = TIMED_OUT_EXIT if ended.timed_out else ended.code
    data = {
        "exit_code": code,
        "timed_out": ended.timed_out,
        "size_bytes": ended.size_bytes,
        "lost_bytes": ended.lost_bytes,
        "asked": [one._asdict() for one in ended.asked],
    }
    took_ms = round(ended.duration_s * 1000)
    if code == 0:
        return TurnEnded("success", "exited", 0, answer=output, data=data, duration_ms=took_ms)
    said = f"the command was ended after {timeout_s:g} s" if ended.timed_out else f"the command ended with {code}"
    return TurnEnded("error", "exited", code, answer=output, data=data, error=said, duration_ms=took_ms)


def describe_isolation(policy: SandboxPolicy) -> dict[str, Any]:
    """What a command may do here, what would confine it, and what a trial of every backend showed.

    Ways that ceased to work are told here, so `run_confined` does not warn of them any more.
    """
    from aiex.guard.sandbox.cover import Covering
    from aiex.guard.sandbox.probing import backends, choose, forget_lost

    covering = Covering(policy)
    covers = covering.find()
    limits = policy.limits
    tried = [{"name": one.name, **_described(one)} for one in backends()]
    forget_lost()
    return {
        "backend": choose().name,
        "backends": tried,
        "root": policy.root,
        "paths": [_row(cover) for cover in covers],
        "links": list(covering.links()),
        "domains": list(policy.domains),
        "limits": {
            "cpu_s": limits.cpu_s,
            "processes": limits.processes,
            "file_bytes": limits.file_bytes,
            "memory_bytes": limits.memory_bytes,
        },
    }


def _described(isolation: Isolation) -> dict[str, Any]:
    from aiex.guard.sandbox.probing import probe_of

    probe = probe_of(isolation, again=True)
    return {
        "works": probe.works,
        "reason": probe.reason,
        "asks_each_time": isolation.requires_approval,
        "gaps": list(probe.gaps),
    }


def _row(cover: Cover) -> dict[str, str]:
    return {"path": cover.path, "access": cover.kind, "why": _WHY[cover.kind]}
