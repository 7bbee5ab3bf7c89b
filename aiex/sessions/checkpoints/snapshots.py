"""Takes checkpoints: keeps every file, directory and link beneath a root as it is now, reading only what changed."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import StoreError
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules
from aiex.guard.sandbox.tree import STAMP, Listing, Stamp, Tree
from aiex.sessions.checkpoints.objects import ID_BYTES
from aiex.sessions.checkpoints.seen import NOTE, Seen, pack_seen, unpack_seen
from aiex.sessions.checkpoints.stores.catalogue import Catalogue, Checkpoint
from aiex.sessions.checkpoints.trees import FILE, FOLDER, LINK, NOTHING, OMITTED, Entry, pack_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.guard.sandbox.tree import Covered, Decided, Ignoring
    from aiex.sessions.checkpoints.objects import Objects

MOST_FILE_BYTES: Final = 100 << 20
"""Larger files are left out, and named (the setting `checkpoints.max_file_mb`)."""
UNSETTLED: Final = bytes(STAMP.size)
"""The stamp of no file."""
_LINE: Final = "\0"
_MODE: Final = 0o7777
_SIZE, _CHANGED = slice(8, 16), slice(24, 32)
"""Where a stamp has the size, and the time of a change of anything."""


class LeftOut(NamedTuple):
    """A name that a checkpoint does not hold."""

    path: str
    reason: str
    """`ignored protected secret large special unreadable changing`."""


class Captured(NamedTuple):
    """A tree whose contents are kept; no checkpoint yet."""

    tree: str
    files: int
    size_bytes: int
    left_out: tuple[LeftOut, ...]
    read: int
    """How many files were read."""
    stamps: dict[str, tuple[str, bytes]]
    """Names, joined by NUL, and their stamps as they were found, by folder."""
    rows: dict[str, Seen]
    is_known: bool
    """All of it is as it was noted before."""

    def stamps_in(self, folder: str) -> dict[str, Stamp]:
        """What the names of a folder looked like when they were captured."""
        names, stamps = self.stamps.get(folder, ("", b""))
        return dict(zip(names.split(_LINE), map(Stamp._make, STAMP.iter_unpack(stamps)), strict=False))


class Taken(NamedTuple):
    """A checkpoint, and what it does not hold."""

    checkpoint: Checkpoint
    left_out: tuple[LeftOut, ...]
    read: int
    """How many files had to be read for it."""


class Snapshots:
    """Checkpoints of one root in one store.

    Args:
        objects: Where contents are kept.
        root: What is covered.
        names: Protected and secret names, which are never kept.
        ignoring: Rules that leave further names out.
        most_file_bytes: Larger files are left out.
        clock: Nanoseconds since 1970.
    """

    def __init__(
        self,
        objects: Objects,
        root: str,
        *,
        names: NameRules = DEFAULT_RULES,
        ignoring: Ignoring | None = None,
        most_file_bytes: int = MOST_FILE_BYTES,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.objects = objects
        self.catalogue = Catalogue(objects.database)
        self._tree = Tree(root, names=names, ignoring=ignoring, most_bytes=most_file_bytes, clock=clock)
        self.root = self._tree.root
        self.names = names
        self._clock = clock
        self._packed = b""
        self._rows: dict[str, Seen] = {}

    def take(self, reason: str, *, session: str = "", covered: Covered | None = None) -> Taken:
        """Keep the tree as it is now, as one synced transaction.

        Args:
            reason: For people, such as the step that follows.
            session: The session that takes it; empty for a person.
            covered: Names by folder that are taken in whatever ignore rules and sizes say.

        Raises:
            StoreError: if the root cannot be listed, or the store not written.

        Cost: unchanged, a look at each name; else 50 µs for each file to be read as well.
        """
        with self.objects.writing():
            captured = self.capture(covered=covered)
            checkpoint = self.keep(captured, reason, session=session)
        return Taken(checkpoint, captured.left_out, captured.read)

    def keep(self, captured: Captured, reason: str, *, session: str = "") -> Checkpoint:
        """Make a checkpoint of what was captured in the same transaction (`Objects.writing`)."""
        checkpoint = self.catalogue.add(
            Checkpoint(
                id=self.catalogue.new_id(),
                number=0,
                created_ms=self._clock() // 1_000_000,
                reason=reason,
                session=session,
                tree=captured.tree,
                files=captured.files,
                bytes=captured.size_bytes,
            )
        )
        self.remember(captured)
        return checkpoint

    def remember(self, captured: Captured) -> None:
        """Note what the tree looked like, so that no more is read again than has to be; a checkpoint has that tree."""
        if not captured.is_known:
            self._packed, self._rows = pack_seen(captured.rows), captured.rows
            self.catalogue.note(NOTE, self._packed)

    def capture(self, *, covered: Covered | None = None) -> Captured:
        """Keep the contents of the tree as it is now; to be called inside `Objects.writing`.

        Raises:
            StoreError: if the root cannot be listed, or the store not written.
        """
        capture = _Capture(self.objects, self._recall(), self._tree, self._clock)
        try:
            for listing in self._tree.walk(capture.recall, covered=covered):
                capture.add(listing)
        except OSError as error:
            raise StoreError(
                f"cannot list all of {self.root}: {error.strerror}", hint="check that the directory is there and yours"
            ) from error
        root = capture.finish()
        files = sum(row.files for row in capture.rows.values())
        size = sum(row.size_bytes for row in capture.rows.values())
        left_out = tuple(sorted(capture.left_out))
        return Captured(root.hex(), files, size, left_out, capture.read, capture.stamps, capture.rows, capture.is_known)

    def _recall(self) -> dict[str, Seen]:
        """What was noted; without ids when no checkpoint holds them any more, for then they may be gone."""
        packed = self.catalogue.noted(NOTE) or b""
        if packed != self._packed or not packed:
            self._packed, self._rows = packed, unpack_seen(packed)
        rows = self._rows
        if not rows or "" not in rows:
            return {}
        tree = rows[""].tree.hex()
        last = self.catalogue.last()
        if last is not None and last.tree == tree:
            return rows
        if any(checkpoint.tree == tree for checkpoint in self.catalogue.list()):
            return rows
        return {folder: row._replace(stamps=bytes(len(row.stamps)), tree=b"") for folder, row in rows.items()}


class _Capture:
    """The state of one capture: directories in the order of the walk, then their trees from below."""

    def __init__(self, objects: Objects, known: dict[str, Seen], tree: Tree, clock: Callable[[], int]) -> None:
        self._objects = objects
        self._known = known
        self._tree = tree
        self._clock = clock
        self._folders: dict[str, list[tuple[int, str]]] = {}
        self._changed: set[str] = set()
        self.rows: dict[str, Seen] = {}
        self.stamps: dict[str, tuple[str, bytes]] = {}
        self.left_out: list[LeftOut] = []
        self.read = 0
        self.is_known = False

    def recall(self, folder: str) -> Decided | None:
        """What was decided about the names of a folder."""
        row = self._known.get(folder)
        return None if row is None else row.decided

    def add(self, listing: Listing) -> None:
        """Take in a directory: keep what it holds that is not known to be as it was."""
        folder = listing.folder
        if listing.shut:
            self.left_out.append(LeftOut(folder, listing.shut))
            return
        known = self._known.get(folder)
        joined = _LINE.join(listing.names)
        left_out = tuple(listing.left_out)
        if known is not None and (known.names, known.stamps, known.left_out) == (joined, listing.stamps, left_out):
            self._folders[folder] = listing.folders
            self.stamps[folder] = joined, listing.stamps
            self.rows[folder] = known if known.decided is listing.decided else known._replace(decided=listing.decided)
        else:
            left_out = self._look_closer(listing, known)
        if left_out:
            self.left_out += [LeftOut(_join(folder, name), reason) for name, reason in left_out]

    def _look_closer(self, listing: Listing, known: Seen | None) -> tuple[tuple[str, str], ...]:
        """Name by name, for a directory in which something changed; what is left out of it."""
        before = _by_name(known)
        names: list[str] = []
        found, stamps, ids = bytearray(), bytearray(), bytearray()
        left_out = list(listing.left_out)
        folders: list[tuple[int, str]] = []
        files = size = 0
        for number, name in enumerate(listing.names):
            kept = _Kept(listing.stamps[number * STAMP.size : (number + 1) * STAMP.size], bytes(ID_BYTES))
            try:
                kept = self._keep(listing, name, kept.found, *before.get(name, (UNSETTLED, b"")))
            except FileNotFoundError:
                continue
            except OSError as error:
                left_out.append((name, _reason_of(error)))
                continue
            kind = _kind_of(kept.found)
            if kind == FOLDER:
                folders.append((len(names), name))
            elif kind == FILE:
                files += 1
                size += int.from_bytes(kept.found[_SIZE], "little")
            names.append(name)
            found += kept.found
            stamps += kept.found if kept.is_settled else _unsettle(kept.found)
            ids += kept.id
        joined, out = _LINE.join(names), tuple(sorted(left_out))
        self._folders[listing.folder] = folders
        self._changed.add(listing.folder)
        self.stamps[listing.folder] = joined, bytes(found)
        tree = known.tree if known is not None else b""
        self.rows[listing.folder] = Seen(listing.decided, joined, bytes(stamps), bytes(ids), out, tree, files, size)
        return out

    def _keep(self, listing: Listing, name: str, stamp: bytes, old_stamp: bytes, old_id: bytes) -> _Kept:
        """Keep what a name holds, unless its stamp says that it is kept already. Raises OSError."""
        kind = _kind_of(stamp)
        if kind == FOLDER:
            return _Kept(stamp, old_id if old_id and _kind_of(old_stamp) == FOLDER else bytes(ID_BYTES))
        if stamp == old_stamp:
            return _Kept(stamp, old_id)
        at_ns = self._clock()
        if kind == LINK:
            id = self._objects.put(listing.read_link(name))
            return _Kept(stamp, bytes.fromhex(id), self._tree.is_settled(Stamp(*STAMP.unpack(stamp)), at_ns))
        try:
            content = listing.read(name)
        except PermissionError:
            if not old_id or not _is_same_content(stamp, old_stamp):
                raise
            return _Kept(stamp, old_id)  # it was read before its mode was changed
        self.read += 1
        id = self._objects.put(content.data, like=old_id.hex() or None)
        is_settled = content.is_steady and self._tree.is_settled(content.stamp, at_ns)
        return _Kept(STAMP.pack(*content.stamp), bytes.fromhex(id), is_settled)

    def finish(self) -> bytes:
        """Keep the trees of the directories, those below first; the id of the root's."""
        trees: dict[str, bytes] = {}
        for folder in reversed(self.rows):
            trees[folder] = self._finish(folder, trees)
        known = self._known
        self.is_known = len(self.rows) == len(known) and all(
            row is known.get(folder) for folder, row in self.rows.items()
        )
        return trees[""]

    def _finish(self, folder: str, trees: dict[str, bytes]) -> bytes:
        """The tree of a directory, when those of all below are known."""
        row = self.rows[folder]
        ids = row.ids
        for place, name in self._folders[folder]:
            below = trees.get(_join(folder, name), b"") or bytes(ID_BYTES)
            at = place * ID_BYTES
            if ids[at : at + ID_BYTES] != below:
                ids = ids[:at] + below + ids[at + ID_BYTES :]
        if row.tree and ids == row.ids and folder not in self._changed:
            return row.tree
        packed = pack_tree(_entries(row, ids))
        tree = bytes.fromhex(self._objects.put_tree(packed, like=row.tree.hex() or None))
        self.rows[folder] = row._replace(ids=ids, tree=tree)
        return tree


class _Kept(NamedTuple):
    """A name that was taken in."""

    found: bytes
    """Its stamp."""
    id: bytes
    is_settled: bool = True
    """The stamp vouches for the content."""


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _by_name(known: Seen | None) -> dict[str, tuple[bytes, bytes]]:
    """Stamp and id of each name."""
    if known is None or not known.names:
        return {}
    return {
        name: (
            known.stamps[number * STAMP.size : (number + 1) * STAMP.size],
            known.ids[number * ID_BYTES : (number + 1) * ID_BYTES],
        )
        for number, name in enumerate(known.names.split(_LINE))
    }


def _entries(row: Seen, ids: bytes) -> list[Entry]:
    """The entries of a directory. A directory in it that is shut has an id of zeros, and is one that is omitted."""
    entries = [Entry(os.fsencode(name), OMITTED, 0, NOTHING) for name, reason in row.left_out if reason != "temporary"]
    for number, name in enumerate(row.names.split(_LINE) if row.names else ()):
        id = ids[number * ID_BYTES : (number + 1) * ID_BYTES].hex()
        stamp = row.stamps[number * STAMP.size : (number + 1) * STAMP.size]
        kind = _kind_of(stamp)
        mode = 0 if kind == LINK else int.from_bytes(stamp[:2], "little") & _MODE
        is_shut = kind == FOLDER and id == NOTHING
        entries.append(Entry(os.fsencode(name), *((OMITTED, 0, NOTHING) if is_shut else (kind, mode, id))))
    return entries


def _kind_of(stamp: bytes) -> str:
    match stamp[1] & 0xF0:  # the kind of file, in the second byte of the mode
        case 0x40:
            return FOLDER
        case 0xA0:
            return LINK
    return FILE


def _unsettle(stamp: bytes) -> bytes:
    """A stamp that no file has, because its content may change without showing: it is read again next time."""
    return stamp[: _CHANGED.start] + bytes(8) + stamp[_CHANGED.stop :]


def _is_same_content(stamp: bytes, old: bytes) -> bool:
    """Whether size, time of change and inode are as before: only the mode is not."""
    return (
        any(old[_CHANGED])
        and stamp[_SIZE.start : _CHANGED.start] == old[_SIZE.start : _CHANGED.start]
        and (stamp[_CHANGED.stop :] == old[_CHANGED.stop :])
    )


def _reason_of(error: OSError) -> str:
    return "unreadable" if error.errno in (errno.EACCES, errno.EPERM, errno.EIO) else "changing"
