"""Puts the changes of a refactoring in place, as one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.agent.edits.applying import FileChange
from aiex.jobs.writing import write_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aiex.events import Event
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.refactoring.edits import Change
    from aiex.jobs.stepping import Step

TOOL: Final = "refactor"


def to_file_changes(changes: Iterable[Change]) -> tuple[FileChange, ...]:
    """The same for whoever writes files."""
    return tuple(FileChange(change.path, change.before, change.after) for change in changes)


def apply_changes(
    changes: Sequence[Change],
    *,
    workspace: Workspace,
    gate: Gate | None,
    step: Step | None,
    arguments: Mapping[str, str],
) -> Iterator[Event]:
    """Write, make and remove files, all or none. Raises as `write_changes`."""
    return write_changes(
        to_file_changes(changes), tool=TOOL, arguments=arguments, workspace=workspace, gate=gate, step=step
    )
