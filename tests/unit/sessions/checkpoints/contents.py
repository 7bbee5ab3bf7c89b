"""Checkpoints of directories that are only described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiex.sessions.checkpoints.objects import Objects
from aiex.sessions.checkpoints.stores.catalogue import Catalogue, Checkpoint
from aiex.sessions.checkpoints.trees import FILE, FOLDER, Entry, pack_tree, unpack_tree

DAY_MS = 86_400_000


@contextmanager
def open_store(folder: Path, name: str = "checkpoints.db") -> Iterator[tuple[Objects, Catalogue]]:
    with Objects(str(folder / name)) as objects:
        yield objects, Catalogue(objects.database)


def keep_tree(objects: Objects, files: Mapping[str, bytes], like: str | None = None) -> str:
    """The id of the tree of these paths; `like` is the tree before."""
    before = {entry.name: entry.id for entry in unpack_tree(objects.get_tree(like))} if like else {}
    entries = []
    below: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        name, _, rest = path.partition("/")
        if rest:
            below.setdefault(name, {})[rest] = data
        else:
            id = objects.put(data, like=before.get(name.encode()))
            entries.append(Entry(name.encode(), FILE, 0o644, id))
    for name, inside in below.items():
        id = keep_tree(objects, inside, before.get(name.encode()))
        entries.append(Entry(name.encode(), FOLDER, 0o755, id))
    return objects.put_tree(pack_tree(entries), like=like)


def keep(
    objects: Objects, catalogue: Catalogue, files: Mapping[str, bytes], *, created_ms: int = 0, tag: str = ""
) -> Checkpoint:
    last = catalogue.last()
    with objects.writing():
        tree = keep_tree(objects, files, last.tree if last else None)
        size = sum(map(len, files.values()))
        made = catalogue.add(Checkpoint(catalogue.new_id(), 0, created_ms, "before a step", "", tree, len(files), size))
        return catalogue.tag(made.number, tag) if tag else made


def read_tree(objects: Objects, tree: str, above: str = "") -> dict[str, bytes]:
    """The files of a tree by path."""
    found: dict[str, bytes] = {}
    for entry in unpack_tree(objects.get_tree(tree)):
        path = above + entry.name.decode()
        if entry.kind == FOLDER:
            found |= read_tree(objects, entry.id, path + "/")
        else:
            found[path] = objects.get(entry.id)
    return found
