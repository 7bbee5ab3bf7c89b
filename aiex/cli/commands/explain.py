"""Explain a file, a symbol, lines, a directory or a shell command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from aiex.cli.flags import budget_option
from aiex.cli.streams import read_text_input
from aiex.cli.work import Events, Job, Work
from aiex.errors import UsageError
from aiex.record import record
from aiex.wiring import Services

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aiex.jobs.explain import ExplainTask


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


class SecondWord(click.Argument):
    """What follows `command`; the usage speaks of a target alone."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        return []


def _complete_target(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


@click.command(cls=ExplainCommand)
@click.argument("target", shell_complete=_complete_target)
@click.argument("shell_text", cls=SecondWord, required=False)
@click.option("--name", default="", metavar="FILE", help="With '-': the file that the text belongs to.",
              shell_complete=_complete_target)  # fmt: skip
@budget_option("At most N tokens of code and facts.")
@click.option("--explain", "show_request", is_flag=True, help="Show what a model would be sent, and send nothing.")
@click.pass_context
def command(ctx: click.Context, target: str, shell_text: str | None, name: str, *, show_request: bool) -> Work:
    """Explain TARGET: from static analysis alone, or by a model that reads it.

    TARGET is PATH, PATH:LINE, PATH:FIRST-LAST, PATH::Symbol.name, a directory, or - for standard input.

    \b
    aiex explain src/app.py
    aiex explain src/app.py::Basket.add -m openai/MODEL
    git show HEAD:app.py | aiex explain - --name app.py

    `aiex explain command CMD` says whether a shell command may run unasked, and
    why; a file of that name is ./command.

    \b
    aiex explain command 'git log --oneline | head -3'
    """
    if shell_text is not None:
        if target != "command":
            ctx.fail(f"Got unexpected extra argument ({shell_text})")
        from aiex.cli.classified import explain_command

        return explain_command(shell_text)
    wish = Wish(target, name, show_request)
    return Work("explain", lambda services: prepare(wish, services), markup="markdown", keeps=not show_request)


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
            stream=services.stream,
            counting=services.counting,
            history=git_of(services.workspace),
            gate=None if services.is_offline else services.gate,
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
        stdin=read_text_input("aiex explain - < FILE") if is_stdin else None,
        show_request=wish.show_request,
    )
