"""Puts a plan in place: let by the gate, after a checkpoint, all files or none, and only over what was read."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, Conflict, Denied, StoreError
from aiex.events import Event, FileEdited, ToolFinished, ToolStarted
from aiex.guard.neutral import printable_path
from aiex.guard.policy.places import path_action
from aiex.jobs.refactoring.patching import count_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.refactoring.edits import Change
    from aiex.jobs.stepping import Step

TOOL: Final = "refactor"
TYPED: Final = "typed by a person"


def apply_changes(
    changes: Sequence[Change],
    *,
    workspace: Workspace,
    gate: Gate | None,
    step: Step | None,
    arguments: Mapping[str, str],
) -> Iterator[Event]:
    """Write, make and remove files as one step that can be undone.

    Args:
        changes: By path; what each file was when it was read goes with it.
        gate: Decides on every file and puts it on record; None where nobody asks.
        step: Looks after the files; None where nobody wants to undo it.
        arguments: What was asked for, for the log.

    Raises:
        Denied: naming the rule.
        Conflict: if a file is not any more what it was when it was read.
        StoreError: if a file cannot be written.
        In each of these cases every file is as it was.
    """
    with ExitStack() as passages:
        if gate is not None:
            for change in changes:
                action = path_action("delete" if change.after is None else "write", change.path, workspace.root)
                passages.enter_context(gate.doing(action, chosen=TYPED))
        require_unchanged(changes, workspace)
        yield from step.begin() if step else ()
        call_id = os.urandom(6).hex()
        yield ToolStarted(call_id, TOOL, dict(arguments))
        try:
            try:
                write_all(changes, workspace)
            except AiexError as error:
                yield from _end(step, call_id, changes, error.message, is_error=True)
                raise
            yield from _end(step, call_id, changes, f"{len(changes)} files written")
        finally:
            if step:
                step.cut_off()


def _end(
    step: Step | None, call_id: str, changes: Sequence[Change], text: str, *, is_error: bool = False
) -> Iterator[Event]:
    if step is None and not is_error:
        for change in changes:
            yield FileEdited(change.path, change.kind, *count_lines(change))
    events, is_known = step.end() if step else ((), True)
    yield from events
    if is_known:
        yield ToolFinished(call_id, TOOL, text, is_error)


def require_unchanged(changes: Sequence[Change], workspace: Workspace) -> None:
    """Refuse to write over what was not read. Raises Conflict."""
    for change in changes:
        if _now(change.path, workspace) != change.before:
            state = "is there meanwhile" if change.before is None else "was changed since it was read"
            raise Conflict(f"{printable_path(change.path)} {state}; nothing was written", hint="run it again")


def _now(path: str, workspace: Workspace) -> bytes | None:
    from aiex.guard.sandbox.files import Missing

    try:
        return workspace.read(path)
    except Missing:
        return None


def write_all(changes: Sequence[Change], workspace: Workspace) -> None:
    """All files or none: what was written already is put back when one cannot be.

    Raises:
        Conflict: if a file was changed since it was read.
        StoreError, Denied: if one cannot be written, also where another could not be put back.
    """
    done: list[Change] = []
    try:
        for change in sorted(changes, key=lambda one: one.after is None):  # what is removed, last
            require_unchanged([change], workspace)
            done.append(change)
            _put(change.path, change.after, workspace)
    except BaseException as error:
        stuck = [change.path for change in reversed(done) if not _put_back(change, workspace)]
        if stuck and isinstance(error, AiexError):
            names = ", ".join(map(printable_path, stuck))
            error.hint = f"could not be put back: {names}; a checkpoint has them: aiex list checkpoints"
        raise


def _put(path: str, data: bytes | None, workspace: Workspace) -> None:
    if data is None:
        workspace.delete(path)
    else:
        workspace.write(path, data)


def _put_back(change: Change, workspace: Workspace) -> bool:
    with suppress(StoreError, Denied):
        now = _now(change.path, workspace)
        if now == change.before:
            return True
        if now == change.after:
            _put(change.path, change.before, workspace)
            return True
    return False
