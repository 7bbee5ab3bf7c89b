"""Review a change by rules that need no model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from aiex.cli.flags import complete_file
from aiex.cli.work import Events, Job, Markup, Work
from aiex.errors import UsageError
from aiex.record import record
from aiex.wiring import Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.jobs.reviewing.changes import Wanted
    from aiex.jobs.reviewing.model import Severity
    from aiex.jobs.reviewing.review import Reviewed, Source

STDOUT = "-"


@record
class Wish:
    """What the words said."""

    paths: tuple[str, ...]
    base: str | None
    commit: str | None
    uncommitted: bool
    fail_on: Severity
    sarif: str


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=complete_file)
@click.option("--base", default=None, metavar="REV", help="What changed since this branch or commit parted from here.")
@click.option("--commit", default=None, metavar="REV", help="What one commit changed.")
@click.option("--uncommitted", is_flag=True, help="What is staged, not staged, and not tracked.")
@click.option(
    "--fail-on",
    type=click.Choice(("note", "warning", "error")),
    default="error",
    show_default=True,
    help="Exit with 3 when something as bad as this is found, or worse.",
)
@click.option("--deep", is_flag=True, help="Let the model in use read the change too.")
@click.option(
    "--sarif", default="", metavar="FILE", help="Write SARIF 2.1.0 to a new FILE, or '-' for standard output."
)
def command(
    paths: tuple[str, ...],
    base: str | None,
    commit: str | None,
    fail_on: Severity,
    sarif: str,
    *,
    uncommitted: bool,
    deep: bool,
) -> Work:
    """Review what changed, by rules that need no model, and with --deep by the model in use as well.

    Without an option: what is not committed, or else the last commit. With PATH only what lies there; outside of a git
    repository whole files. A comment `aiex: ignore[RULE]` on the line, or alone above it, waves a finding through, and
    the setting review.disable leaves rules out.

    \b
    aiex review
    aiex review --base main --fail-on warning
    aiex review --commit HEAD~1 -o json
    aiex review --base origin/main --sarif review.sarif

    The exit code is 0, or 3 when the review is done and red.
    """
    if sum((base is not None, commit is not None, uncommitted)) > 1:
        raise UsageError("--base, --commit and --uncommitted exclude each other", hint="choose one of them")
    wish = Wish(paths, base, commit, uncommitted, fail_on, sarif)
    to_stdout = sarif == STDOUT
    if deep:
        markup: Markup = "patch" if to_stdout else "steps"
        return Work(
            "review",
            lambda services: prepare(wish, services, deep=True),
            markup=markup,
            waits=True,
            keeps=True,
            converses=True,
        )
    return Work("review", lambda services: prepare(wish, services), markup="verbatim" if to_stdout else "text")


def prepare(wish: Wish, services: Services, *, deep: bool = False) -> Job:
    """Check the wish against the world: every PATH must be there.

    Raises:
        UsageError: if a PATH does not exist, or SARIF and another form are both wanted on standard output.
        Denied: if a PATH lies outside the workspace.
    """
    from aiex.jobs.reviewing.review import ReviewTask, review

    if wish.sarif == STDOUT and services.settings.get("output.format") != "text":
        raise UsageError("--sarif - and another output format exclude each other", hint="--sarif FILE goes with both")
    disabled = tuple(services.settings.get("review.disable"))
    task = ReviewTask(_wanted(wish, services), wish.fail_on, disabled)
    deliver = _deliver_to(wish.sarif, services.cwd)
    sources = (_model_source(services),) if deep else ()

    def start() -> Events:
        return review(task, workspace=services.workspace, engine=services.engine, sources=sources, deliver=deliver)

    return start


def _model_source(services: Services) -> Source:
    from aiex.jobs.reviewing.bymodel import ModelSource

    return ModelSource(services)


def _wanted(wish: Wish, services: Services) -> Wanted:
    from aiex.jobs.reviewing.changes import Wanted
    from aiex.jobs.reviewing.paths import find_paths

    paths = find_paths(wish.paths, services.workspace, os.path.realpath(services.cwd))
    if wish.base is not None:
        return Wanted("base", wish.base, paths)
    if wish.commit is not None:
        return Wanted("commit", wish.commit, paths)
    return Wanted("uncommitted" if wish.uncommitted else "", "", paths)


def _deliver_to(sarif: str, cwd: str) -> Callable[[Reviewed], str] | None:
    """Writes SARIF to a file, or makes it the answer."""
    if not sarif:
        return None

    def deliver(done: Reviewed) -> str:
        from aiex.guard.handover import write_new
        from aiex.jobs.reviewing.sarif import render_sarif

        text = render_sarif(done) + "\n"
        if sarif == STDOUT:
            return text
        write_new(os.path.join(cwd, sarif), [text.encode("ascii")])
        return ""

    return deliver
