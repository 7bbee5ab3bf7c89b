"""Brings a work tree back to a checkpoint: first a checkpoint of now, then all changes as one, or none.

What a checkpoint did not cover is neither made nor removed. What was changed by others since the expected state is not
overwritten, unless the caller says so, or it can be merged.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiex.errors import Conflict, Denied, UsageError
from aiex.guard.neutral import printable_path
from aiex.guard.private import Lock
from aiex.sessions.checkpoints.planning import (
    Change,
    Plan,
    diff_trees,
    directories_above,
    is_at_or_below,
    names_by_folder,
    normal_path,
    plan,
)
from aiex.sessions.checkpoints.resolving import Resolved, resolve
from aiex.sessions.checkpoints.swapping import Outcome, Putting, Swapper
from aiex.sessions.checkpoints.swaps import make_swap
from aiex.sessions.checkpoints.trees import LINK
from aiex.sqlite import DamagedStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiex.guard.sandbox.putting import Putter
    from aiex.sessions.checkpoints.snapshots import Captured, LeftOut, Snapshots
    from aiex.sessions.checkpoints.stores.catalogue import Checkpoint

OnConflict = Literal["refuse", "force", "merge"]
JOURNAL: Final = "restore.journal"
LOCK: Final = "restore.lock"
NOTE: Final = "restored"
"""In the catalogue: the number of the last checkpoint when files were restored, and the tree they make."""
BEFORE: Final = "before restoring "
"""How the reason of an undo checkpoint begins; the id of the target follows."""
_NAMED: Final = 5
"""So many paths a message names."""


class Uncovered(NamedTuple):
    """What a restore leaves as it is, because no checkpoint covers it."""

    left_out: tuple[LeftOut, ...]
    """All that the tree has of it."""
    came: tuple[str, ...]
    """Those of them that the target does not know."""
    gone: tuple[str, ...]
    """What the target left out and the tree has no more, or otherwise."""


class Restored(NamedTuple):
    """What a restore did."""

    target: Checkpoint
    undo: Checkpoint
    """The tree as it was before; restoring this one takes the restore back."""
    changed: tuple[str, ...]
    """Paths that were made, replaced, removed or given another mode."""
    merged: tuple[str, ...]
    """Paths whose changes of both sides were joined."""
    left: tuple[str, ...]
    """Paths that stay as somebody changed them since the expected state (`merge`)."""
    kept: tuple[str, ...]
    """Directories the target does not have that stay, because something in them is not covered."""
    uncovered: Uncovered


class Rehearsed(NamedTuple):
    """What a restore would do."""

    changes: tuple[Change, ...]
    """To be made, those of merged paths among them."""
    merged: tuple[str, ...]
    left: tuple[str, ...]
    uncovered: Uncovered


class Recovered(NamedTuple):
    """What became of a restore whose process died."""

    is_done: bool
    """The tree is that of the target; else it is as it was before."""
    target: str
    undo: str
    """Ids of the checkpoints."""


class _Known(NamedTuple):
    """What the tree should still be like."""

    tree: str
    name: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> _Known:
        return cls(checkpoint.tree, f"checkpoint {checkpoint.id}")


class Restorer:
    """Restores one root from its checkpoints.

    Args:
        snapshots: Of the root; where the undo checkpoints go.
        folder: A directory of ours for the journal and the lock.
    """

    def __init__(self, snapshots: Snapshots, folder: str) -> None:
        self._snapshots = snapshots
        self._objects = snapshots.objects
        self._lock = os.path.join(folder, LOCK)
        self._swapper = Swapper(snapshots.root, os.path.join(folder, JOURNAL))

    def recover(self) -> Recovered | None:
        """Finish, or take back, what a process that died had begun; to be called at every start. None for nothing.

        Raises:
            Conflict: another process restores right now, or it could not be finished and was taken back.
            StoreError: neither could be done.
        """
        with Lock(self._lock):
            return self._recover()

    def tidy(self) -> list[str]:
        """Recover, then remove what killed processes left; the paths of unfinished files. Raises as `recover`."""
        from aiex.guard.sandbox.leftovers import remove_leftovers

        with Lock(self._lock):
            self._recover()
            return remove_leftovers(self._snapshots.root)

    def _recover(self) -> Recovered | None:
        outcome = self._swapper.recover()
        if outcome is None:
            return None
        number, tree, target, undo = (*outcome.label.split(","), "", "", "", "")[:4]
        if outcome.is_done and number:
            self._note(number, "" if outcome.kept else tree)
        return Recovered(outcome.is_done, target, undo)

    def preview(self, target: str, *, only: Sequence[str] | None = None) -> tuple[Change, ...]:
        """How a checkpoint differs from now, whatever others changed. Raises as `rehearse` does, but for conflicts."""
        wanted = self._snapshots.catalogue.find(target)
        with suppress(_TakenBack), self._objects.writing():
            captured = self._snapshots.capture(covered=names_by_folder(self._objects, wanted.tree))
            found = plan(self._objects, captured.tree, wanted.tree, self._snapshots.names).changes
            raise _TakenBack
        return _pick(found, only)

    def rehearse(
        self,
        target: str,
        *,
        expected: str | None = None,
        on_conflict: OnConflict = "refuse",
        only: Sequence[str] | None = None,
    ) -> Rehearsed:
        """What `restore` would do, nothing being changed; takes and raises what it does.

        Only what shows when files are moved is not seen: that the system refuses, or somebody changes them meanwhile.
        """
        with suppress(_TakenBack):
            wanted, known = self._ends(target, expected)
            with self._objects.writing():
                _, resolved, uncovered = self._look(wanted, known, on_conflict, only)
                raise _TakenBack
        return Rehearsed(resolved.changes, resolved.merged, resolved.left, uncovered)

    def restore(
        self,
        target: str,
        *,
        expected: str | None = None,
        on_conflict: OnConflict = "refuse",
        only: Sequence[str] | None = None,
        session: str = "",
    ) -> Restored:
        """Make the work tree what it was at a checkpoint.

        Args:
            target: Id, number or tag of a checkpoint.
            expected: The checkpoint that the tree should still be like; None for the last one, or for what the last
                restore made of it.
            on_conflict: What to do when what would be changed is not as expected: `refuse`; `force`, for the undo
                checkpoint has it; or `merge`, which keeps what only others changed, joins changes to different lines of
                a text, and refuses the rest.
            only: Restore these paths, and what lies below them, alone.
            session: The session that does it.

        Raises:
            Conflict: files are not as expected (nothing was changed), something that no checkpoint covers is in the
                way, or the tree changed under our hands (it is as it was).
            Denied: the checkpoint, which may come from elsewhere, has a protected name or a git directory.
            UsageError: there is no such checkpoint or path.
            StoreError: a content is damaged, or cannot be written; the tree is as it was.
        """
        with Lock(self._lock):
            self._recover()
            wanted, known = self._ends(target, expected)
            with self._objects.writing():
                captured, resolved, uncovered = self._look(wanted, known, on_conflict, only)
                undo = self._snapshots.keep(captured, BEFORE + wanted.id, session=session)
            is_exact = only is None and not (resolved.merged or resolved.left)
            tree = wanted.tree if is_exact else ""
            outcome = self._swap(resolved, captured, label=f"{undo.number},{tree},{wanted.id},{undo.id}")
            self._note(str(undo.number), "" if outcome.kept else tree)
        changed = tuple(sorted({change.path for change in resolved.changes} - {*outcome.kept}))
        return Restored(wanted, undo, changed, resolved.merged, resolved.left, outcome.kept, uncovered)

    def _ends(self, target: str, expected: str | None) -> tuple[Checkpoint, _Known]:
        """What is wanted, and what the tree should still be like."""
        catalogue = self._snapshots.catalogue
        wanted = catalogue.find(target)
        return wanted, self._last_known() if expected is None else _Known.of(catalogue.find(expected))

    def _look(
        self, wanted: Checkpoint, known: _Known, on_conflict: OnConflict, only: Sequence[str] | None
    ) -> tuple[Captured, Resolved, Uncovered]:
        """The tree as it is now, what to do to it, and what cannot be done."""
        covered = self._covered(wanted, known, is_forced=on_conflict == "force")
        captured = self._snapshots.capture(covered=covered)
        found = plan(self._objects, captured.tree, wanted.tree, self._snapshots.names)
        resolved = self._resolve(found, captured, wanted, known, on_conflict, only)
        left_out = tuple(one for one in captured.left_out if _is_meant(one.path, only))
        came, gone = (tuple(path for path in paths if _is_meant(path, only)) for paths in (found.came, found.gone))
        return captured, resolved, Uncovered(left_out, came, gone)

    def _covered(self, wanted: Checkpoint, known: _Known, *, is_forced: bool) -> dict[str, frozenset[str]]:
        """What has to be looked at; forced, a damaged expected state does not matter."""
        try:
            return names_by_folder(self._objects, wanted.tree, known.tree)
        except DamagedStore:
            if not is_forced:
                raise
            return names_by_folder(self._objects, wanted.tree)

    def _resolve(
        self,
        found: Plan,
        captured: Captured,
        wanted: Checkpoint,
        known: _Known,
        on_conflict: OnConflict,
        only: Sequence[str] | None,
    ) -> Resolved:
        """The changes to make; Conflict when they must not be made."""
        changes = _pick(found.changes, only)
        forbidden, blocked = (
            [path for path in paths if _is_meant(path, only)] for paths in (found.forbidden, found.blocked)
        )
        if forbidden:
            raise Denied(
                f"refused to restore {wanted.id}: {_list(forbidden)} {_is_are(forbidden)} protected",
                hint="restore the other files by name: aiex restore checkpoint ID PATH",
            )
        if blocked:
            raise Conflict(
                f"cannot restore {wanted.id}: {_list(blocked)} {_is_are(blocked)} in the way, and no checkpoint covers"
                f" {'it' if len(blocked) == 1 else 'them'}",
                hint="move it away, or restore the other files by name: aiex restore checkpoint ID PATH",
            )
        if only is not None and not changes:
            self._require_known(only, captured, wanted)
        if on_conflict == "force":
            return Resolved(changes)
        others = list(diff_trees(self._objects, known.tree, captured.tree))
        resolved = resolve(self._objects, changes, others, merges=on_conflict == "merge")
        if resolved.conflicts:
            way = "--merge keeps" if on_conflict == "refuse" else "nothing can join"
            raise Conflict(
                f"cannot restore {wanted.id}: {_list(resolved.conflicts)} changed since {known.name}",
                hint=f"{way} these changes, --force goes over them; a checkpoint has what is there now",
            )
        return resolved

    def _last_known(self) -> _Known:
        """What the tree was when it was last seen: at the last checkpoint, or after a restore since."""
        last = self._snapshots.catalogue.last()
        number, _, tree = (self._snapshots.catalogue.noted(NOTE) or b"").decode("ascii", "replace").partition(" ")
        if last is None:
            raise UsageError("no checkpoint was taken in this workspace yet")
        if tree and number == str(last.number) and self._objects.has(tree):
            return _Known(tree, "files were last restored")
        return _Known.of(last)

    def _note(self, number: str, tree: str) -> None:
        """Remember what was made of the tree; looked at anew where that is not one that a checkpoint has."""
        with self._objects.writing():
            now = tree or self._snapshots.capture().tree
            self._snapshots.catalogue.note(NOTE, f"{number} {now}".encode("ascii"))

    def _require_known(self, only: Sequence[str], captured: Captured, wanted: Checkpoint) -> None:
        """Raise UsageError for a path that neither now nor the checkpoint has."""
        names = names_by_folder(self._objects, captured.tree, wanted.tree)
        for path in map(normal_path, only):
            folder, _, name = path.rpartition("/")
            if path and name not in names.get(folder, ()):
                raise UsageError(
                    f"neither the work tree nor checkpoint {wanted.id} has {printable_path(path)}",
                    hint="give paths relative to the workspace",
                )

    def _swap(self, resolved: Resolved, captured: Captured, *, label: str) -> Outcome:
        if not resolved.changes:
            return Outcome(True)
        wanted = {change.path: change.after for change in resolved.changes if change.after is not None}

        def stage(putter: Putter, putting: Putting, is_synced: bool) -> None:
            entry = wanted[putting.path]
            if entry.kind == LINK:
                putter.make_link(putting.staged, self._objects.get(entry.id))
            else:
                like = putting.path if putting.aside else ""
                pieces = self._objects.stream(entry.id)
                putter.make_file(putting.staged, pieces, entry.mode, like=like, sync=is_synced)

        root = self._snapshots.root

        def has_other_names(path: str) -> bool:
            with suppress(OSError):
                return os.lstat(os.path.join(root, path)).st_nlink > 1
            return False

        swap = make_swap(resolved.changes, captured, root_mode=os.stat(root).st_mode, has_other_names=has_other_names)
        return self._swapper.run(swap, stage, label=label)


class _TakenBack(Exception):
    """Ends a transaction of which nothing shall stay."""


def _is_meant(path: str, only: Sequence[str] | None) -> bool:
    return only is None or is_at_or_below(path, set(map(normal_path, only)))


def _pick(changes: Sequence[Change], only: Sequence[str] | None) -> tuple[Change, ...]:
    """The changes at or below some paths, with the directories that have to be made for them."""
    if only is None:
        return tuple(changes)
    places = set(map(normal_path, only))
    picked = [change for change in changes if is_at_or_below(change.path, places)]
    needed = {above for change in picked if change.after is not None for above in directories_above(change.path)}
    return tuple(
        change
        for change in changes
        if is_at_or_below(change.path, places) or (change.path in needed and _makes_folder(change))
    )


def _makes_folder(change: Change) -> bool:
    """Whether there is a directory only afterwards."""
    return change.after is not None and (change.before is None or change.before.kind != change.after.kind)


def _list(paths: Sequence[str]) -> str:
    named = ", ".join(printable_path(path) for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _is_are(paths: Sequence[str]) -> str:
    return "is" if len(paths) == 1 else "are"
