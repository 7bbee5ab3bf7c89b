"""Do again what was undone last."""

import click

from aiex.cli.nouns.checkpoint import DRY_RUN, FORCE, MERGE, on_conflict
from aiex.cli.rewinding import travel
from aiex.cli.work import Work


@click.command()
@MERGE
@FORCE
@DRY_RUN
@click.argument("steps", default=1, type=click.INT, metavar="[N]")
def command(*, steps: int, merge: bool, force: bool, dry_run: bool) -> Work:
    """Bring the files to behind the step that was undone last, or the last N of them.

    What you changed since is not overwritten unless you say --force or --merge.
    """
    return travel("forth", steps, on_conflict(merge=merge, force=force), dry_run=dry_run)
