"""Changes that a person's own command makes of files: decided on, as one step, all or none, and told as a call."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from aiex.agent.edits.transaction import Transaction
from aiex.errors import AiexError
from aiex.events import ToolFinished, ToolStarted
from aiex.guard.actions import TYPED
from aiex.guard.policy.places import path_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiex.agent.edits.applying import FileChange
    from aiex.events import Event
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.stepping import Step


def require_leave(changes: Sequence[FileChange], root: str, gate: Gate, *, on_record: bool = False) -> None:
    """Go on if the rules and the mode let a person's own command change these files. Raises Denied.

    Args:
        changes: Of files of the workspace.
        root: The workspace.
        gate: Decides.
        on_record: A refusal is put on record.
    """
    from aiex.guard.policy.modes import clamp
    from aiex.guard.refusing import refused

    for change in changes:
        action = path_action("delete" if change.after is None else "write", change.path, root)
        found = clamp(gate.judge(action, chosen=TYPED), gate.judge.mode, changes=True)
        if found.effect != "allow":
            if on_record:
                gate.note(action, found)
            raise refused(action, found)


def write_changes(
    changes: Sequence[FileChange],
    *,
    tool: str,
    arguments: Mapping[str, str],
    workspace: Workspace,
    gate: Gate | None,
    step: Step | None,
    result: str = "",
) -> Iterator[Event]:
    """Write, make and remove files as one step that can be undone.

    Args:
        changes: What each file was when it was read goes with it.
        tool: The name of the call, for the log.
        arguments: What was asked for, for the log.
        workspace: The files.
        gate: Decides on every file and puts it on record; None where nobody asks.
        step: Looks after the files; None where nobody wants to undo it.
        result: What the call gives where all are written; how many they are when empty.

    Raises:
        Denied: naming the rule.
        Conflict: if a file is not any more what it was when it was read.
        StoreError: if a file cannot be written.
        In each of these cases every file is as it was.
    """
    with ExitStack() as passages:
        if gate is not None:
            require_leave(changes, workspace.root, gate, on_record=True)
            for change in changes:
                action = path_action("delete" if change.after is None else "write", change.path, workspace.root)
                passages.enter_context(gate.doing(action, chosen=TYPED))
        call_id = os.urandom(6).hex()
        yield ToolStarted(call_id, tool, dict(arguments))
        try:
            yield from Transaction(tuple(changes), ()).commit(workspace, root=workspace.root, step=step)
        except AiexError as error:
            yield ToolFinished(call_id, tool, error.message, is_error=True)
            raise
        yield ToolFinished(call_id, tool, result or f"{len(changes)} files written")
