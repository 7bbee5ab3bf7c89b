"""The job of `aiex gen`: makes what was wished for, shows it or writes it, and tells what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.events import Event, FileEdited, Noted, TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.generating.making import make

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.gate import Gate
    from aiex.guard.sandbox.files import Workspace
    from aiex.jobs.generating.making import Wish
    from aiex.jobs.generating.model import Brief
    from aiex.jobs.stepping import Step


class Showing(NamedTuple):
    """What is shown, and whether anything is written."""

    dry_run: bool = False
    diff: bool = False
    """Show the patch beside what was done."""


def generate(
    wish: Wish, *, engine: Engine, workspace: Workspace, gate: Gate, step: Step | None, showing: Showing
) -> Iterator[Event]:
    """Make it; raises UsageError, Conflict, Denied and StoreError before anything is written."""
    brief = make(wish, engine, workspace)
    yield from engine.warnings
    yield from (Warned(message, hint) for message, hint in brief.warnings)
    data = dict(brief.to_data())
    if not brief.drafts:
        data["applied"] = False
        yield TurnEnded("success", "nothing to do", 0, _nothing(brief), data)
        return
    yield from _warn_of_ignored(brief, workspace)
    yield Noted(_tell_conventions(brief))
    if showing.dry_run:
        from aiex.jobs.generating.applying import render_diff, require_leave, require_unchanged

        require_leave(brief.drafts, workspace, gate)
        require_unchanged(brief.drafts, workspace)
        diff = render_diff(brief.drafts).decode("utf-8", "surrogateescape")
        yield TurnEnded("success", "planned", 0, diff, {**data, "applied": False, "diff": _plain(diff)})
        return
    yield from _write(brief, data, workspace, gate, step, showing)


def _write(
    brief: Brief, data: dict[str, Any], workspace: Workspace, gate: Gate, step: Step | None, showing: Showing
) -> Iterator[Event]:
    from aiex.jobs.generating.applying import apply, render_diff

    edits: list[FileEdited] = []
    for event in apply(brief.drafts, workspace=workspace, gate=gate, step=step, wish=brief.wish):
        edits += [event] if isinstance(event, FileEdited) else []
        yield event
    lines = [_tell_edit(edit) for edit in edits if not edit.path.endswith("/")]
    if brief.left_open:
        lines.append(f"tests left open: {brief.left_open}, each is skipped and says what is to do")
    lines += [f"to run the tests: {printable_path(brief.run)}"] if brief.run else []
    lines += ["to take this back: aiex undo"] if step else []
    answer = "\n".join(lines)
    data["applied"] = True
    if showing.diff:
        diff = render_diff(brief.drafts).decode("utf-8", "surrogateescape")
        data["diff"] = _plain(diff)
        answer = f"{diff}\n{answer}"
    paths = tuple(draft.path for draft in brief.drafts)
    yield TurnEnded("success", "written", 0, answer, data, files_changed=paths)


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _nothing(brief: Brief) -> str:
    return "everything public has documentation already" if brief.kind == "docs" else "there is nothing to make"


def _tell_edit(edit: FileEdited) -> str:
    plural = "s" if max(edit.added_lines, edit.removed_lines) != 1 else ""
    gone = f", {edit.removed_lines} removed" if edit.removed_lines else ""
    count = f"{edit.added_lines} line{plural}" + (" added" if edit.change == "changed" else "")
    return f"{edit.change} {printable_path(edit.path)} ({count}{gone})"


def _tell_conventions(brief: Brief) -> str:
    said = [f"{one.name} {one.value}" for one in brief.conventions]
    return "as the project does it: " + printable_path(", ".join(said))


def _warn_of_ignored(brief: Brief, workspace: Workspace) -> Iterator[Warned]:
    from aiex.jobs.generating.applying import find_ignored

    if ignored := find_ignored(brief.drafts, workspace):
        named = ", ".join(map(printable_path, ignored))
        are = "is" if len(ignored) == 1 else "are"
        yield Warned(f"{named} {are} ignored by .gitignore: neither git nor aiex undo will know of it")
