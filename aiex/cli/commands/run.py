"""Let a model work on a wish: it reads, edits, runs and checks, within your rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aiex.cli.agentflags import DRY_RUN, limit_options, session_options, which_session
from aiex.cli.schemas import read_schema
from aiex.cli.streams import read_appended, read_text_input
from aiex.cli.work import Job, Work
from aiex.errors import UsageError
from aiex.runs.steps import find_step
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.messages import Part

STDIN = "-"
HEAD_CHARS, TAIL_CHARS = 20_000, 180_000
"""Of what is added on standard input: about 60,000 tokens."""


@click.command()
@click.argument("prompt", required=False, metavar="[PROMPT|-]")
@session_options
@click.option("--json-schema", "schema", default="", metavar="FILE", help="End with JSON that fits this JSON schema.")
@click.option("--worktree", default="", metavar="NAME", help="Work in a git worktree of this name.")
@DRY_RUN
@limit_options
def command(
    prompt: str | None,
    resume: str | None,
    schema: str,
    worktree: str,
    *,
    goes_on: bool,
    forks: bool,
    is_dry: bool,
    agrees: bool,
) -> Work:
    """Let the model in use work on PROMPT, until it is done or a limit is reached.

    What comes on standard input is added to PROMPT, the middle left out where it is very long; - takes the prompt
    itself from there. Files are changed in steps that aiex undo takes back. What would have to be asked is refused
    where nobody can answer: --permission-mode says what is done unasked.

    \b
    aiex run "add a --json flag to the list command, with a test" --permission-mode accept-edits
    pytest -q 2>&1 | aiex run "mend what fails" --yolo --max-cost 0.50
    aiex run -c "now the documentation" -o stream-json
    """
    if prompt is not None and prompt != STDIN and not prompt.strip():
        raise UsageError("the prompt is empty", hint='aiex run "what to do"')
    if is_dry and worktree:
        raise UsageError("a worktree is made on disk, and --dry-run writes nothing", hint="use one of them")
    return Work(
        "run",
        lambda services: prepare(services, prompt, schema, is_dry=is_dry, agrees=agrees),
        markup="steps",
        keeps=True,
        converses=True,
        waits=True,
        resumes=which_session(resume, goes_on=goes_on, forks=forks),
        forks=forks,
        worktree=worktree,
    )


def prepare(
    services: Services,
    prompt: str | None,
    schema: str,
    *,
    is_dry: bool = False,
    agrees: bool = False,
) -> Job:
    """Check the wish against the world: standard input and the schema are read here.

    Raises:
        UsageError: if nothing is wished for, or the schema is none.
        Rejected: if no model is in use.
        StoreError: if standard input or the schema cannot be read.
    """
    from aiex.cli.asking import find_person
    from aiex.jobs.working import Wish, require_model, work

    require_model(services)
    parts, fits = tuple(read_wish(prompt)), read_schema(schema, services) if schema else None
    wish = Wish(parts, fits, is_dry=is_dry)
    person = find_person(services.person, agrees=agrees)
    return lambda: work(wish, services, person=person, step=lambda reason: find_step(services, reason))


def read_wish(prompt: str | None) -> list[Part]:
    """What the person wants, with what comes on standard input. Raises UsageError and StoreError."""
    from aiex.guard.redact import redact
    from aiex.messages import Document, Text

    if prompt == STDIN or prompt is None:
        text = _decode(read_text_input('aiex run "what to do"'))
        if not text.strip():
            raise UsageError("there is nothing to do: no prompt was given", hint='aiex run "what to do"')
        return [Text(redact(text))]
    appended = _decode(read_appended())
    material = [Document("standard input", "text/plain", redact(_shorten(appended)))] if appended.strip() else []
    return [*material, Text(redact(prompt))]


def _shorten(text: str) -> str:
    """The beginning and the end of what is too long for a request; the end says most, as in the output of tests."""
    left_out = len(text) - HEAD_CHARS - TAIL_CHARS
    if left_out <= 0:
        return text
    return f"{text[:HEAD_CHARS]}\n… {left_out:,} characters are left out …\n{text[-TAIL_CHARS:]}"


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")
