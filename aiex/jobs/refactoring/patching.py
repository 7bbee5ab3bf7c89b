"""Changes as a patch that `git apply` and `patch` take, and as a table of what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.agent.edits.transaction import count_lines
from aiex.agent.patches import render_change
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiex.jobs.refactoring.edits import Change

_WIDEST_BAR = 40


def render_patch(changes: Iterable[Change]) -> bytes:
    """One patch for all files, with names relative to the workspace. The modes of files are not told."""
    return b"".join(render_change(change.path, change.before, change.after) for change in changes)


def render_stat(changes: Sequence[Change]) -> str:
    """A line for each file, and one for all, as git has it."""
    if not changes:
        return "nothing to change"
    rows = [(printable_path(change.path), *count_lines(change.before, change.after)) for change in changes]
    wide = max(len(path) for path, _, _ in rows)
    digits = max(len(str(added + removed)) for _, added, removed in rows)
    most = max(added + removed for _, added, removed in rows)
    lines = [
        f" {path:<{wide}} | {added + removed:>{digits}} {_bar(added, removed, most)}".rstrip()
        for path, added, removed in rows
    ]
    added, removed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    files = "file" if len(rows) == 1 else "files"
    return "\n".join([*lines, f" {len(rows)} {files} changed, +{added} -{removed}"])


def _bar(added: int, removed: int, most: int) -> str:
    share = min(1.0, _WIDEST_BAR / most) if most else 1.0
    return "+" * max(bool(added), int(added * share)) + "-" * max(bool(removed), int(removed * share))
