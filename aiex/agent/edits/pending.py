"""An edit that waits for a person, who may take a part of it, or write something else in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiex.agent.edits.soundness import find_break
from aiex.agent.edits.transaction import Transaction
from aiex.agent.tools import path_actions
from aiex.errors import EditError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiex.agent.edits.applying import FileChange
    from aiex.guard.actions import Action
    from aiex.guard.passage import Passage

MOST_TOLD_CHARS: Final = 16_000
"""Of each patch that the model is told of what a person made of its edits."""


class Pending:
    """What would be written, as it stands now.

    Args:
        transaction: What the model wants.
        root: The workspace.
    """

    def __init__(self, transaction: Transaction, root: str) -> None:
        self.wanted = transaction
        self.transaction = transaction
        self._root = root

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """What would become of each file."""
        return self.transaction.changes

    @property
    def is_revised(self) -> bool:
        """Whether something else than the model wants would be written."""
        return self.transaction is not self.wanted

    def revise(self, after: Mapping[str, bytes | None]) -> bool:
        """Put what a person wants in the place of what would be written; False, and as it was, where that is nothing.

        Args:
            after: What each file shall hold. One that is not named is left as it is; one that would be removed is
                removed or left, and nothing else may be removed.

        Raises:
            EditError: for a file that the edit is not about.
        """
        known = {change.path: change for change in self.changes}
        for path, data in after.items():
            if path not in known or (data is None) != (known[path].after is None):
                raise EditError(f"{printable_path(path)} cannot be changed in this way by an answer")
        left = tuple(_with(change, after[change.path]) for change in self.changes if change.path in after)
        left = tuple(change for change in left if change.moved_from or change.after != change.before)
        if left and left != self.changes:
            self.transaction = Transaction(left, tuple(filter(None, map(find_break, left))))
        return bool(left)

    def concerns(self, action: Action) -> bool:
        """Whether an action is still a part of it."""
        return (action.kind, action.subject) in self._actions()

    def note(self, passages: Iterable[Passage]) -> None:
        """Note for the record what a person made of it: which action did not happen, and which otherwise."""
        if not self.is_revised:
            return
        actions = self._actions()
        for passage in passages:
            if (passage.admitted.action.kind, passage.admitted.action.subject) in actions:
                passage.detail["revised"] = "by the person"
            else:
                passage.status, passage.text = "refused", "the person left it out"

    def explain(self) -> str:
        """For the model, what a person made of its edit; empty where it was taken as it is."""
        if not self.is_revised:
            return ""
        wanted = {change.path: change for change in self.wanted.changes}
        written = {change.path: change for change in self.changes}
        lost = [_lost(change, written.get(path)) for path, change in wanted.items()]
        return "\n".join(
            [
                "The person did not take this edit as it was. What was written:",
                shorten(self.transaction.preview()),
                "What your edit wanted otherwise, and is NOT in the files:",
                shorten(Transaction(tuple(filter(None, lost)), ()).preview()),
            ]
        )

    def _actions(self) -> set[tuple[str, str]]:
        now = self.transaction
        found = (*path_actions("write", now.written, self._root), *path_actions("delete", now.deleted, self._root))
        return {(action.kind, action.subject) for action in found}


def _with(change: FileChange, after: bytes | None) -> FileChange:
    return change if after == change.after else change._replace(after=after)


def _lost(wanted: FileChange, written: FileChange | None) -> FileChange | None:
    """The way from what a file holds now to what the model wanted it to hold."""
    now = written.after if written else (None if wanted.moved_from else wanted.before)
    return None if now == wanted.after else wanted._replace(before=now, moved_from=None)


def shorten(patch: str) -> str:
    """As much of a patch as a model is told."""
    more = len(patch) - MOST_TOLD_CHARS
    return patch.rstrip("\n") if more <= 0 else f"{patch[:MOST_TOLD_CHARS]}\n… cut: {more:,} characters; read the file"
