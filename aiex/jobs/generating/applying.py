"""Writes drafts: all or none, as one step that can be undone. The one place where generating changes files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aiex.agent.edits.applying import FileChange
from aiex.agent.patches import render_change
from aiex.errors import Conflict
from aiex.guard.neutral import printable_path
from aiex.jobs import writing

if TYPE_CHECKING:
    from aiex.events import Event
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.generating.model import Draft
    from aiex.jobs.stepping import Step

TOOL = "gen"


def render_diff(drafts: Sequence[Draft]) -> bytes:
    """The drafts as a patch that `git apply` takes."""
    return b"".join(render_change(draft.path, draft.before, draft.after) for draft in drafts)


def require_leave(drafts: Sequence[Draft], workspace: Workspace, gate: Gate) -> None:
    """Go on if the drafts would be let through, which the mode `plan` does with none. Raises Denied."""
    writing.require_leave(_to_changes(drafts), workspace.root, gate)


def _to_changes(drafts: Sequence[Draft]) -> list[FileChange]:
    return [FileChange(draft.path, draft.before, draft.after) for draft in drafts]


def require_unchanged(drafts: Sequence[Draft], workspace: Workspace) -> None:
    """Go on if every file is still as the drafts found it. Raises Conflict."""
    for draft in drafts:
        shown = printable_path(draft.path)
        if draft.before is None:
            if _is_there(draft.path, workspace):
                raise Conflict(f"{shown} is there already, and nothing is overwritten", hint="choose another name")
        elif workspace.read(draft.path) != draft.before:
            raise Conflict(f"{shown} was changed in the meantime", hint="try again")


def _is_there(path: str, workspace: Workspace) -> bool:
    from aiex.guard.sandbox.files import Missing, NotADirectory

    try:
        workspace.stat(path)
    except (Missing, NotADirectory):
        return False
    return True


def apply(
    drafts: Sequence[Draft], *, workspace: Workspace, gate: Gate, step: Step | None, wish: str
) -> Iterator[Event]:
    """Write the drafts and tell what was done to the files; where one cannot be written, none is.

    Args:
        gate: Decides on each file, and puts it on record.
        step: Takes the checkpoint; None where nobody wants one.
        wish: In words of a person.

    Raises:
        Conflict: if a file is not as the drafts found it.
        Denied: naming the rule.
        StoreError: if a file cannot be written.
    """
    require_unchanged(drafts, workspace)
    changes = _to_changes(drafts)
    arguments = {"wish": wish}
    yield from writing.write_changes(changes, tool=TOOL, arguments=arguments, workspace=workspace, gate=gate, step=step)


def find_ignored(drafts: Sequence[Draft], workspace: Workspace) -> list[str]:
    """The new files among the drafts that the repository ignores, so that neither git nor a checkpoint has them."""
    from aiex.context.listing import keep_rules

    rules = keep_rules(workspace, ())

    def is_ignored(path: str) -> bool:
        folders, _, name = path.rpartition("/")
        parts = [*(f"{folder}/" for folder in folders.split("/") if folder), name]
        return any(rules.is_left_out("".join(parts[:at]).rstrip("/"), [part]) for at, part in enumerate(parts))

    return [draft.path for draft in drafts if draft.before is None and is_ignored(draft.path)]
