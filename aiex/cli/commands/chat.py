"""Open the screen: talk to a model and see all that it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from aiex.cli.agentflags import limit_options, which_session
from aiex.cli.work import Work
from aiex.errors import UsageError
from aiex.runs.opening import Opening

if TYPE_CHECKING:
    from aiex.wiring import Services

_CHOOSE = "?"
"""What -r means without a session: no session is called so."""


@click.command()
@click.argument("prompt", required=False)
@click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the last session here.")
@click.option("-r", "--resume", is_flag=False, flag_value=_CHOOSE, default=None, metavar="[ID]",
              help="Go on with a session: ID or title; without one, choose from a list.")  # fmt: skip
@click.option("--fork", "forks", is_flag=True, help="With -c or -r: go on in a copy, and leave the session.")
@limit_options
def command(prompt: str | None, resume: str | None, *, goes_on: bool, forks: bool, agrees: bool) -> Work:
    """Open the screen, and send PROMPT if there is one.

    This is what `aiex` does on a terminal; `aiex "PROMPT"`, `aiex -c` and
    `aiex -r` are short for it.

    \b
    aiex
    aiex "why does the total come out wrong?"
    aiex -c
    """
    if agrees:
        raise UsageError("the screen asks you itself", hint="--permission-mode auto, or --yolo")
    return open_chat(prompt or "", resume, goes_on=goes_on, forks=forks)


def open_chat(prompt: str = "", resume: str | None = None, *, goes_on: bool = False, forks: bool = False) -> Work:
    """The work of a screen. Raises UsageError where the words do not fit together."""
    chooses = resume == _CHOOSE
    resumes = which_session(None if chooses else resume, goes_on=goes_on, forks=forks and not chooses)

    def prepare(_: Services) -> NoReturn:
        raise UsageError("a screen cannot be opened inside another", hint="aiex run does the same without one")

    return Work("chat", prepare, waits=True, opening=Opening(prompt, resumes, forks, chooses))
