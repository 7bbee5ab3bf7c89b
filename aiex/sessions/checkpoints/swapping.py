"""Makes many changes to a work tree as one: written beside first, put in place by renames, taken back on failure.

What is to be done stands in a journal before anything is touched. A process that dies leaves the journal behind; the
next one undoes what was only staged and finishes what was begun, so the tree is the old one or the new one.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex.errors import AiexError, Conflict, StoreError
from aiex.guard.neutral import printable_path
from aiex.guard.private import read_private, remove_private, write_private
from aiex.guard.sandbox.putting import Putter, sync_all

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1
SYNCED_ONE_BY_ONE: Final = 64
"""Of more files than these the whole disk is synced once, which is quicker."""
MOST_JOURNAL_BYTES: Final = 1 << 30
USABLE: Final = 0o700
"""What the owner of a directory needs to change what lies in it."""
Looks = tuple[int, int, int]
"""Inode, size and time of the last change of content, by which a file is known again."""


class Removal(NamedTuple):
    """A file or link that goes."""

    path: str
    aside: str
    """Where it is kept until all is done."""
    looks: Looks


class Emptying(NamedTuple):
    """A directory that goes when it is empty."""

    path: str
    mode: int
    must_go: bool
    """Something else takes its place."""


class Putting(NamedTuple):
    """A file or link that comes."""

    path: str
    staged: str
    aside: str
    """Where the old one is kept until all is done; empty when there is none."""
    looks: Looks | None
    """Of the old one."""


class Remoding(NamedTuple):
    """A file that changes its mode only."""

    path: str
    old: int
    new: int


class Swap(NamedTuple):
    """All changes, in the order in which they are made; undone in the reverse one."""

    removals: list[Removal]
    emptyings: list[Emptying]
    """Deepest first."""
    makings: list[str]
    """Directories, those above first."""
    puttings: list[Putting]
    remodings: list[Remoding]
    modes_before: dict[str, int]
    """Of directories that are lifted, changed or go."""
    modes_after: dict[str, int]
    """Of directories that are lifted, changed or come."""
    lifted: list[str]
    """Directories whose owner may not write to them, and does; those above first."""


class ChangedMeanwhile(Conflict):
    """A file is not what it was when the restore began."""


class Outcome(NamedTuple):
    """What became of a swap."""

    is_done: bool
    kept: tuple[str, ...] = ()
    """Directories that stay because something is in them that is not covered."""
    label: str = ""
    """What the caller gave with the swap."""


class Swapper:
    """Carries swaps out, one at a time; the caller holds the lock of the journal.

    Args:
        root: The work tree.
        journal: Path of the journal, in a directory of ours.
    """

    def __init__(self, root: str, journal: str) -> None:
        self.root = os.path.realpath(root)
        self._journal = journal
        self._label = ""

    def run(self, swap: Swap, stage: Callable[[Putter, Putting, bool], None], *, label: str = "") -> Outcome:
        """Make all changes, or none.

        Args:
            swap: What to do.
            stage: Writes the new content of one of `puttings` to its staged name; synced when told so.
            label: Is in the outcome, also in that of a recovery.

        Raises:
            Conflict: a file changed meanwhile, or the system refused a change; the tree is as it was.
            StoreError: the new contents could not be written; the tree is as it was. Or what was begun could neither be
                finished nor taken back; the next start tries again.
        """
        self._label = label
        putter = self._open()
        try:
            self._write("staging", swap)
            try:
                self._lift(putter, swap)
                is_small = len(swap.puttings) <= SYNCED_ONE_BY_ONE
                for putting in swap.puttings:
                    stage(putter, putting, is_small)
                if not is_small:
                    sync_all()
                putter.sync()
                self._write("going", swap)
            except BaseException as error:
                try:
                    self._unstage(putter, swap)
                except OSError as worse:
                    raise _stuck(worse) from error
                if isinstance(error, OSError):
                    raise _unwritten(error) from error
                raise
            return self._go(putter, swap)
        finally:
            putter.close()

    def recover(self) -> Outcome | None:
        """Bring to an end what a process that died had begun; None when there is nothing.

        Raises:
            Conflict: it could not be finished, and was taken back.
            StoreError: neither could be done, or the journal cannot be read.
        """
        self._sweep()
        data = read_private(self._journal, limit_bytes=MOST_JOURNAL_BYTES)
        if data is None:
            return None
        phase, root, self._label, swap = _parse(data, self._journal)
        if root != self.root or not os.path.isdir(root):
            remove_private(self._journal)  # the tree it speaks of is gone
            return None
        putter = self._open()
        try:
            if phase == "staging":
                self._unstage(putter, swap)
                return Outcome(False, label=self._label)
            if phase == "going":
                self._lift(putter, swap)
                return self._go(putter, swap)
            self._lift(putter, swap._replace(lifted=sorted({*swap.modes_before, *swap.modes_after})))
            if phase == "back":
                self._back(putter, swap)
                return Outcome(False, label=self._label)
            self._clean(putter, swap)
            return Outcome(True, label=self._label)
        except OSError as error:
            raise _stuck(error) from error
        finally:
            putter.close()

    def _sweep(self) -> None:
        """Remove journals that were never finished."""
        folder, name = os.path.split(self._journal)
        with suppress(OSError):
            for entry in os.listdir(folder):
                if entry.startswith(f"{name}.") and entry.endswith(".tmp"):
                    remove_private(os.path.join(folder, entry))

    def _open(self) -> Putter:
        try:
            return Putter(self.root)
        except OSError as error:
            raise StoreError(f"cannot open {self.root}: {error.strerror}") from error

    def _go(self, putter: Putter, swap: Swap) -> Outcome:
        try:
            kept = self._forward(putter, swap)
            putter.sync()
        except (OSError, Conflict) as error:
            with suppress(StoreError):  # on a full disk it goes without, unless it is interrupted
                self._write("back", swap)
            try:
                self._back(putter, swap)
            except OSError as worse:
                raise _stuck(worse) from error
            if isinstance(error, OSError):
                raise Conflict(
                    f"cannot restore: {(error.strerror or str(error)).lower()}"
                    f"{f' ({printable_path(os.fsdecode(error.filename))})' if error.filename else ''};"
                    " everything is as it was before",
                    hint="check that nothing else uses or protects these files, then try again",
                ) from error
            raise
        with suppress(StoreError):  # as above
            self._write("cleaning", swap)
        try:
            self._clean(putter, swap)
        except OSError as error:
            raise _stuck(error) from error
        return Outcome(True, kept, self._label)

    def _lift(self, putter: Putter, swap: Swap) -> None:
        for path in swap.lifted:
            found = putter.look(path)
            if found is not None and stat.S_ISDIR(found.st_mode):
                putter.set_mode(path, found.st_mode | USABLE)

    def _forward(self, putter: Putter, swap: Swap) -> tuple[str, ...]:
        """May be done again after it was done in part."""
        for removal in swap.removals:
            _remove(putter, removal)
        kept = tuple(one.path for one in swap.emptyings if not _empty(putter, one))
        for path in swap.makings:
            putter.make_folder(path)
        for putting in swap.puttings:
            _put(putter, putting)
        for path, _, mode in swap.remodings:
            putter.set_mode(path, mode)
        return kept

    def _back(self, putter: Putter, swap: Swap) -> None:
        """Undo what `_forward` did, in part or whole, and what was staged."""
        for path, mode, _ in reversed(swap.remodings):
            if putter.look(path) is not None:
                putter.set_mode(path, mode)
        for putting in reversed(swap.puttings):
            _unput(putter, putting)
        for path in reversed(swap.makings):
            with suppress(FileNotFoundError, NotADirectoryError):
                putter.remove_folder(path)
        for path, _, _ in reversed(swap.emptyings):
            putter.make_folder(path)
        for removal in reversed(swap.removals):
            if putter.look(removal.aside) is None:
                continue
            if putter.look(removal.path) is None:
                putter.rename(removal.aside, removal.path)
            putter.remove(removal.aside)
        self._finish(putter, swap.modes_before)

    def _unstage(self, putter: Putter, swap: Swap) -> None:
        for putting in swap.puttings:
            putter.remove(putting.staged)
        self._finish(putter, swap.modes_before)

    def _clean(self, putter: Putter, swap: Swap) -> None:
        for aside in [one.aside for one in swap.removals] + [one.aside for one in swap.puttings if one.aside]:
            putter.remove(aside)
        self._finish(putter, swap.modes_after)

    def _finish(self, putter: Putter, modes: dict[str, int]) -> None:
        """Give directories their modes, those below first, and let go of the journal."""
        for path in sorted(modes, key=lambda path: path.count("/") + bool(path), reverse=True):
            found = putter.look(path)
            if found is not None and stat.S_ISDIR(found.st_mode):
                putter.set_mode(path, modes[path])
        putter.sync()
        remove_private(self._journal)

    def _write(self, phase: str, swap: Swap) -> None:
        known = {"v": VERSION, "phase": phase, "root": self.root, "label": self._label, "swap": swap._asdict()}
        write_private(self._journal, json.dumps(known).encode("ascii"))


def _remove(putter: Putter, removal: Removal) -> None:
    if putter.look(removal.aside) is not None:
        return
    found = putter.look(removal.path)
    if found is None:
        return
    _require_same(removal.path, looks_of(found), removal.looks)
    putter.rename(removal.path, removal.aside)


def _empty(putter: Putter, one: Emptying) -> bool:
    is_gone = putter.remove_folder(one.path)
    if one.must_go and not is_gone:
        raise ChangedMeanwhile(
            f"cannot restore {printable_path(one.path)}: something was put into this directory meanwhile; everything is"
            " as it was before",
            hint="move it away, then try again",
        )
    return is_gone


def _put(putter: Putter, putting: Putting) -> None:
    if putter.look(putting.staged) is None:
        return
    found = putter.look(putting.path)
    looks = looks_of(found) if found is not None else None
    if not putting.aside:
        _require_same(putting.path, looks, None)
    elif putter.look(putting.aside) is None:
        _require_same(putting.path, looks, putting.looks)
        putter.keep_as(putting.path, putting.aside)
    putter.rename(putting.staged, putting.path)


def _unput(putter: Putter, putting: Putting) -> None:
    is_placed = putter.look(putting.staged) is None
    if not putting.aside:
        if is_placed:
            putter.remove(putting.path)
    elif putter.look(putting.aside) is not None:
        if is_placed or putter.look(putting.path) is None:
            putter.rename(putting.aside, putting.path)
        putter.remove(putting.aside)  # still there when both were names of one file
    putter.remove(putting.staged)


def looks_of(found: os.stat_result) -> Looks:
    """By what a file is known again, though its name and its number of links change."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def _require_same(path: str, found: Looks | None, known: Looks | None) -> None:
    if found != known:
        raise ChangedMeanwhile(
            f"cannot restore: {printable_path(path)} was changed meanwhile; everything is as it was before",
            hint="try again",
        )


def _parse(data: bytes, path: str) -> tuple[str, str, str, Swap]:
    try:
        known: dict[str, Any] = json.loads(data)
        if known["v"] != VERSION:
            raise StoreError(
                f"cannot use {path}: another version of aiex began to restore files",
                hint="let that version finish it: aiex doctor",
            )
        lists = known["swap"]
        swap = Swap(
            removals=[Removal(path, aside, _to_looks(looks)) for path, aside, looks in lists["removals"]],
            emptyings=[Emptying(*one) for one in lists["emptyings"]],
            makings=list(lists["makings"]),
            puttings=[
                Putting(path, staged, aside, _to_looks(looks) if looks else None)
                for path, staged, aside, looks in lists["puttings"]
            ],
            remodings=[Remoding(*one) for one in lists["remodings"]],
            modes_before=dict(lists["modes_before"]),
            modes_after=dict(lists["modes_after"]),
            lifted=list(lists["lifted"]),
        )
        return str(known["phase"]), str(known["root"]), str(known["label"]), swap
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise StoreError(
            f"cannot read {path}: it does not say what was being restored",
            hint="look at the files, then remove it; temporary ones are called .aiex-*.tmp",
        ) from error


def _to_looks(numbers: list[int]) -> Looks:
    inode, size, mtime_ns = numbers
    return inode, size, mtime_ns


def _unwritten(error: OSError) -> AiexError:
    return StoreError(
        f"cannot write the files to restore: {(error.strerror or str(error)).lower()}; nothing was changed",
        hint="check the space on this disk, and that the directories are yours to write",
    )


def _stuck(error: OSError) -> StoreError:
    return StoreError(
        f"cannot finish restoring files: {(error.strerror or str(error)).lower()}",
        hint="the next start of aiex tries again; give it leave to write there",
    )
