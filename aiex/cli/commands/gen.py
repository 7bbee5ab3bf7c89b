"""Make modules, functions, tests, docs and commit messages as the project does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from aiex.cli.agentflags import limit_options
from aiex.cli.flags import complete_file, with_globals
from aiex.cli.groups import WordError, Words
from aiex.cli.work import Job, Work
from aiex.errors import UsageError
from aiex.wiring import Services

if TYPE_CHECKING:
    from typing import Any

    from click.shell_completion import CompletionItem

    from aiex.jobs.generating.making import Wish
    from aiex.jobs.generating.model import Kind

DRY_RUN = click.option("--dry-run", is_flag=True, help="Show a unified diff, and write nothing.")
GOAL = click.option("--goal", default="", metavar="TEXT", help="Let the model in use write it, for this.")
DIFF = click.option("--diff", is_flag=True, help="Show the unified diff of what was written too.")


class How(TypedDict):
    """What the options say that every kind understands."""

    goal: str
    dry_run: bool
    diff: bool
    agrees: bool


def _complete_language(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex import plugins
    from aiex.jobs.generating.languages import ROOM

    return [CompletionItem(name) for name in plugins.names(ROOM) if name.startswith(incomplete)]


class Kinds(Words):
    """`aiex gen KIND ...`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands]

    def unknown(self, word: str, following: list[str]) -> tuple[str, str]:
        from aiex.cli.suggest import did_you_mean

        kinds = [*self.commands]
        return f"cannot make '{word}'", did_you_mean(word, kinds) or f"one of: {', '.join(kinds)}"

    def invoke(self, ctx: click.Context) -> Any:
        if not ctx._protected_args:
            raise WordError("make what?", hint=f"aiex gen KIND, one of: {', '.join(self.commands)}", ctx=ctx)
        return super().invoke(ctx)


@click.group(cls=Kinds, subcommand_metavar="KIND ...", no_args_is_help=False)
def command() -> None:
    """Make what KIND says, by the conventions that the project is found to follow.

    No model is needed: the code is a skeleton that runs, what nobody can know is marked as to do, and its tests are
    skipped with a reason. With --goal the model in use goes on from there. Nothing is overwritten. All files come in
    one step, and aiex undo takes it back.

    \b
    aiex gen module invoice-parser --in billing
    aiex gen tests src/shop/basket.py --dry-run
    git commit -F <(aiex gen commit)
    """


@command.command("module")
@click.argument("name")
@click.option("--in", "into", default="", metavar="DIR|PACKAGE", help="The directory or the package that it goes to.",
              shell_complete=complete_file)  # fmt: skip
@click.option("--language", default="", metavar="NAME", help="The language, where the project has several.",
              shell_complete=_complete_language)  # fmt: skip
@GOAL
@DRY_RUN
@DIFF
@limit_options
def gen_module(*, name: str, into: str, language: str, **how: Unpack[How]) -> Work:
    """Make a module with its test.

    NAME is a name, `PACKAGE.NAME`, `DIR/NAME`, or one with an ending such as NAME.ts. Spaces, dashes and capitals are
    turned into what the language and the project want.
    """
    return _work("module", name, into=into, language=language, how=how)


@command.command("function")
@click.argument("name")
@click.option("--in", "into", required=True, metavar="PATH", help="The file that it goes to.",
              shell_complete=complete_file)  # fmt: skip
@click.option("--signature", default="", metavar="TEXT", help="What follows the name: '(a: int) -> int'.")
@GOAL
@DRY_RUN
@DIFF
@limit_options
def gen_function(*, name: str, into: str, signature: str, **how: Unpack[How]) -> Work:
    """Add a function to a file, and a test of it."""
    return _work("function", name, into=into, signature=signature, how=how)


@command.command("tests")
@click.argument("target", shell_complete=complete_file)
@GOAL
@DRY_RUN
@DIFF
@limit_options
def gen_tests(*, target: str, **how: Unpack[How]) -> Work:
    """Make tests of what is public in TARGET: FILE, FILE::NAME, FILE:LINE or FILE:FIRST-LAST.

    What the code says for certain is checked; the rest is skipped, and says what is to do.
    """
    return _work("tests", target, how=how)


@command.command("docs")
@click.argument("target", shell_complete=complete_file)
@click.option("--page", is_flag=True, help="Make a Markdown page of what TARGET offers instead.")
@GOAL
@DRY_RUN
@DIFF
@limit_options
def gen_docs(*, target: str, page: bool, **how: Unpack[How]) -> Work:
    """Document what is public in TARGET and has no documentation: FILE, FILE::NAME, FILE:LINE or FILE:FIRST-LAST."""
    return _work("page" if page else "docs", target, how=how)


@command.command("commit")
def gen_commit() -> Work:
    """Print a commit message for what is staged, or for every change where nothing is.

    It follows the commits that are there: their form, scopes and length. Nothing is committed.

    \b
    git commit -F <(aiex gen commit)
    aiex gen commit | git commit -e -F -
    """

    def prepare(services: Services) -> Job:
        from aiex.jobs.generating.commit.writing import write_message

        return lambda: write_message(services.workspace, services.engine)

    return Work("gen commit", prepare, markup="verbatim")


def _work(kind: Kind, name: str, *, how: How, **said: str) -> Work:
    word = "docs" if kind == "page" else kind
    if not name.strip():
        raise UsageError("no name given", hint=f"aiex gen {word} NAME")
    dry_run, has_goal = how["dry_run"], bool(how["goal"].strip())

    def prepare(services: Services) -> Job:
        from aiex.jobs.generating.generate import Showing, generate
        from aiex.jobs.generating.making import Wish
        from aiex.runs.steps import find_step

        wish = Wish(kind, name, base=os.path.realpath(services.cwd), **said)
        if has_goal:
            return _by_model(wish, how, services)
        step = None if dry_run else find_step(services, f"gen {wish}")
        return lambda: generate(
            wish,
            engine=services.engine,
            workspace=services.workspace,
            gate=services.gate,
            step=step,
            showing=Showing(dry_run, how["diff"]),
        )

    if has_goal:
        return Work(
            f"gen {word}", prepare, markup="patch" if dry_run else "steps", waits=True, keeps=True, converses=True
        )
    return Work(f"gen {word}", prepare, markup="verbatim", waits=not dry_run, keeps=not dry_run)


def _by_model(wish: Wish, how: How, services: Services) -> Job:
    from aiex.cli.asking import find_person
    from aiex.jobs.generating.bymodel import generate_for_goal
    from aiex.runs.steps import find_step

    person = find_person(services.person, agrees=how["agrees"])
    return lambda: generate_for_goal(
        wish,
        how["goal"],
        engine=services.engine,
        hirer=services,
        person=person,
        step=lambda reason: find_step(services, reason),
        is_dry=how["dry_run"],
    )


for _kind in command.commands.values():
    with_globals(_kind)
