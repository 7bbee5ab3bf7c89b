"""Run a command, and let a model mend what fails until it passes."""

from __future__ import annotations

import shlex

import click

from aiex.cli.agentflags import DRY_RUN, limit_options
from aiex.cli.asking import find_person
from aiex.cli.work import Job, Work
from aiex.errors import UsageError
from aiex.runs.steps import find_step
from aiex.wiring import Services

ROUNDS = 4


@click.command()
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True, metavar="N",
              help="Let the model try so many times.")  # fmt: skip
@click.option("--note", default="", metavar="TEXT", help="What else the model should know.")
@DRY_RUN
@limit_options
def command(*, command: tuple[str, ...], rounds: int, note: str, is_dry: bool, agrees: bool) -> Work:
    """Run COMMAND, and while it fails let the model in use look for the cause and mend it.

    Write -- before COMMAND. Without one, the checks of the project are run: those of the setting checks.commands, and
    in a trusted project what its files name. It ends well (0) when all of them pass, and with 3 when one still fails.
    It also ends when the model changes nothing. With --dry-run COMMAND runs once, may write nothing, and the patch that
    comes of it is not tried.

    \b
    aiex fix -- pytest -q tests/test_cart.py
    aiex fix --permission-mode auto --max-cost 1 -- npm test
    """

    def prepare(services: Services) -> Job:
        from aiex.guard.redact import redact
        from aiex.jobs.verifying import checks_behind, typed_check
        from aiex.jobs.working import Wish, require_model, work
        from aiex.messages import Text

        require_model(services)
        if command and not _join(command).strip():
            raise UsageError("the command is empty", hint="aiex fix -- pytest -q")
        checks = (typed_check(_join(command)),) if command else checks_behind(services)
        if not checks:
            raise UsageError(
                "there is no check to run: none is set, and what the files name is not trusted",
                hint="aiex fix -- COMMAND; or aiex add trust, or aiex set config checks.commands",
            )
        said = (Text(redact(note)),) if note.strip() else ()
        wish = Wish(said, checks=checks, repairs=rounds - 1, is_dry=is_dry)
        person = find_person(services.person, agrees=agrees)
        return lambda: work(wish, services, person=person, step=lambda reason: find_step(services, reason))

    return Work("fix", prepare, markup="steps", keeps=True, converses=True, waits=True)


def _join(words: tuple[str, ...]) -> str:
    """The words as a line for bash; a single one is a line already."""
    return words[0] if len(words) == 1 else shlex.join(words)
