"""The options of commands that let a model work: sessions to go on with, limits, and what may happen unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aiex.cli.flags import Flags, Handler
from aiex.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def session_options(handler: Handler) -> Handler:
    """`-c`, `-r` and `--fork`, as `which_session` takes them."""
    for option in (
        click.option("--fork", "forks", is_flag=True, help="With -c or -r: go on in a copy, and leave the session."),
        click.option("-r", "--resume", default=None, metavar="ID", help="Go on with this session: ID or title."),
        click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last session here."),
    ):
        handler = option(handler)
    return handler


def limit_options(handler: Handler) -> Handler:
    """`--max-turns`, `--sandbox` and `-y`, which all commands with an agent understand."""
    for option in (
        click.option("-y", "--yes", "agrees", is_flag=True, help="Agree, once each, to what would be asked."),
        _setting("--sandbox", "sandbox.mode", click.Choice(("read-only", "workspace-write", "off")), "MODE",
                 "What commands may write: read-only, workspace-write, off (asked for each)."),
        _setting("--max-turns", "budget.turns", click.IntRange(min=1), "N", "Ask the model at most so many times."),
    ):  # fmt: skip
        handler = option(handler)
    return handler


DRY_RUN = click.option("--dry-run", "is_dry", is_flag=True, help="Write nothing; show what would change as a diff.")


def _setting(name: str, key: str, kind: Any, metavar: str, text: str) -> Callable[[Handler], Handler]:
    """An option that stands for a setting."""

    def remember(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.find_root().ensure_object(Flags).settings[key] = value

    return click.option(name, type=kind, metavar=metavar, expose_value=False, callback=remember, help=text)


def which_session(resume: str | None, *, goes_on: bool, forks: bool) -> str | None:
    """The session to go on with, empty for the last one; None for a new one. Raises UsageError."""
    if resume is not None and goes_on:
        raise UsageError("-c goes on with the last session, -r with one that it names", hint="use one of them")
    if resume is not None and not resume.strip():
        raise UsageError("-r needs the session to go on with", hint="aiex list sessions; -c takes the last one")
    resumes = "" if goes_on else resume
    if forks and resumes is None:
        raise UsageError("--fork copies a session that is there", hint="name it with -r ID, or -c for the last one")
    return resumes
