"""Runs one command of a person's under isolation, telling what it writes; and tells what isolation there is."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from aiex.events import Event, ToolWrote, TurnEnded, Warned

if TYPE_CHECKING:
    from aiex.guard.sandbox.bounds import SandboxPolicy
    from aiex.guard.sandbox.cover import Cover
    from aiex.guard.sandbox.isolation import Isolation
    from aiex.guard.sandbox.runner import Ended, Runner

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
    policy: SandboxPolicy,
    isolation: Isolation,
    *,
    cwd: str,
    timeout_s: float | None = None,
    stdin: int | None = None,
    approved: bool = False,
) -> AsyncIterator[Event]:
    """The output of a command as it comes, then its outcome with its own exit code.

    Args:
        argv: Program and arguments.
        policy: The bounds.
        isolation: How they are drawn.
        cwd: Where it runs.
        timeout_s: After so long it is ended, with exit code 124.
        stdin: A descriptor that it reads from; nothing when None.
        approved: A person wants it to run even where nothing confines it.
    """
    from aiex.guard.sandbox.runner import Runner

    if isolation.requires_approval:
        yield Warned("nothing confines this command: it can read, write and reach whatever you can")
    async with (
        Runner(policy, isolation=isolation) as runner,
        aclosing(_tell(runner, argv, cwd, timeout_s, stdin, approved=approved)) as events,
    ):
        async for event in events:
            yield event


async def _tell(
    runner: Runner, argv: Sequence[str], cwd: str, timeout_s: float | None, stdin: int | None, *, approved: bool
) -> AsyncGenerator[Event, None]:
    from aiex.guard.sandbox.runner import STREAMS, Ended

    command = await runner.start(argv, cwd=cwd, timeout_s=timeout_s, stdin=stdin, approved=approved)
    decoders = {stream: getincrementaldecoder("utf-8")("surrogateescape") for stream in STREAMS}
    async with aclosing(command.events()) as events:
        async for event in events:
            if not isinstance(event, Ended):
                if text := decoders[event.stream].decode(event.data):
                    yield ToolWrote("", event.stream, text)
                continue
            for stream, decoder in decoders.items():
                if text := decoder.decode(b"", final=True):
                    yield ToolWrote("", stream, text)
            for asked in event.asked:
                if not asked.allowed:
                    yield Warned(f"refused to reach {asked.host}:{asked.port}: {asked.reason}")
            output = command.read().decode("utf-8", "replace")
            yield _outcome(event, output, timeout_s)


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
    """What a command may do here, what would confine it, and what a trial of every backend showed."""
    from aiex.guard.sandbox.cover import Covering
    from aiex.guard.sandbox.probing import backends, choose

    covering = Covering(policy)
    covers = covering.find()
    limits = policy.limits
    return {
        "backend": choose().name,
        "backends": [{"name": one.name, **_described(one)} for one in backends()],
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
