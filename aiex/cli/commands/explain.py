"""Explain a file, a symbol, some lines or a directory."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click

from aiex.cli.flags import Flags
from aiex.cli.streams import read_stdin, say
from aiex.cli.work import Events, Job, Work
from aiex.errors import StoreError, UsageError
from aiex.events import StreamEvent
from aiex.messages import Request
from aiex.record import record
from aiex.wiring import Services, Stream

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aiex.jobs.explain import ExplainTask

STDIN_LIMIT_BYTES = 64 * 1024 * 1024
"""More is no source text; six times the largest file that is explained in full."""


@record
class Wish:
    """What the words said."""

    target: str
    name: str
    show_request: bool


class ExplainCommand(click.Command):
    """Takes `-:10-20` and `-::name`, places in standard input, for what they are and not for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        places = [word for word in args if word.startswith(("-:", "-#"))]
        if places and "--" not in args:
            args = [word for word in args if word not in places] + ["--", *places]
        return super().parse_args(ctx, args)


def _remember_budget(ctx: click.Context, _param: click.Parameter, value: int | None) -> None:
    if value is not None:
        ctx.find_root().ensure_object(Flags).settings["budget_tokens"] = value


def _complete_target(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


@click.command(cls=ExplainCommand)
@click.argument("target", shell_complete=_complete_target)
@click.option("--name", default="", metavar="FILE", help="With '-': the file that the text belongs to.",
              shell_complete=_complete_target)  # fmt: skip
@click.option("--budget", type=click.IntRange(min=1), metavar="N", expose_value=False, callback=_remember_budget,
              help="At most N tokens of code and facts.")  # fmt: skip
@click.option("--explain", "show_request", is_flag=True, help="Show what a model would be sent, and send nothing.")
def command(target: str, name: str, *, show_request: bool) -> Work:
    """Explain TARGET: from static analysis alone, or by a model that reads it.

    TARGET is PATH, PATH:LINE, PATH:FIRST-LAST, PATH::Symbol.name, a directory, or - for standard input.

    \b
    aiex explain src/app.py
    aiex explain src/app.py::Basket.add -m openai/MODEL
    git show HEAD:app.py | aiex explain - --name app.py
    """
    wish = Wish(target, name, show_request)
    return Work("explain", lambda services: prepare(wish, services), markup="markdown")


def prepare(wish: Wish, services: Services) -> Job:
    """Check the wish against the world: standard input is read here, and the model must be configured.

    Raises:
        UsageError: if the parts do not go together.
        ConfigError: if the model's provider is not configured.
        StoreError: if standard input cannot be read.
    """
    task = _task_of(wish, services)

    def start() -> Events:
        from aiex.jobs.briefing.history import git_of
        from aiex.jobs.explain import explain

        return explain(
            task,
            engine=services.engine,
            workspace=services.workspace,
            stream=_ask_late(services),
            history=git_of(services.workspace),
        )

    return start


def _task_of(wish: Wish, services: Services) -> ExplainTask:
    from aiex.jobs.explain import ExplainTask

    is_stdin = wish.target == "-" or wish.target.startswith(("-:", "-#"))
    if wish.name and not is_stdin:
        from aiex.guard.neutral import printable_path

        hint = f"aiex explain - --name {printable_path(wish.name)} < FILE"
        raise UsageError("--name goes with standard input only", hint=hint)
    return ExplainTask(
        wish.target,
        model=services.model,
        budget_tokens=services.settings.get("budget_tokens"),
        base=os.path.realpath(services.cwd),
        name=wish.name,
        stdin=_read_text() if is_stdin else None,
        show_request=wish.show_request,
    )


def _ask_late(services: Services) -> Stream:
    """Asks the model in use, which is looked up only then: `--explain` needs no key."""

    def stream(request: Request) -> AsyncIterator[StreamEvent]:
        return services.stream(request)

    return stream


def _read_text() -> bytes:
    if sys.stdin is not None and sys.stdin.isatty():
        say("reading from the terminal; end with Ctrl-D on a line of its own")
    try:
        text = read_stdin(STDIN_LIMIT_BYTES)
    except OSError as error:
        raise StoreError(
            f"cannot read standard input: {error.strerror or error}", hint="aiex explain - < FILE"
        ) from error
    if len(text) > STDIN_LIMIT_BYTES:
        raise UsageError(f"standard input is larger than {STDIN_LIMIT_BYTES >> 20} MiB", hint="save it as a file first")
    return text
