"""Whether all that checkpoints hold can still be read, byte for byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import StoreError
from aiex.guard.neutral import printable_path
from aiex.sessions.checkpoints.objects import FILE
from aiex.sessions.checkpoints.trees import FOLDER, NOTHING, unpack_tree
from aiex.sqlite import DamagedStore

if TYPE_CHECKING:
    from aiex.sessions.checkpoints.objects import Objects
    from aiex.sessions.checkpoints.stores.catalogue import Catalogue, Checkpoint


class Report(NamedTuple):
    """What was found."""

    faults: tuple[str, ...]
    """A sentence each; none means that every byte is as it was stored."""
    broken: tuple[tuple[Checkpoint, str], ...]
    """Checkpoints that cannot be restored as a whole, and the first thing that is missing."""
    checkpoints: int
    objects: int
    bytes: int
    """Of the contents, as they were before packing."""

    @property
    def is_whole(self) -> bool:
        return not self.faults and not self.broken


def verify(objects: Objects, catalogue: Catalogue) -> Report:
    """Read everything there is and check it against its digests, the list of checkpoints, and the pages of the file.

    Raises:
        StoreError: if the file cannot be read at all.

    Cost: 1 s for 5,000 files of 17 MB and 100 checkpoints.
    """
    faults = list(objects.database.faults())
    files, count, size = _check_objects(objects, faults)
    broken: list[tuple[Checkpoint, str]] = []
    changed = {known.number: reason for known, reason in catalogue.faults()}
    seen: dict[str, str] = {}
    known = [checkpoint for checkpoint, _ in catalogue.entries()]
    for checkpoint in known:
        reason = changed.get(checkpoint.number) or _incomplete(objects, checkpoint.tree, files, seen)
        if reason:
            broken.append((checkpoint, reason))
    objects.forget()
    return Report(tuple(faults), tuple(broken), len(known), count, size)


def _check_objects(objects: Objects, faults: list[str]) -> tuple[set[str], int, int]:
    """The ids of the whole files; number and size of all whole contents."""
    objects.forget()
    files: set[str] = set()
    count = size = 0
    try:
        for row in objects.rows.read_all():
            if fault := objects.check(row):
                faults.append(fault)
                continue
            count, size = count + 1, size + row.size
            if row.kind == FILE:
                files.add(row.id.hex())
    except StoreError as error:  # a page that cannot be read hides the rows behind it
        faults.append(error.message)
    return files, count, size


def _incomplete(objects: Objects, tree: str, files: set[str], known: dict[str, str]) -> str:
    """What keeps a tree from being whole; empty when nothing does. `known` remembers that of the trees before."""
    inside: dict[str, tuple[str, list[tuple[str, bytes]]]] = {}
    todo = [(tree, b"")]
    while todo:
        id, path = todo[-1]
        if id in known:
            todo.pop()
        elif id not in inside:
            inside[id] = _look_into(objects, id, path, files)
            todo += inside[id][1]
        else:
            own, folders = inside[id]
            known[id] = own or next((known[folder] for folder, _ in folders if known[folder]), "")
    return known[tree]


def _look_into(objects: Objects, id: str, path: bytes, files: set[str]) -> tuple[str, list[tuple[str, bytes]]]:
    """The first thing a directory lacks, and the directories in it."""
    try:
        entries = unpack_tree(objects.get_tree(id))
    except (DamagedStore, ValueError):
        return f"the names in {_shown(path) or 'the root'} cannot be read ({id})", []
    folders = []
    for entry in entries:
        place = path + b"/" + entry.name if path else entry.name
        if entry.id == NOTHING:
            continue
        if entry.kind == FOLDER:
            folders.append((entry.id, place))
        elif entry.id not in files:
            return f"the content of {_shown(place)} cannot be read ({entry.id})", []
    return "", folders


def _shown(path: bytes) -> str:
    return printable_path(os.fsdecode(path))
