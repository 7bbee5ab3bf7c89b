"""Writes drafts: all or none, as one step that can be undone. The one place where generating changes files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from aiex.errors import AiexError, Conflict, StoreError
from aiex.events import Event, FileEdited, ToolFinished, ToolStarted
from aiex.guard.actions import Action
from aiex.guard.neutral import printable_path
from aiex.sessions.checkpoints.myers import diff_lines, render_unified, split_lines

if TYPE_CHECKING:
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.generating.model import Draft
    from aiex.jobs.stepping import Step

TOOL = "gen"
TYPED = "typed by a person"


def render_diff(drafts: Sequence[Draft]) -> bytes:
    """The drafts as a patch that `git apply` takes."""
    return b"".join(map(_render, drafts))


def _render(draft: Draft) -> bytes:
    old, new = b"a/" + os.fsencode(draft.path), b"b/" + os.fsencode(draft.path)
    head = b"diff --git %b %b\n" % (old, new)
    if draft.before is None:
        head, old = head + b"new file mode 100644\n", b"/dev/null"
    return head + render_unified(draft.before or b"", draft.after, old_name=_ended(old), new_name=_ended(new))


def _ended(name: bytes) -> bytes:
    """A name with a space ends with a tab, so that programs see where it ends (git-diff(1))."""
    return name + b"\t" if b" " in name else name


def count_lines(draft: Draft) -> tuple[int, int]:
    """Lines that come and lines that go."""
    hunks = diff_lines(split_lines(draft.before or b""), split_lines(draft.after))
    return sum(one.new_end - one.new_start for one in hunks), sum(one.old_end - one.old_start for one in hunks)


def require_leave(drafts: Sequence[Draft], gate: Gate, *, on_record: bool = False) -> None:
    """Go on if the drafts would be let through, which the mode `plan` does with none. Raises Denied.

    Args:
        on_record: A refusal is put on record.
    """
    from aiex.guard.policy.modes import clamp
    from aiex.guard.refusing import refused

    for draft in drafts:
        action = Action("write", draft.path)
        found = clamp(gate.judge(action, chosen=TYPED), gate.judge.mode, changes=True)
        if found.effect != "allow":
            if on_record:
                gate.note(action, found)
            raise refused(action, found)


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
) -> Iterator[Event]:  # fmt: skip
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
    require_leave(drafts, gate, on_record=True)
    with ExitStack() as passages:
        for draft in drafts:
            passages.enter_context(gate.doing(Action("write", draft.path), chosen=TYPED))
        call_id = os.urandom(6).hex()
        yield from step.begin() if step else ()
        try:
            require_unchanged(drafts, workspace)
            yield ToolStarted(call_id, TOOL, {"wish": wish})
            _write_all(drafts, workspace)
            told, is_known = step.end() if step else ((), True)
            seen = {event.path for event in told if isinstance(event, FileEdited)}
            yield from told
            yield from (_edited(draft) for draft in drafts if draft.path not in seen)
            if is_known:
                yield ToolFinished(call_id, TOOL, f"{len(drafts)} files written", False)
        finally:
            if step:
                step.cut_off()


def _edited(draft: Draft) -> FileEdited:
    return FileEdited(draft.path, "created" if draft.before is None else "changed", *count_lines(draft))


def _write_all(drafts: Sequence[Draft], workspace: Workspace) -> None:
    """Write one after the other; what was written is taken back when one of them fails."""
    written: list[Draft] = []
    try:
        for draft in drafts:
            workspace.write(draft.path, draft.after)
            written.append(draft)
    except (AiexError, OSError) as error:
        for draft in reversed(written):
            with suppress(AiexError, OSError):
                if draft.before is None:
                    workspace.delete(draft.path)
                else:
                    workspace.write(draft.path, draft.before)
        if isinstance(error, OSError):
            raise StoreError(f"cannot write: {error.strerror}") from error
        raise


def find_ignored(drafts: Sequence[Draft], workspace: Workspace) -> list[str]:
    """The new files among the drafts that the repository ignores, so that neither git nor a checkpoint has them."""
    from aiex.context.listing import keep_rules

    rules = keep_rules(workspace, ())
    found = []
    for draft in drafts:
        parts = draft.path.split("/")
        names = [(
            "/".join(parts[:at]), part if at == len(parts) - 1 else part + "/"
        ) for at, part in enumerate(parts)]  # fmt: skip
        if draft.before is None and any(rules.is_left_out(folder, [name]) for folder, name in names):
            found.append(draft.path)
    return found
