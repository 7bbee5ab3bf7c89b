"""The isolation that commands run in: run one yourself, see what is allowed."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Job, Work, answered
from aiex.events import Event
from aiex.runs.steps import find_step
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.guard.sandbox.bounds import SandboxPolicy

_READ_ONLY = click.option("--read-only", is_flag=True, help="Nothing may be written, the workspace neither.")
_DOMAIN = click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="HOST",
    help="A host that may be reached: example.org, *.example.org, example.org:8080; repeatable.",
)


@click.command("run", context_settings={"ignore_unknown_options": False})
@_READ_ONLY
@_DOMAIN
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End it after so long.")
@click.option("--memory", type=click.IntRange(min=1), metavar="MB", help="Address space of each process.")
@click.option("--isolation", default="", metavar="NAME", help="Use this way to confine instead of the strongest.")
@click.option("--approve", is_flag=True, help="Run it also if it is forbidden, a rule asks, or nothing can confine it.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_sandbox(
    *,
    read_only: bool,
    domains: tuple[str, ...],
    timeout: float | None,
    memory: int | None,
    isolation: str,
    approve: bool,
    command: tuple[str, ...],
) -> Work:
    """Run COMMAND under the isolation that the assistant's commands get.

    Write -- before it. Its output comes as it is written, and its exit code is that of aiex. It reads standard input
    unless that is a terminal. The command, the hosts it asks for and how it ended go into the audit log.

    A checkpoint is taken first, and what the command did to the files is kept: aiex undo takes it back.
    """

    def prepare(services: Services) -> Job:
        from aiex.guard.sandbox.probing import choose
        from aiex.jobs.confine import run_confined

        bounds = services.bounds(read_only=read_only, domains=domains, memory_mb=memory or 0)
        way = choose(isolation)
        stdin = None if sys.stdin is None or sys.stdin.isatty() else 0
        step = find_step(services, f"run {shlex.join(command)}") if bounds.sandbox.writable else None
        return lambda: run_confined(
            command,
            bounds,
            way,
            gate=services.gate,
            cwd=os.path.realpath(services.cwd),
            timeout_s=timeout,
            stdin=stdin,
            approved=approve,
            step=step,
        )

    return Work("run sandbox", prepare, markup="verbatim", waits=True, keeps=True)


@click.command("show")
@_READ_ONLY
@_DOMAIN
def show_sandbox(*, read_only: bool, domains: tuple[str, ...]) -> Work:
    """Show what confines commands here, what they may touch and why, and what a trial of each way showed."""

    def prepare(services: Services) -> Job:
        return lambda: _show(services.bounds(read_only=read_only, domains=domains).sandbox)

    return Work("show sandbox", prepare)


def _show(policy: SandboxPolicy) -> Iterator[Event]:
    from aiex.jobs.confine import describe_isolation

    found = describe_isolation(policy)
    yield answered("\n".join(_lines(found)), found)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from aiex.guard.neutral import printable_path

    used = next(row for row in found["backends"] if row["name"] == found["backend"])
    yield f"commands are confined by {found['backend']}" if not used["asks_each_time"] else "nothing confines commands"
    yield from (f"  not covered: {gap}" for gap in used["gaps"])
    yield ""
    rows = [(row["name"], "works" if row["works"] else "does not work", row["reason"]) for row in found["backends"]]
    yield columns(rows)
    yield ""
    yield columns([("/", "may be read only"), *((printable_path(row["path"]), row["why"]) for row in found["paths"])])
    if found["links"]:
        yield ""
        yield from (
            f"{printable_path(path)} is a link: it stays where it is, and what it points to is protected"
            for path in found["links"]
        )
    yield ""
    yield f"network: {', '.join(found['domains']) if found['domains'] else 'none'}"
    limits = ", ".join(f"{name} {value:,}" for name, value in found["limits"].items() if value)
    yield f"limits: {limits or 'none'}"


NOUN = Noun({"run": run_sandbox, "show": show_sandbox})
