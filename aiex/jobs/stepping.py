"""A step that may change files: a checkpoint before it, and after it what it did to them, found by looking."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiex.errors import AiexError, Conflict, StoreError
from aiex.events import CheckpointTaken, Event, FileEdited, Noted, Warned
from aiex.guard.neutral import printable_path
from aiex.guard.private import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from aiex.guard.sandbox.paths import NameRules
    from aiex.guard.sandbox.tree import Covered
    from aiex.sessions.checkpoints.objects import Objects
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.checkpoints.planning import Change
    from aiex.sessions.checkpoints.restore import Uncovered
    from aiex.sessions.checkpoints.snapshots import Captured, LeftOut
    from aiex.sessions.checkpoints.stores.catalogue import Checkpoint
    from aiex.sessions.checkpoints.trees import Entry

LEFT: Final = "left"
"""The note that says which checkpoint holds the files as the last step, undo or redo left them."""
AFTER: Final = "after: "
"""How the reason of a checkpoint begins that holds what a step left."""
MOST_COMPARED_BYTES: Final = 512 << 10
"""In larger texts, lines that only moved count as unchanged."""
MOST_COUNTED_BYTES: Final = 16 << 20
"""Of larger files no lines are counted."""
WORTH_TELLING: Final = frozenset(["large", "unreadable", "changing"])
"""Why a file is left out that a person may think is covered."""
_NOT_KEPT: Final = frozenset(["secret", "large", "unreadable"])
_NAMED: Final = 5


class Step:
    """One step. Call `begin` before anything can change, and `end` when nothing can any more, or `cut_off`.

    Args:
        checkpoints: Of the workspace.
        reason: What the step does, for people.
        session: Whose step it is.
        keep: Gives the ids that stay when old checkpoints are cleaned up.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        reason: str,
        *,
        session: str = "",
        keep: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._checkpoints = checkpoints
        self._reason = reason
        self._session = session
        self._keep = keep
        self._before: Checkpoint | None = None
        self._not_kept: frozenset[str] = frozenset()
        """Files that were there in the beginning, and that no checkpoint holds."""

    def cover(self, paths: Iterable[str]) -> None:
        """Look after these files also where ignore rules leave them out, in this step and in all behind it.

        To be called before `begin`, with paths of the workspace.
        """
        covered = self._covered
        for path in paths:
            folder, parts = "", path.split("/")
            for part in parts if not path.startswith(("/", "../")) else ():
                covered[folder] = covered.get(folder, frozenset()) | {part}
                folder = f"{folder}/{part}" if folder else part

    @property
    def _covered(self) -> dict[str, frozenset[str]]:
        return self._checkpoints.covered

    def begin(self) -> Iterator[Event]:
        """Keep the files as they are. Where that cannot be, say so: the step can go on, and cannot be undone.

        Raises:
            Conflict: if a search brings the files to and fro right now.
        """
        from aiex.jobs.checkpointing import clean_reason, notices

        self._reason = clean_reason(self._reason)
        try:
            told = [*notices(self._checkpoints)]
        except StoreError as error:
            yield _cannot_keep(error)
            return
        yield from told
        try:
            self._before, left_out, is_new = _keep(self._checkpoints, self._reason, self._session, self._covered)
        except (StoreError, Conflict, OSError) as error:
            yield _cannot_keep(error)
            return
        self._not_kept = frozenset(one.path for one in left_out if one.reason in _NOT_KEPT)
        yield from tell_left_out(left_out if is_new else ())
        yield CheckpointTaken(self._before.id, self._reason)

    def end(self) -> tuple[tuple[Event, ...], bool]:
        """What the step did to the files, as events; and whether that is known."""
        if self._before is None:
            return (), True
        before, self._before = self._before, None
        try:
            return (*self._look(before), *self._clean_up()), True
        except (StoreError, Conflict, OSError) as error:
            why = error.message if isinstance(error, AiexError) else error.strerror
            hint = f"what there was before: aiex diff checkpoint {before.id}"
            return (Warned(f"what this did to the files is not known: {why}", hint),), False

    def cut_off(self) -> tuple[Event, ...]:
        """Keep how the files are when the step did not come to its end, so that it can be undone all the same.

        What it did to them, for whoever can still tell it.
        """
        if self._before is not None:
            with suppress(AiexError, OSError):
                return self.end()[0]
        return ()

    @property
    def taken(self) -> CheckpointTaken | None:
        """The checkpoint that it begins with, as long as it goes on; None where none could be taken."""
        return CheckpointTaken(self._before.id, self._reason) if self._before else None

    def hand_over(self) -> tuple[Event, ...]:
        """What was done until the last checkpoint, as a step that began with the one of this; it goes on from there."""
        before, taken = self._before, self.taken
        self.pass_over()
        if taken is None or before is None or self._before is None:
            return ()
        with suppress(AiexError, OSError):
            if edits := tuple(find_edits(self._checkpoints.objects, before.tree, self._before.tree)):
                return (taken, *edits)
        return ()

    def pass_over(self) -> None:
        """What happened until the last checkpoint is told by somebody else."""
        if self._before is not None:
            with suppress(AiexError):
                self._before = self._checkpoints.catalogue.last() or self._before

    def _look(self, before: Checkpoint) -> tuple[Event, ...]:
        from aiex.sessions.checkpoints.planning import names_by_folder

        objects, snapshots = self._checkpoints.objects, self._checkpoints.snapshots
        with _resting(self._checkpoints), objects.writing():
            captured = snapshots.capture(covered=self._covered or None)
            if captured.tree == before.tree:
                snapshots.remember(captured)
                return ()
            if captured.left_out:  # a name that was covered before is, whatever the rules say now
                covered = names_by_folder(objects, before.tree)
                covered |= {folder: covered.get(folder, frozenset()) | names for folder, names in self._covered.items()}
                captured = snapshots.capture(covered=covered)
                if captured.tree == before.tree:
                    return ()
            after = snapshots.keep(captured, AFTER + self._reason, session=self._session)
            note_left(self._checkpoints, after.id, by_step=True)
        edits = {edit.path: edit for edit in find_edits(objects, before.tree, after.tree)}
        uncovered = find_uncovered(objects, before.tree, captured, snapshots.names, self._not_kept)
        edits |= {edit.path: edit for edit in uncovered}
        for one in uncovered:  # a directory that is told by what is in it is not told by itself
            edits.pop(f"{one.path.rpartition('/')[0]}/", None)
        return (*edits.values(), *tell_not_kept(uncovered))

    def _clean_up(self) -> Iterator[Event]:
        """Where it cannot be done, what the step did is known all the same."""
        from aiex.sessions.checkpoints.opening import CLEAN_EVERY

        try:
            last = self._checkpoints.catalogue.last()
            if last is None or last.number % CLEAN_EVERY:
                return
            cleaned = self._checkpoints.clean_up(keep=self._keep())
        except (StoreError, Conflict) as error:
            yield Warned(f"old checkpoints could not be cleaned up: {error.message}", error.hint)
            return
        if cleaned and cleaned.checkpoints:
            yield Noted(f"{len(cleaned.checkpoints)} old checkpoints were removed, by the settings checkpoints.keep_*")


def _cannot_keep(error: AiexError | OSError) -> Warned:
    why = error.message if isinstance(error, AiexError) else f"{error.strerror}: {error.filename}"
    return Warned(f"no checkpoint could be taken, so this cannot be undone: {why}", "aiex doctor tells more")


def keep_now(checkpoints: Checkpoints, reason: str) -> tuple[Checkpoint, tuple[LeftOut, ...]]:
    """A checkpoint that holds the files as they are: a new one, or the last one where nothing changed since.

    Also what a new one does not hold. Raises StoreError, Conflict and OSError.

    Args:
        checkpoints: Of the workspace.
        reason: For people.
    """
    kept, left_out, is_new = _keep(checkpoints, reason)
    return kept, left_out if is_new else ()


def _keep(
    checkpoints: Checkpoints, reason: str, session: str = "", covered: Covered | None = None
) -> tuple[Checkpoint, tuple[LeftOut, ...], bool]:
    """As `keep_now`, with what the checkpoint does not hold in any case, and whether it is new.

    Args:
        checkpoints: Of the workspace.
        reason: For people.
        session: Whose it is.
        covered: Names that it holds whatever ignore rules say, by folder.
    """
    snapshots = checkpoints.snapshots
    with _resting(checkpoints), checkpoints.objects.writing():
        captured = snapshots.capture(covered=covered or None)
        last = snapshots.catalogue.last()
        if last is not None and last.tree == captured.tree:
            snapshots.remember(captured)
            return last, captured.left_out, False
        return snapshots.keep(captured, reason, session=session), captured.left_out, True


def _resting(checkpoints: Checkpoints) -> Lock:
    """The block in which no process is half done restoring."""
    from aiex.sessions.checkpoints.restore import LOCK

    _ = checkpoints.restorer
    return Lock(os.path.join(checkpoints.folder, LOCK))


def tell_left_out(left_out: tuple[LeftOut, ...]) -> Iterator[Warned]:
    """What a checkpoint does not hold although one may think so."""
    telling = [one for one in left_out if one.reason in WORTH_TELLING]
    if telling:
        yield Warned(f"the checkpoint does not hold {_named(telling)}", _hint_for(telling))


def tell_uncovered(uncovered: Uncovered) -> Iterator[Event]:
    """What going back leaves as it is although one may think that it went back as well.

    Protected names that are gone are none of it: what stands for a missing one while commands run goes again.
    """
    from aiex.guard.sandbox.paths import DEFAULT_RULES

    telling = [one for one in uncovered.left_out if one.reason in WORTH_TELLING | {"special"}]
    if telling:
        states = "left as it is, because no checkpoint holds it", "left as they are, because no checkpoint holds them"
        yield Warned(f"{states[len(telling) > 1]}: {_named(telling)}", _hint_for(telling))
    if gone := [path for path in uncovered.gone if not DEFAULT_RULES.protected_name(path)]:
        them = "it" if len(gone) == 1 else "them"
        yield Warned(f"not brought back, because the checkpoint does not hold {them}: {_listed(gone)}")
    ignored = {one.path for one in uncovered.left_out if one.reason == "ignored"} & {*uncovered.came}
    if ignored:
        are = "name that came since is ignored, and stays", "names that came since are ignored, and stay"
        yield Noted(f"{len(ignored):,} {are[len(ignored) > 1]}")


def _named(left_out: Sequence[LeftOut]) -> str:
    return _listed([f"{one.path} ({one.reason})" for one in left_out])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(printable_path, names[:_NAMED])) + more


def _hint_for(left_out: Sequence[LeftOut]) -> str:
    is_large = any(one.reason == "large" for one in left_out)
    return "for large files: aiex show config checkpoints" if is_large else ""


def is_too_wide(root: str, home: str) -> bool:
    """Whether a root holds the home of the person: a checkpoint would be one of everything they have."""
    real, home = os.path.realpath(root), os.path.realpath(home)
    return home == real or home.startswith(real.rstrip(os.sep) + os.sep)


class Left(NamedTuple):
    """The files as a step, an undo or a redo left them."""

    checkpoint_id: str
    by_step: bool


def note_left(checkpoints: Checkpoints, checkpoint_id: str, *, by_step: bool) -> None:
    """Remember that files are now as this checkpoint holds them, and not by a person's hand. Raises StoreError."""
    checkpoints.catalogue.note(LEFT, f"{checkpoint_id} {int(by_step)}".encode("ascii"))


def find_left(checkpoints: Checkpoints) -> Left | None:
    """How the files were left last; None where the checkpoint that knows it is gone. Raises StoreError."""
    wanted, _, by_step = (checkpoints.catalogue.noted(LEFT) or b"").decode("ascii", "replace").partition(" ")
    is_there = any(known.id == wanted for known in checkpoints.catalogue.list())
    return Left(wanted, by_step == "1") if is_there else None


def find_after(checkpoints: Checkpoints, session: str, before: str) -> Checkpoint | None:
    """The checkpoint of how a step left the files, by its session and the checkpoint it began with."""
    known = checkpoints.catalogue.list()
    number = next((one.number for one in known if one.id == before), None)
    if number is None:
        return None
    return next((one for one in known if one.number > number and one.session == session
                 and one.reason.startswith(AFTER)), None)  # fmt: skip


# --- what changed ---------------------------------------------------------------------------------------------------


def find_edits(objects: Objects, before: str, after: str) -> Iterator[FileEdited]:
    """What differs between two trees: every file and link, and a directory where nothing in it says so.

    Cost: that of reading the files that differ. Raises StoreError.
    """
    from aiex.sessions.checkpoints.planning import diff_trees, directories_above

    changes = list(diff_trees(objects, before, after))
    files = [change for change in changes if _file(change.before) or _file(change.after)]
    spoken_for = {folder for change in files for folder in directories_above(change.path)}
    told = {change.path for change in files}
    for change in changes:
        if change.path in told:
            yield _edit_of(objects, change)
        elif change.path not in spoken_for:
            yield FileEdited(f"{change.path}/", _kind(change.before, change.after), 0, 0)


def find_uncovered(
    objects: Objects, before: str, after: Captured, names: NameRules, not_kept: Collection[str] = ()
) -> list[FileEdited]:
    """What came or went that no checkpoint holds, but for what is ignored: secrets, and files that are too large.

    Also what is held on one side alone, because it grew or shrank. What is held on neither may have changed unseen.
    Raises StoreError.

    Args:
        objects: Holds the trees.
        before: The tree before.
        after: What there is.
        names: Say what is a secret.
        not_kept: Files of before, beside secrets, that the tree does not hold and nobody ignores.
    """
    from aiex.sessions.checkpoints.planning import diff_trees, plan

    reasons = {one.path: one.reason for one in after.left_out}
    back = plan(objects, after.tree, before, names)
    held = {change.path for change in diff_trees(objects, before, after.tree) if _file(change.after)}
    deleted = (path for path in back.gone if path not in held and (path in not_kept or names.secret_name(path)))
    return [
        *(FileEdited(path, "created", 0, 0) for path in back.came if reasons.get(path) in _NOT_KEPT),
        *(FileEdited(path, "changed", 0, 0) for path in back.blocked if reasons.get(path) in _NOT_KEPT),
        *(FileEdited(path, "changed", 0, 0) for path in back.gone if path in held),
        *(FileEdited(path, "deleted", 0, 0) for path in deleted),
    ]


def tell_not_kept(uncovered: Sequence[FileEdited]) -> Iterator[Warned]:
    """That undo does not take these back."""
    if uncovered:
        said = _listed([f"{one.path} ({one.change})" for one in uncovered])
        yield Warned(f"not kept in checkpoints, so undo leaves it as it is: {said}")


def _file(entry: Entry | None) -> Entry | None:
    from aiex.sessions.checkpoints.trees import FOLDER

    return None if entry is None or entry.kind == FOLDER else entry


def _kind(before: Entry | None, after: Entry | None) -> Literal["created", "changed", "deleted"]:
    if before is None:
        return "created"
    return "deleted" if after is None else "changed"


def _edit_of(objects: Objects, change: Change) -> FileEdited:
    before, after = _file(change.before), _file(change.after)
    added, removed = (0, 0) if before and after and before.id == after.id else _count(objects, before, after)
    return FileEdited(change.path, _kind(before, after), added, removed)


def _count(objects: Objects, before: Entry | None, after: Entry | None) -> tuple[int, int]:
    """Lines that came and lines that went; none for what is no text."""
    from aiex.sessions.checkpoints.myers import diff_lines, split_lines
    from aiex.sessions.checkpoints.trees import FILE

    files = [entry for entry in (before, after) if entry and entry.kind == FILE]
    if sum(objects.size(entry.id) for entry in files) > MOST_COUNTED_BYTES:
        return 0, 0
    old, new = (objects.get(entry.id) if entry and entry.kind == FILE else b"" for entry in (before, after))
    if b"\0" in old or b"\0" in new:
        return 0, 0
    was, now = split_lines(old), split_lines(new)
    if len(old) + len(new) > MOST_COMPARED_BYTES:
        counts, others = Counter(now), Counter(was)
        return (counts - others).total(), (others - counts).total()
    hunks = diff_lines(was, now)
    return sum(one.new_end - one.new_start for one in hunks), sum(one.old_end - one.old_start for one in hunks)
