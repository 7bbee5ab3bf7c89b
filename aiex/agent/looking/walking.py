"""The files beneath a directory that a model named."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from aiex.agent.looking.layers import held_beneath
from aiex.context.listing import ALWAYS_SKIPPED, DEPTH_LIMIT
from aiex.errors import AiexError, Denied
from aiex.guard.sandbox.files import Missing

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.context.catalogue import Catalogue, Folder
    from aiex.guard.sandbox.files import Entry, Workspace


class Ground(NamedTuple):
    """The files beneath a directory."""

    top: str
    paths: list[str]
    """Sorted."""
    is_all: bool
    """No file was left out because there are so many."""
    folders: Sequence[Folder]
    """Where they lie, as far as ignore rules were asked; none where these do not count."""


def list_files(kit: Kit, path: str, most: int = sys.maxsize) -> Ground:
    """Every file from a directory downwards, links not followed, without secrets and what rules keep out."""
    changed = held_beneath(kit, path)
    paths: list[str] = []
    folders: list[Folder] = []
    if is_ruled(kit, path):
        for folder in kit.catalogue.walk(to_folder(path)):
            folders.append(folder)
            paths += folder.files
            if len(paths) > most:
                break
    else:
        names = _walk_unruled(kit, path, DEPTH_LIMIT, changed)
        paths += islice((name for name in names if name[-1] != "/"), min(most + 1, sys.maxsize))
    if changed:
        paths = [name for name in paths if name not in changed]
        paths += [name for name, is_there in changed.items() if is_there]
    return Ground(path, sorted(paths[:most]), len(paths) <= most, folders)


def list_names(kit: Kit, path: str, depth: int) -> Iterator[str]:
    """Names beneath a directory, breadth first, so that what is near comes before what is deep; directories end with
    `/`. The same files as `list_files` has.
    """
    changed = held_beneath(kit, path)
    if is_ruled(kit, path):
        names = _walk_folders(kit.catalogue, to_folder(path), depth)
    else:
        names = _walk_unruled(kit, path, depth, changed)
    if not changed:
        yield from names
        return
    added = {name for name, is_there in changed.items() if is_there for name in _cut(name, to_folder(path), depth)}
    for name in names:
        if changed.get(name, True):
            added.discard(name)
            yield name
    yield from added


def _walk_unruled(kit: Kit, path: str, depth: int, held: Mapping[str, bool]) -> Iterator[str]:
    """As `walk_names`; nothing where the directory is in memory only."""
    if held:
        try:
            kit.means.workspace.stat(path, follow_links=True)
        except Missing:
            return iter(())
    return walk_names(kit.means.workspace, path, depth)


def _cut(path: str, top: str, depth: int) -> Iterator[str]:
    """The names on the way from a directory to a file, as far as the depth reaches."""
    words = path[len(top) :].split("/")
    for count in range(1, min(len(words), depth) + 1):
        yield top + "/".join(words[:count]) + ("/" if count < len(words) else "")


def _walk_folders(catalogue: Catalogue, top: str, depth: int) -> Iterator[str]:
    level = [top]
    for step in range(depth):
        below: list[str] = []
        for path in level:
            folder = catalogue.folder(path)
            yield from folder.folders
            yield from folder.files
            if step + 1 < depth:
                below += folder.folders
        level = below


def is_ruled(kit: Kit, path: str) -> bool:
    """Whether a directory is part of the repository, so that its ignore rules say what belongs to it.

    What is ignored, or lies outside, and is named all the same is looked at as it is.
    """
    if os.path.isabs(path):
        return False
    kit.catalogue.refresh()
    return path == "." or kit.catalogue.belongs(f"{path}/")


def to_folder(path: str) -> str:
    """A directory as the catalogue names it."""
    return "" if path == "." else f"{path}/"


def walk_names(workspace: Workspace, path: str, depth: int) -> Iterator[str]:
    """Names beneath a directory that no ignore rules are asked about, breadth first; directories end with `/`.

    Raises:
        StoreError, Denied: if the directory itself cannot be listed.
    """
    level = [to_folder(path)]
    entries = workspace.scan(path)
    for step in range(depth):
        below: list[str] = []
        for folder in level:
            if step:
                entries = _scan(workspace, folder)
            for entry in entries:
                name = folder + entry.name
                if entry.kind == "dir" and entry.name not in ALWAYS_SKIPPED:
                    below.append(f"{name}/")
                    yield f"{name}/"
                elif entry.kind == "file" and not _is_kept(workspace, name):
                    yield name
        level = below


def _scan(workspace: Workspace, folder: str) -> list[Entry]:
    try:
        return workspace.scan(folder)
    except AiexError:
        return []


def _is_kept(workspace: Workspace, path: str) -> bool:
    try:
        return workspace.is_secret(path) or workspace.is_kept_out(path)
    except Denied:
        return True
