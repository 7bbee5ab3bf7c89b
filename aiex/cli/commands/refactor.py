"""Rename, move, extract or inline code, or order its imports."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from aiex.cli.agentflags import limit_options
from aiex.cli.streams import read_text_input
from aiex.cli.work import Events, Job, Markup, Work
from aiex.errors import UsageError
from aiex.record import record
from aiex.runs.steps import find_step
from aiex.wiring import Services

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aiex.jobs.refactoring.job import Kind, RefactorTask, Uncertain

KINDS: Final[dict[Kind, tuple[str, ...]]] = {
    "rename": ("TARGET", "NEW_NAME"),
    "move": ("TARGET", "DEST_FILE"),
    "extract": ("FILE:FIRST-LAST", "NEW_NAME"),
    "inline": ("TARGET",),
    "imports": ("FILE",),
}
_IN_STDIN: Final = ("-:", "-#")
"""How places in standard input begin."""


@record
class Wish:
    """What the words said."""

    kind: Kind
    target: str
    word: str
    name: str
    dry_run: bool
    diff: bool
    uncertain: Uncertain

    @property
    def is_stdin(self) -> bool:
        """Whether the code comes on standard input."""
        return _is_stdin(self.target)


def _is_stdin(target: str) -> bool:
    return target == "-" or target.startswith(_IN_STDIN)


def _require_name(target: str, name: str, hint: str) -> None:
    """Raise UsageError unless `--name` and standard input go together."""
    if _is_stdin(target) != bool(name):
        what = "standard input needs --name FILE" if not name else "--name goes with standard input only"
        raise UsageError(what, hint=hint)


class RefactorCommand(click.Command):
    """Takes `-:10-20` and `-::name`, places in standard input, for what they are and not for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        places = [word for word in args if word.startswith(_IN_STDIN)]
        if places and "--" not in args:
            at = args.index(places[0])
            following = [word for word in args[at + 1 : at + 2] if not word.startswith("-")]
            args = [*args[:at], *args[at + 1 + len(following) :], "--", places[0], *following]
        return super().parse_args(ctx, args)


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    words = ctx.params.get("words") or ()
    kinds = [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)] if not words else []
    return [*kinds, CompletionItem(incomplete, type="file")]


@click.command(cls=RefactorCommand)
@click.argument("words", nargs=-1, required=True, metavar="[rename|move|extract|inline|imports] TARGET [WORD]",
                shell_complete=_complete)  # fmt: skip
@click.option("--goal", default="", metavar="TEXT", help="Let the model in use work on TARGET, for this.")
@click.option("--dry-run", is_flag=True, help="Print the patch, and write nothing.")
@click.option("--diff", is_flag=True, help="Print the patch of what was changed.")
@click.option("--uncertain", type=click.Choice(["refuse", "leave", "change"]), default="refuse", show_default=True,
              help="Places of which the code does not say whether they mean this.")  # fmt: skip
@click.option("--name", default="", metavar="FILE", help="With '-': the file that the text belongs to.")
@limit_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    *,
    goal: str,
    dry_run: bool,
    diff: bool,
    uncertain: Uncertain,
    name: str,
    agrees: bool,
) -> Work:
    """Change how code is written and not what it does.

    \b
    aiex refactor rename src/app.py::Basket.add put
    aiex refactor move src/app.py::Basket src/basket.py
    aiex refactor extract src/app.py:10-20 total_of
    aiex refactor inline src/app.py::Basket.add.total
    aiex refactor imports src/app.py
    aiex refactor src/app.py::Basket --goal "no global state" -m provider/model

    TARGET is PATH::Symbol.name, PATH:LINE or PATH:LINE:COLUMN, or - for standard
    input with --name FILE: then the patch is printed, and nothing is written.

    All files are changed or none, as one step that aiex undo takes back. Other
    languages than Python have rename. A file called like one of the words is
    ./rename.
    """
    if words[0] not in KINDS or goal:
        return _by_model(words, goal, name, dry_run=dry_run, agrees=agrees)
    wish = _read(ctx, words, name, dry_run=dry_run, diff=diff, uncertain=uncertain)
    writes = not (wish.dry_run or wish.is_stdin)
    is_patch = (wish.diff or not writes) and not (sys.stdout is not None and sys.stdout.isatty())
    markup: Markup = "verbatim" if is_patch else "text"
    return Work("refactor", lambda services: prepare(wish, services), markup=markup, waits=writes, keeps=writes)


def _by_model(words: tuple[str, ...], goal: str, name: str, *, dry_run: bool, agrees: bool) -> Work:
    """The part that asks a model: TARGET with a goal in words. Raises UsageError."""
    if not goal:
        forms = ", ".join(f"{kind} {' '.join(wanted)}" for kind, wanted in KINDS.items())
        raise UsageError(f"what is to be done with {words[0]}?", hint=f"--goal TEXT for a model, or one of: {forms}")
    if len(words) > 1:
        raise UsageError("--goal goes with one TARGET", hint='aiex refactor src/app.py::Basket --goal "split it"')
    target = words[0]
    is_stdin = _is_stdin(target)
    _require_name(target, name, "aiex refactor - --goal TEXT --name FILE < FILE")

    def prepare_goal(services: Services) -> Job:
        from aiex.cli.asking import find_person
        from aiex.jobs.refactoring.bymodel import GoalTask, refactor_to_goal

        stdin = read_text_input("aiex refactor FILE --goal TEXT") if is_stdin else None
        base = os.path.realpath(services.cwd)
        task = GoalTask(target, goal, base, is_dry=dry_run, stdin=stdin, name=name)
        person = find_person(services.person, agrees=agrees)
        return lambda: refactor_to_goal(task, services, person=person, step=lambda reason: find_step(services, reason))

    markup: Markup = "patch" if dry_run or is_stdin else "steps"
    return Work("refactor", prepare_goal, markup=markup, keeps=True, converses=True, waits=True)


def _read(
    ctx: click.Context, words: tuple[str, ...], name: str, *, dry_run: bool, diff: bool, uncertain: Uncertain
) -> Wish:
    kind = next(one for one in KINDS if one == words[0])
    wanted = KINDS[kind]
    if len(words) - 1 != len(wanted):
        ctx.fail(f"{kind} takes {' '.join(wanted)}")
    return Wish(kind, words[1], words[2] if len(words) > 2 else "", name, dry_run, diff, uncertain)


def prepare(wish: Wish, services: Services) -> Job:
    """Check the wish against the world; standard input is read here.

    Raises:
        UsageError: if the parts do not go together.
        StoreError: if standard input cannot be read.
    """
    task = _task_of(wish, services)
    is_dry = wish.dry_run or wish.is_stdin
    step = None if is_dry else find_step(services, f"refactor {wish.kind} {wish.target} {wish.word}".rstrip())

    def start() -> Events:
        from aiex.jobs.refactoring.job import refactor

        return refactor(
            task,
            engine=services.engine,
            workspace=services.workspace,
            gate=services.gate,
            step=step,
            tell=lambda event: services.tell(event),  # noqa: PLW0108  (as it is by then)
        )

    return start


def _task_of(wish: Wish, services: Services) -> RefactorTask:
    from aiex.jobs.refactoring.job import RefactorTask

    _require_name(wish.target, wish.name, f"aiex refactor {wish.kind} -::NAME … --name FILE < FILE")
    return RefactorTask(
        wish.kind,
        wish.name + wish.target[1:] if wish.is_stdin else wish.target,
        wish.word,
        base=os.path.realpath(services.cwd),
        stdin=read_text_input(f"aiex refactor {wish.kind} FILE") if wish.is_stdin else None,
        name=wish.name,
        dry_run=wish.dry_run,
        show_patch=wish.diff,
        uncertain=wish.uncertain,
    )
