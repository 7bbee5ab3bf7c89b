"""The edits as the edit suite calls them: `function(root, format, edit_text)`, through the guard's workspace."""

from __future__ import annotations

import os
from collections.abc import Sequence

from aiex.agent.edits import load_format
from aiex.agent.edits.applying import Before, FileChange, apply_wishes, paths_of
from aiex.guard.sandbox.faults import Missing
from aiex.guard.sandbox.files import Workspace


def apply(root: str, form: str, edit_text: str) -> None:
    """Apply an edit to the files beneath a root, or raise and change nothing."""
    workspace = Workspace(root)
    wishes = load_format(form).parse(edit_text)
    changes = apply_wishes(wishes, {path: read(workspace, path) for path in paths_of(wishes)})
    write(workspace, changes)


def read(workspace: Workspace, path: str) -> Before | None:
    """A file as it is, None if nothing has its name."""
    try:
        named = workspace.stat(path)
    except Missing:
        return None
    content = workspace.read(path)
    found = workspace.stat(path, follow_links=True)
    return Before(content, found.mode, named.kind == "link", (found.inode,))


def write(workspace: Workspace, changes: Sequence[FileChange]) -> None:
    """Write what has changed; nothing is undone if the system fails half-way."""
    for change in changes:
        if change.after is None or change.moved_from is not None:
            _require_writable(workspace, change.moved_from or change.path)
        if change.after is not None:
            workspace.write(change.path, change.after)
    for change in changes:
        gone = change.path if change.after is None else change.moved_from
        if gone is not None:
            workspace.delete(gone)


def _require_writable(workspace: Workspace, path: str) -> None:
    assert os.path.basename(workspace.relative(path))
