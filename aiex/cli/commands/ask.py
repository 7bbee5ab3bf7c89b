"""Ask a question about code, or any other, of a model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from aiex.cli.agentflags import session_options, which_session
from aiex.cli.flags import budget_option
from aiex.cli.schemas import read_schema
from aiex.cli.streams import read_text_input
from aiex.cli.work import Events, Job, Work
from aiex.errors import UsageError
from aiex.record import record
from aiex.wiring import OFFLINE, Services

if TYPE_CHECKING:
    from aiex.context.retrieval import Retrieval
    from aiex.jobs.ask import AskTask
    from aiex.messages import Request


@record
class Wish:
    """What the words said."""

    question: str
    paths: tuple[str, ...]
    name: str
    schema: str
    finds_code: bool
    show_request: bool
    goes_on: bool = False
    """With a session that is there."""


@click.command()
@click.argument("question")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--name", default="", metavar="FILE", help="With '-': the file that the text belongs to.")
@click.option("--no-code", "alone", is_flag=True, help="Without a PATH: send the question alone.")
@click.option("--schema", default="", metavar="FILE", help="Answer with JSON that fits this JSON schema.")
@budget_option("At most N tokens in the request.")
@click.option("--explain", "show_request", is_flag=True, help="Show what a model would be sent, and send nothing.")
@session_options
def command(
    question: str,
    paths: tuple[str, ...],
    name: str,
    schema: str,
    resume: str | None,
    *,
    alone: bool,
    show_request: bool,
    goes_on: bool,
    forks: bool,
) -> Work:
    """Ask QUESTION of the model in use, about each PATH.

    PATH is a file, FILE:LINE, FILE:FIRST-LAST, FILE::Symbol, a directory, a picture, or - for standard input. Only
    what is named is sent. In a repository, a question without a PATH is sent with the code that it needs; --explain
    shows which.

    \b
    aiex ask "where are sessions kept, and who deletes them?"
    aiex ask "why is the cache keyed by content?" src/cache.py -m anthropic/MODEL
    git diff | aiex ask "what could break?" -
    aiex ask -c "and where is that tested?"
    """
    resumes = _which_session(resume, goes_on=goes_on, forks=forks, show_request=show_request)
    if alone and paths:
        raise UsageError("--no-code goes without a PATH", hint="only what is named is sent")
    wish = Wish(question, paths, name, schema, not alone and not paths, show_request, resumes is not None)
    return Work(
        "ask",
        lambda services: prepare(wish, services),
        markup="text" if schema else "markdown",
        keeps=not show_request,
        resumes=resumes,
        forks=forks,
    )


def _which_session(resume: str | None, *, goes_on: bool, forks: bool, show_request: bool) -> str | None:
    """The session to go on with, as `which_session`. Raises UsageError."""
    resumes = which_session(resume, goes_on=goes_on, forks=forks)
    if show_request and resumes is not None:
        raise UsageError("--explain shows what is asked now, without a session", hint="leave -c or -r away")
    return resumes


def prepare(wish: Wish, services: Services) -> Job:
    """Check the wish against the world: standard input and the schema are read here.

    Raises:
        UsageError: if the parts do not go together, or the schema is none.
        ConfigError: if the model's provider is not configured.
        StoreError: if standard input or the schema cannot be read.
    """
    from aiex.jobs.ask import STDIN, AskTask

    has_stdin = STDIN in wish.paths
    if wish.paths.count(STDIN) > 1:
        raise UsageError("standard input can be read once only")
    if wish.name and not has_stdin:
        raise UsageError("--name goes with standard input only", hint='aiex ask "…" - --name FILE < FILE')
    task = AskTask(
        wish.question,
        wish.paths,
        model=OFFLINE if services.is_offline else services.model,
        budget_tokens=services.settings.get("budget_tokens"),
        base=os.path.realpath(services.cwd) if services.cwd else "",
        name=wish.name,
        stdin=read_text_input("aiex ask QUESTION - < FILE") if has_stdin else None,
        schema=read_schema(wish.schema, services) if wish.schema else None,
        show_request=wish.show_request,
    )

    def start() -> Events:
        retrieval = services.retrieval if wish.finds_code and services.is_repository else None
        if retrieval is None or not task.question.strip() or not (wish.show_request or task.model != OFFLINE):
            return _ask(task, services, retrieval, goes_on=wish.goes_on)
        from aiex.jobs.embedding import with_vectors

        embedder = None if wish.show_request else services.embedder
        return with_vectors(
            lambda: _ask(task, services, retrieval, goes_on=wish.goes_on), retrieval, embedder, task.question
        )

    return start


def _ask(task: AskTask, services: Services, retrieval: Retrieval | None, *, goes_on: bool) -> Events:
    from aiex.jobs.ask import ask

    def project(request: Request) -> Request:
        """What was said before gets as much room as what is asked now."""
        from aiex.jobs.continuing import with_talk

        state = services.sessions.state(services.session)
        return with_talk(request, state, counting=services.counting, budget_tokens=2 * task.budget_tokens)

    return ask(
        task,
        engine=services.engine,
        workspace=services.workspace,
        stream=services.stream,
        counting=services.counting,
        retrieval=retrieval,
        gate=services.gate,
        project=project if goes_on else None,
    )
