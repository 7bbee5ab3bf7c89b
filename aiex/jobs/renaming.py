"""Renames for a model as for a person: by what the code says, with a word on what nobody can be certain of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.agent.kit import Renaming
from aiex.errors import EditError
from aiex.jobs.refactoring.applying import to_file_changes
from aiex.jobs.refactoring.checking import check_plan
from aiex.jobs.refactoring.job import RefactorTask, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.jobs.refactoring.edits import Plan
    from aiex.jobs.working import Hirer

MOST_NAMED: Final = 15


def rename_by_code(hirer: Hirer, path: str, name: str, new: str) -> Renaming:
    """What renaming changes; raises AiexError where it cannot be done, or where nothing is certain."""
    task = RefactorTask("rename", f"{path}::{name}", new, dry_run=True, uncertain="leave")
    plan = make_plan(task, hirer.engine, hirer.workspace)
    if plan.doubts and plan.is_whole:
        raise EditError(f"cannot rename {name}: {plan.doubts[0].why}", hint="change the places one by one")
    check_plan(plan)
    return Renaming(to_file_changes(plan.changes), tuple(_tell(plan)))


def _tell(plan: Plan) -> Iterator[str]:
    if plan.doubts:
        yield "not changed, because it is not certain that they mean this:"
        yield from (f"  {doubt.path}:{doubt.line} {doubt.why}" for doubt in plan.doubts[:MOST_NAMED])
    if plan.mentions:
        places = ", ".join(f"{place.path}:{place.line}" for place in plan.mentions[:MOST_NAMED])
        yield f"not changed, in comments, strings or documents: {places}"
