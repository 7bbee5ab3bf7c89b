"""Decides about what somebody else changed: it conflicts with what a restore would change, stays, or is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aiex.sessions.checkpoints.merge import merge_texts
from aiex.sessions.checkpoints.planning import Change, directories_above
from aiex.sessions.checkpoints.trees import FILE, FOLDER, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiex.sessions.checkpoints.objects import Objects


T = TypeVar("T")


class Resolved(NamedTuple):
    """What to do about it."""

    changes: tuple[Change, ...]
    """To be made."""
    merged: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Stay as they are now."""
    conflicts: tuple[str, ...] = ()


def resolve(objects: Objects, changes: Sequence[Change], others: Iterable[Change], *, merges: bool) -> Resolved:
    """Hold the changes of a restore against those that others made.

    Args:
        objects: Where contents are; merged ones are put there.
        changes: From now to the target.
        others: From the expected state to now.
        merges: Keep what only others changed, and join changes of both sides; else every path in both conflicts.
    """
    theirs = {change.path: change for change in others}
    made: list[Change] = []
    merged: list[str] = []
    left: list[str] = []
    conflicts: list[str] = []
    for change in changes:
        other = theirs.get(change.path)
        if other is None:
            made.append(change)
        elif not merges:
            conflicts.append(change.path)
        elif _is_same(change.after, other.before):
            left.append(change.path)
        elif (joined := _join(objects, other.before, change.before, change.after)) is not None:
            made.append(change._replace(after=joined))
            merged.append(change.path)
        else:
            conflicts.append(change.path)
    kept = set(left)
    above = {folder for path in kept for folder in directories_above(path)}
    made = [change for change in made if change.after is not None or change.path not in above]
    conflicts += _misplaced(made, changes, kept, above)
    return Resolved(tuple(made), tuple(sorted(merged)), tuple(sorted(left)), tuple(sorted(set(conflicts))))


def _is_same(one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries are alike, directories by their modes alone."""
    if one is None or other is None:
        return one is other
    if one.kind == other.kind == FOLDER:
        return one.mode == other.mode
    return one == other


def _join(objects: Objects, base: Entry | None, now: Entry | None, wanted: Entry | None) -> Entry | None:
    """What has the changes of both sides; None when they do not go together."""
    if base is None or now is None or wanted is None or not base.kind == now.kind == wanted.kind:
        return None
    mode = _choose(base.mode, now.mode, wanted.mode)
    if mode is None:
        return None
    id = _choose(base.id, now.id, wanted.id)
    if base.kind == FOLDER:
        return now._replace(mode=mode)
    if id is None and base.kind == FILE:
        text = merge_texts(objects.get(base.id), objects.get(now.id), objects.get(wanted.id))
        id = None if text is None else objects.put(text, like=wanted.id)
    return None if id is None else Entry(now.name, now.kind, mode, id)


def _choose(base: T, one: T, other: T) -> T | None:
    if one in (base, other):
        return other
    return one if other == base else None


def _misplaced(made: Sequence[Change], changes: Sequence[Change], kept: set[str], above: set[str]) -> Iterator[str]:
    """Paths that would lie in what is no directory: below a file that stays, or a file over what stays in it."""
    files = {
        change.path
        for change in changes
        if change.path in kept and (change.before is None or change.before.kind != FOLDER)
    }
    for change in made:
        if change.after is None:
            continue
        is_below = any(folder in files for folder in directories_above(change.path))
        if is_below or (change.after.kind != FOLDER and change.path in above):
            yield change.path
