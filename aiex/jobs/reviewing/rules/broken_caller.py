"""Callers that a change left behind: what they use is gone, or wants other arguments."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.diff import Diff, FileChange
from aiex.jobs.reviewing.model import Hit, Rule


def _find(diff: Diff) -> Iterator[Hit]:
    if diff.engine is None or not diff.has_base:
        return
    gone = [change for change in diff.files if _is_gone(change)]
    changed = [change for change in diff.files if _is_looked_at(change)]
    if not gone and not changed:
        return
    from aiex.jobs.reviewing.callers import Callers

    is_large = diff.is_large
    callers = Callers(diff.engine, [change.old_path for change in gone])
    for change in gone:
        yield from callers.of_file(change)
    for change in changed:
        yield from callers.of_removed(change)
        yield from callers.of_signatures(change)
        if is_large:
            change.forget()


def _is_gone(change: FileChange) -> bool:
    return change.old is not None and change.status in ("deleted", "renamed") and bool(change.old.language_name)


def _is_looked_at(change: FileChange) -> bool:
    if change.old is None or change.new is None or change.status != "modified":
        return False
    return bool(change.language) and change.old.language_name == change.language


RULE = Rule(
    "warning",
    "Caller left behind",
    "A name that is used elsewhere was removed, or a function wants arguments that a call does not give.",
    in_diff=_find,
    minds_moves=True,
)
