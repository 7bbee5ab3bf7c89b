"""Turns a list of changes into the steps of a swap: in which order, where staged, under which modes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiex.guard.neutral import printable_path
from aiex.sessions.checkpoints.swapping import (
    USABLE,
    ChangedMeanwhile,
    Emptying,
    Looks,
    Putting,
    Remoding,
    Removal,
    Swap,
)
from aiex.sessions.checkpoints.trees import FOLDER, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiex.guard.sandbox.tree import Stamp
    from aiex.sessions.checkpoints.planning import Change
    from aiex.sessions.checkpoints.snapshots import Captured

_LIFTED = USABLE & 0o300


def make_swap(
    changes: Sequence[Change], captured: Captured, *, root_mode: int, has_other_names: Callable[[str], bool]
) -> Swap:
    """The steps that make these changes.

    Args:
        changes: Each directory before what lies in it.
        captured: The tree as it is now.
        root_mode: Of the root, which is lifted when it has to be.
        has_other_names: Whether a file has hard links: its mode cannot be changed for one of them alone.
    """
    ordered = sorted(changes, key=lambda change: change.path.split("/"))
    names, stamps = _names(), _Stamps(captured)
    going = {change.path for change in ordered if _is_folder(change.before) and not _is_folder(change.after)}
    coming = {change.path for change in ordered if _is_folder(change.after) and not _is_folder(change.before)}
    removals, puttings, remodings = [], [], []
    for change in ordered:
        path, before, after = change
        home = _home(path, going | coming)
        if before is not None and not _is_folder(before):
            looks = _looks(stamps, path)
            if after is None or _is_folder(after):
                removals.append(Removal(path, _in(home, next(names)), looks))
            elif (before.kind, before.id) == (after.kind, after.id) and not has_other_names(path):
                remodings.append(Remoding(path, before.mode, after.mode))
            else:
                puttings.append(Putting(path, _in(home, next(names)), _in(home, next(names)), looks))
        elif after is not None and not _is_folder(after):
            puttings.append(Putting(path, _in(home, next(names)), "", None))
    before_modes, after_modes = _modes(ordered)
    touched = {_above(change.path) for change in ordered}
    touched |= {_above(one.aside) for one in removals} | {_above(one.staged) for one in puttings}
    lifted = []
    for path in sorted(touched - coming, key=_depth):
        mode = before_modes.get(path, _mode_now(stamps, path, root_mode))
        if mode & _LIFTED != _LIFTED:
            lifted.append(path)
            before_modes[path] = mode
            if path not in going:
                after_modes.setdefault(path, mode)
    return Swap(
        removals=removals,
        emptyings=[
            Emptying(change.path, change.before.mode, change.after is not None)
            for change in reversed(ordered)
            if change.before is not None and change.path in going
        ],
        makings=[change.path for change in ordered if change.path in coming],
        puttings=puttings,
        remodings=remodings,
        modes_before=before_modes,
        modes_after=after_modes,
        lifted=lifted,
    )


def _modes(changes: Sequence[Change]) -> tuple[dict[str, int], dict[str, int]]:
    """Modes of the directories that change: as they are, and as they shall be."""
    before = {change.path: change.before.mode for change in changes if change.before and _is_folder(change.before)}
    after = {change.path: change.after.mode for change in changes if change.after and _is_folder(change.after)}
    for change in changes:
        if change.before is not None and _is_folder(change.before) and change.after is None:
            after[change.path] = change.before.mode  # in case it stays
    return before, after


def _is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == FOLDER


def _home(path: str, unsteady: set[str]) -> str:
    """The nearest directory above that is there before and after, for temporary names of the same file system."""
    home = _above(path)
    while home in unsteady:
        home = _above(home)
    return home


def _names() -> Iterator[str]:
    """Temporary names; see `aiex.guard.sandbox.tree.is_temporary`."""
    lead, number = os.urandom(4).hex(), 0
    while True:
        yield f".aiex-{lead}{number:08x}.tmp"
        number += 1


class _Stamps:
    """What was captured, by path; paths of one directory come together, so one is unpacked at a time."""

    def __init__(self, captured: Captured) -> None:
        self._captured = captured
        self._folder = ""
        self._stamps = captured.stamps_in("")

    def get(self, path: str) -> Stamp | None:
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._folder, self._stamps = folder, self._captured.stamps_in(folder)
        return self._stamps.get(name)


def _looks(stamps: _Stamps, path: str) -> Looks:
    stamp = stamps.get(path)
    if stamp is None:
        raise ChangedMeanwhile(f"cannot restore: {printable_path(path)} is gone", hint="try again")
    return stamp.inode, stamp.size_bytes, _signed(stamp.mtime_ns)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _mode_now(stamps: _Stamps, path: str, root_mode: int) -> int:
    stamp = stamps.get(path) if path else None
    return (root_mode if stamp is None else stamp.mode) & 0o7777


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _depth(path: str) -> int:
    return path.count("/") + bool(path)
