"""The edits as the edit suite calls them: `function(root, format, edit_text)`, by the transaction of the tools."""

from __future__ import annotations

from aiex.agent.edits import load_format
from aiex.agent.edits.transaction import prepare
from aiex.guard.sandbox.files import Workspace


def apply(root: str, form: str, edit_text: str) -> None:
    """Apply an edit to the files beneath a root, or raise and change nothing."""
    workspace = Workspace(root)
    transaction = prepare(load_format(form).parse(edit_text), workspace)
    for _ in transaction.commit(workspace, root=root, step=None):
        pass
