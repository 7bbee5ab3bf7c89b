"""Make a module, a function, tests, documentation or a commit message, as the project does it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from aiex.cli.flags import with_globals
from aiex.cli.groups import WordError, Words
from aiex.cli.work import Job, Work
from aiex.errors import UsageError
from aiex.wiring import Services

if TYPE_CHECKING:
    from typing import Any

    from click.shell_completion import CompletionItem

    from aiex.jobs.generating.model import Kind

DRY_RUN = click.option("--dry-run", is_flag=True, help="Show a unified diff, and write nothing.")
DIFF = click.option("--diff", is_flag=True, help="Show the unified diff of what was written too.")


def _complete_path(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


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
    skipped with a reason. Nothing is overwritten. All files come in one step, and aiex undo takes it back.

    \b
    aiex gen module invoice-parser --in billing
    aiex gen tests src/shop/basket.py --dry-run
    git commit -F <(aiex gen commit)
    """


@command.command("module")
@click.argument("name")
@click.option("--in", "into", default="", metavar="DIR|PACKAGE", help="The directory or the package that it goes to.",
              shell_complete=_complete_path)  # fmt: skip
@click.option("--language", default="", metavar="NAME", help="The language, where the project has several.",
              shell_complete=_complete_language)  # fmt: skip
@DRY_RUN
@DIFF
def gen_module(*, name: str, into: str, language: str, dry_run: bool, diff: bool) -> Work:
    """Make a module with its test.

    NAME is a name, `PACKAGE.NAME`, `DIR/NAME`, or one with an ending such as NAME.ts. Spaces, dashes and capitals are
    turned into what the language and the project want.
    """
    return _work("module", name, into=into, language=language, dry_run=dry_run, diff=diff)


@command.command("function")
@click.argument("name")
@click.option("--in", "into", required=True, metavar="PATH", help="The file that it goes to.",
              shell_complete=_complete_path)  # fmt: skip
@click.option("--signature", default="", metavar="TEXT", help="What follows the name: '(a: int) -> int'.")
@DRY_RUN
@DIFF
def gen_function(*, name: str, into: str, signature: str, dry_run: bool, diff: bool) -> Work:
    """Add a function to a file, and a test of it."""
    return _work("function", name, into=into, signature=signature, dry_run=dry_run, diff=diff)


@command.command("tests")
@click.argument("target", shell_complete=_complete_path)
@DRY_RUN
@DIFF
def gen_tests(*, target: str, dry_run: bool, diff: bool) -> Work:
    """Make tests of what is public in TARGET: FILE, FILE::NAME, FILE:LINE or FILE:FIRST-LAST.

    What the code says for certain is checked; the rest is skipped, and says what is to do.
    """
    return _work("tests", target, dry_run=dry_run, diff=diff)


@command.command("docs")
@click.argument("target", shell_complete=_complete_path)
@click.option("--page", is_flag=True, help="Make a Markdown page of what TARGET offers instead.")
@DRY_RUN
@DIFF
def gen_docs(*, target: str, page: bool, dry_run: bool, diff: bool) -> Work:
    """Document what is public in TARGET and has no documentation: FILE, FILE::NAME, FILE:LINE or FILE:FIRST-LAST."""
    return _work("page" if page else "docs", target, dry_run=dry_run, diff=diff)


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


def _work(kind: Kind, name: str, *, dry_run: bool, diff: bool, **said: str) -> Work:
    if not name.strip():
        raise UsageError("no name given", hint=f"aiex gen {'docs' if kind == 'page' else kind} NAME")

    def prepare(services: Services) -> Job:
        from aiex.cli.steps import find_step
        from aiex.jobs.generating.generate import Showing, generate
        from aiex.jobs.generating.making import Wish

        wish = Wish(kind, name, base=os.path.realpath(services.cwd), **said)
        step = None if dry_run else find_step(services, f"gen {wish}")
        return lambda: generate(
            wish,
            engine=services.engine,
            workspace=services.workspace,
            gate=services.gate,
            step=step,
            showing=Showing(dry_run, diff),
        )

    words = f"gen {'docs' if kind == 'page' else kind}"
    return Work(words, prepare, markup="verbatim", waits=not dry_run, keeps=not dry_run)


for _kind in command.commands.values():
    with_globals(_kind)
