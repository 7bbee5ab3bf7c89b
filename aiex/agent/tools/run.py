"""Runs a command in the workspace, confined; in the background where that is wanted, with its output by window."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.kit import begin_safely
from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.errors import ToolError
from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.commands import Hosts
    from aiex.agent.kit import Kit, Step
    from aiex.agent.processes import Process
    from aiex.events import Event
    from aiex.guard.passage import Passage
    from aiex.guard.sandbox.runner import Ended

DEFAULT_TIMEOUT_S: Final = 120.0
MOST_TIMEOUT_S: Final = 1800.0
_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {"type": "string"},
        "cwd": {"type": "string"},
        "timeout_s": {"type": "number", "description": "120 unless given, at most 1800"},
        "background": {"type": "boolean"},
        "job": {"type": "string", "description": "instead of command"},
        "offset": {"type": "integer", "description": "in bytes"},
        "limit": {"type": "integer"},
        "stop": {"type": "boolean"},
    },
    "additionalProperties": False,
}


class Run:
    """The tool."""

    kind: Kind = "run"
    parameters = _PARAMETERS

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """A command to be started, or one whose output is read on."""
        text, job = arguments.get("command", ""), arguments.get("job", "")
        if bool(text.strip()) == bool(job):
            raise ToolError("run takes either a command or a job", hint='{"command": "ls"} or {"job": "1"}')
        if job:
            return _plan_reading(arguments, kit)
        return _plan_start(text, arguments, kit)


TOOL: Final = Run()


# --- starting -------------------------------------------------------------------------------------------------------


@record
class _Wanted:
    """A command to be run."""

    text: str
    cwd: str
    timeout_s: float | None
    background: bool
    only_reads: bool


def _plan_start(text: str, arguments: Mapping[str, Any], kit: Kit) -> Plan:
    from aiex.guard.policy.places import command_action

    cwd = arguments.get("cwd") or "."
    _require_runnable(text, cwd, kit.root)
    action = command_action(text, cwd, kit.root, isolation=kit.processes.isolation.name)
    only_reads = kit.means.gate.judge.only_reads(action)
    if not only_reads and text not in kit.may_try:
        kit.require_changes_allowed(_title(text))
    background = bool(arguments.get("background"))
    timeout_s = _timeout_of(arguments, None if background else DEFAULT_TIMEOUT_S)
    wanted = _Wanted(text, action.detail.get("cwd", "."), timeout_s, background, only_reads or kit.is_dry)

    def act(going: Going) -> AsyncIterator[Event | Answer]:
        return _begin(wanted, kit, going)

    title = _title(text) + (" &" if background else "")
    return Plan(title, act, (action,), preview=text if "\n" in text else "")


def _require_runnable(text: str, cwd: str, root: str) -> None:
    for words in (text, cwd):
        try:
            fine = "\0" not in words and bool(os.fsencode(words))
        except UnicodeEncodeError:
            fine = False
        if not fine:
            raise ToolError("a command and its directory are text without NUL characters")
    if not os.path.isdir(os.path.join(root, cwd)):
        raise ToolError(f"cannot run in {cwd}: it is no directory", hint="cwd is relative to the workspace")


def _timeout_of(arguments: Mapping[str, Any], otherwise: float | None) -> float | None:
    asked = arguments.get("timeout_s")
    if asked is None:
        return otherwise
    if not 0 < asked <= MOST_TIMEOUT_S:
        raise ToolError(f"timeout_s is {asked:g}, and has to be more than 0 and at most {MOST_TIMEOUT_S:g}")
    return float(asked)


def _title(text: str) -> str:
    first, _, rest = text.strip().partition("\n")
    return f"run {first}{' …' if rest else ''}"


async def _begin(wanted: _Wanted, kit: Kit, going: Going) -> AsyncIterator[Event | Answer]:
    """Start it as a step of its own, unless it only reads."""
    bounds = kit.processes.bounds(read_only=wanted.only_reads)
    for warned in kit.processes.warn(bounds):
        yield warned
    step = kit.step(_title(wanted.text)) if bounds.sandbox.writable else None
    going_on = _Going(wanted, kit, going, step)
    try:
        for event in begin_safely(step) if step else ():
            yield event
        async with aclosing(going_on.run_behind() if wanted.background else going_on.run()) as events:
            async for told in events:
                yield told
    finally:
        if step and not going_on.is_handed_on:
            kit.news += step.cut_off()


class _Going:
    """A command that was admitted, from its start to its end."""

    def __init__(self, wanted: _Wanted, kit: Kit, going: Going, step: Step | None) -> None:
        from aiex.agent.commands import Hosts

        self._wanted = wanted
        self._kit = kit
        self._call_id = going.call_id
        self._passage: Passage = going.passages[0]
        self._hosts: Hosts = Hosts(kit.means.gate, self._passage.admitted)
        self._step = step
        self.is_handed_on = False
        """It goes on in the background, and its step ends there."""

    async def run(self) -> AsyncGenerator[Event | Answer, None]:
        """Its output as it comes, what it did to the files, and the answer. Broken off, it ends with all it started."""
        from aiex.agent.commands import tell_output
        from aiex.events import Warned
        from aiex.guard.sandbox.runner import Ended

        processes = self._kit.processes
        process = await self._start()
        ended = None
        is_read_on = False
        try:
            async with aclosing(tell_output(process.command, self._call_id)) as events:
                async for told in events:
                    if not isinstance(told, Ended):
                        yield told
                        continue
                    ended = told
                    warnings: list[str] = []
                    for event in self._end(ended):
                        warnings += [f"warning: {event.message}"] if isinstance(event, Warned) else []
                        yield event
                    self._note_outcome(ended)
                    answer, is_read_on = _answer(process, ended, self._wanted.timeout_s)
                    answer = replace(answer, text="\n".join([answer.text, *warnings]))
            yield answer
        finally:
            if ended is None:
                await process.stop()
            if is_read_on:
                processes.keep(process)
            else:
                await processes.forget(process)

    async def run_behind(self) -> AsyncGenerator[Event | Answer, None]:
        """The answer that names it; what it does is told when it ends."""
        process = await self._start()
        self.is_handed_on = True
        self._passage.text = "in the background"
        if self._step:
            self._kit.behind.append(self._step)
        self._kit.processes.go_on(process, self._finish)
        yield Answer(f'runs in the background as job "{process.number}"')

    async def _start(self) -> Process:
        wanted, processes = self._wanted, self._kit.processes
        await processes.tidy()
        bounds = processes.bounds(read_only=wanted.only_reads)
        return await processes.start(
            wanted.text, bounds, cwd=wanted.cwd, timeout_s=wanted.timeout_s, watch=self._hosts.see
        )

    def _end(self, ended: Ended) -> tuple[Event, ...]:
        self._hosts.end()
        return self._step.end()[0] if self._step else ()

    def _finish(self, ended: Ended | None) -> None:
        """See to the end of a command in the background; the step that it was can be undone."""
        from aiex.events import FileEdited

        news, taken = self._kit.news, None
        if self._step:
            self._kit.behind.remove(self._step)
            taken = self._step.taken
        if ended is None:
            if self._step:
                news += self._step.cut_off()
            return
        told = self._end(ended)
        if self._kit.is_in_step:
            told = tuple(one for one in told if not isinstance(one, FileEdited))
        if taken and any(isinstance(one, FileEdited) for one in told):
            news.append(taken)
        news += told
        self._note_outcome(ended)
        passage = self._passage
        self._kit.means.gate.outcome(passage.admitted, passage.status, passage.text, detail=passage.detail)

    def _note_outcome(self, ended: Ended) -> None:
        passage = self._passage
        passage.status = "failed" if ended.code or ended.timed_out else "done"
        passage.text = f"exit code {ended.code}"
        passage.detail["exit_code"] = str(ended.code)
        if ended.timed_out:
            passage.detail["timed_out"] = "yes"


# --- reading on -----------------------------------------------------------------------------------------------------


def _plan_reading(arguments: Mapping[str, Any], kit: Kit) -> Plan:
    process = kit.processes.find(arguments["job"])
    wait_s = _timeout_of(arguments, 0.0)
    offset, limit = arguments.get("offset"), arguments.get("limit")
    if (offset is not None and offset < 0) or (limit is not None and limit < 1):
        raise ToolError("offset is 0 or more, and limit 1 or more")
    stop = bool(arguments.get("stop"))

    async def act(_: Going) -> AsyncIterator[Event | Answer]:
        ended = await process.stop() if stop else await process.settle(wait_s)
        yield _read_on(process, ended, offset=offset, limit_bytes=limit)

    verb = "stop" if stop else "read"
    return Plan(f"{verb} job {process.number}: {_title(process.text).removeprefix('run ')}", act)


def _read_on(process: Process, ended: Ended | None, *, offset: int | None, limit_bytes: int | None) -> Answer:
    from aiex.agent.outputs import WINDOW_BYTES, show_part

    size = process.command.spool.size_bytes
    start = process.read_to if offset is None else min(offset, size)
    window = show_part(process.command.read, size, start, limit_bytes or WINDOW_BYTES)
    process.read_to = window.resume
    lines = [f"{_describe_end(ended, None)}" if ended else "still runs", window.text.rstrip("\n")]
    if window.left_out:
        lines.append(f"… {window.left_out:,} bytes more: offset {window.resume}")
    elif not window.text:
        lines[1] = "(no more output)"
    return Answer("\n".join([*lines, *_losses(ended)]))


# --- what the model hears -------------------------------------------------------------------------------------------


def _answer(process: Process, ended: Ended, timeout_s: float | None) -> tuple[Answer, bool]:
    """The answer on a command that ended, and whether there is more to read of it."""
    from aiex.agent.outputs import show_output

    window = show_output(process.command.read, ended.size_bytes)
    lines = [_describe_end(ended, timeout_s), window.text.rstrip("\n") or "(no output)"]
    if window.left_out:
        lines.append(
            f'… {window.left_out:,} bytes left out; read on with job "{process.number}" offset {window.resume}'
        )
    return Answer("\n".join([*lines, *_losses(ended)])), bool(window.left_out)


def _describe_end(ended: Ended, timeout_s: float | None) -> str:
    how = f"exit code {ended.code}"
    if ended.timed_out:
        after = f" {timeout_s:g} s" if timeout_s else " its time"
        how = f"timed out after{after} and was ended, {how}"
    elif ended.killed:
        how = f"was stopped, {how}"
    elif ended.code > 128 and (name := _signal_name(ended.code - 128)):
        how = f"{how} ({name})"
    return f"{how}, {ended.duration_s:.1f} s"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def _losses(ended: Ended | None) -> list[str]:
    """What was not kept, and what was not reached."""
    if ended is None:
        return []
    lost = [f"{ended.lost_bytes:,} bytes more were not kept"] if ended.lost_bytes else []
    refused = dict.fromkeys(
        f"refused to reach {one.host}:{one.port}: {one.reason}" for one in ended.asked if not one.allowed
    )
    return [*lost, *list(refused)[:10]]
