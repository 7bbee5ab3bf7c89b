"""Take back the last steps that changed files in this workspace."""

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
    """Bring the files back to before the last step, or the last N of them, whichever session they are of.

    What you changed since is not overwritten unless you say --force or --merge. Nothing is lost: aiex redo does the
    steps again, and the files as they were are kept in a checkpoint.
    """
    return travel("back", steps, on_conflict(merge=merge, force=force), dry_run=dry_run)
