"""The edits as the edit suite calls them: `function(root, format, edit_text)`, through the guard's workspace."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from aiex.agent.edits import load_format
from aiex.agent.edits.applying import Before, FileChange, apply_wishes, paths_of
from aiex.errors import AiexError
from aiex.guard.sandbox.faults import Missing
from aiex.guard.sandbox.files import Workspace

Write = Callable[[Workspace, Sequence[FileChange]], None]


def apply(root: str, form: str, edit_text: str) -> None:
    """Apply an edit to the files beneath a root, or raise and change nothing."""
    apply_with(write_or_undo, root, form, edit_text)


def apply_with(write: Write, root: str, form: str, edit_text: str) -> None:
    """The same with another way to write what has changed."""
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
    return Before(content, found.mode & 0o7777, named.kind == "link", found.inode)


def write_or_undo(workspace: Workspace, changes: Sequence[FileChange]) -> None:
    """Write one after the other, and take back what was written if one cannot be."""
    done: list[FileChange] = []
    try:
        for change in changes:
            if change.after is not None:
                workspace.write(change.path, change.after)
                done.append(change)
                _give_mode(workspace, change)
        for change in changes:
            gone = change.path if change.after is None else change.moved_from
            if gone is not None:
                workspace.delete(gone)
    except AiexError:
        for change in done:
            _undo(workspace, change)
        raise


def _give_mode(workspace: Workspace, change: FileChange) -> None:
    if change.mode is not None and (change.before is None or change.moved_from is not None):
        os.chmod(os.path.join(workspace.root, workspace.relative(change.path)), change.mode)


def _undo(workspace: Workspace, change: FileChange) -> None:
    if change.before is None or change.moved_from is not None:
        workspace.delete(change.path)
    else:
        workspace.write(change.path, change.before)
