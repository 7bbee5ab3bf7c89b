"""What a commit would hold: what is staged, or every change where nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.reviewing.changes import Wanted, read_diff
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.gitread import LINK, SUBMODULE, Blob, GitReader
from aiex.jobs.reviewing.renames import find_renames
from aiex.jobs.reviewing.source import Source

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

MOST_READ = 300
"""Files whose contents are looked at; of more only the names count."""
MOST_FILE_BYTES = 1_000_000


class Pending(NamedTuple):
    """What a commit would hold."""

    files: list[FileChange]
    is_staged: bool
    skipped: int
    """Changed files of which only the name is known."""


def read_pending(workspace: Workspace, engine: Engine) -> Pending:
    """What is staged, else what changed.

    Raises:
        UsageError: if there is no repository, or nothing changed.
        Conflict: if a merge left conflicts.
        StoreError: if git or a file cannot be read.
    """
    reader = GitReader(workspace)
    if not reader.is_repository():
        raise UsageError("there is no git repository here", hint="-C takes the directory to work in")
    staged = _read_staged(reader)
    if staged.files or staged.skipped:
        return staged
    found = read_diff(Wanted("uncommitted"), workspace, engine)
    if not found.files and not found.skipped:
        raise UsageError("nothing changed since the last commit, so there is nothing to say")
    return Pending(found.files, is_staged=False, skipped=len(found.skipped))


def _read_staged(reader: GitReader) -> Pending:
    head = reader.commit("HEAD")
    old, index = reader.tree(head), reader.staged()
    conflict = next((path for path, one in index.items() if one.is_conflict), "")
    if conflict:
        raise Conflict(f"{printable_path(conflict)} has conflicts that are not resolved", hint="resolve them first")
    new = {path: Blob(one.mode, one.id) for path, one in index.items()}
    changed = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    read = [path for path in changed if _is_read(reader, path, old.get(path), new.get(path))][:MOST_READ]
    sizes = {new[path].id: index[path].size_bytes for path in read if path in new}
    sizes |= reader.sizes(head, [path for path in read if path in old]) if head else {}
    held = dict(reader.contents({one: size for one, size in sizes.items() if size <= MOST_FILE_BYTES}))
    held |= dict(_one_by_one(reader, [new[path].id for path in read if path in new and new[path].id not in held]))
    files = [_change(path, old.get(path), new.get(path), held) for path in read]
    return Pending(list(find_renames(files)), is_staged=True, skipped=len(changed) - len(read))


def _is_read(reader: GitReader, path: str, old: Blob | None, new: Blob | None) -> bool:
    modes = {one.mode for one in (old, new) if one}
    return modes.isdisjoint({LINK, SUBMODULE}) and not reader.workspace.is_secret(path)


def _one_by_one(reader: GitReader, ids: list[str]) -> Iterator[tuple[str, bytes]]:
    """Contents whose size in the index is not that of git, as with converted line ends."""
    for one in ids:
        done = reader.ask("cat-file", "blob", one, limit_bytes=LIMIT)
        if done.code == 0:
            yield one, done.stdout


LIMIT = 50_000_000


def _change(path: str, old: Blob | None, new: Blob | None, held: dict[str, bytes]) -> FileChange:
    was = Source(path, held[old.id]) if old and old.id in held else None
    now = Source(path, held[new.id]) if new and new.id in held else None
    status: Literal["added", "modified", "deleted"] = "added" if old is None else "modified" if new else "deleted"
    return FileChange(path, status, was, now, old_mode=old.mode if old else 0, new_mode=new.mode if new else 0)
