"""Finds what is to be reviewed: changes that are not committed, since a base, of one commit, or whole files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.errors import AiexError, Denied, StoreError, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.words import size_words
from aiex.jobs.reviewing.diff import Diff, FileChange, Skipped
from aiex.jobs.reviewing.gitread import LINK, SUBMODULE, Blob, GitReader, blob_id
from aiex.jobs.reviewing.renames import find_renames
from aiex.jobs.reviewing.source import Source

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

What = Literal["", "uncommitted", "base", "commit"]
MOST_FILES = 5_000
"""Changed files that are looked into; of more the first ones in path order."""
MOST_FILE_BYTES = 1_000_000
MOST_BYTES = 200_000_000
"""Of both versions of all files together."""
_LFS = b"version https://git-lfs.github.com/spec/"


class Wanted(NamedTuple):
    """What is to be reviewed."""

    what: What = ""
    """Empty for changes that are not committed, or else the last commit."""
    rev: str = ""
    """The base or the commit."""
    paths: tuple[str, ...] = ()
    """Only these files and directories, relative to the root; none for everything."""


class State(NamedTuple):
    """One state of all files, and how their contents are read."""

    files: Mapping[str, Blob]
    commit: str
    """Empty for what lies in the working tree."""


def read_diff(wanted: Wanted, workspace: Workspace, engine: Engine) -> Diff:
    """What changed, with the contents of both versions.

    Raises:
        UsageError: if there is no such commit, no repository and no path, or a path that is nowhere.
        StoreError: if git or a file cannot be read.
    """
    reader = GitReader(workspace)
    if not _has_git(reader, wanted):
        return _read_whole(wanted, workspace, engine)
    head = reader.commit("HEAD")
    if wanted.what == "commit":
        return _read_commit(wanted, reader.need_commit(wanted.rev), reader, engine, head)
    tree = _WorkTree(reader, engine)
    if wanted.what == "base":
        base = reader.need_commit(wanted.rev)
        start = reader.merge_base(base, head) if head else base
        scope = f"changes since {printable_path(wanted.rev)} ({start[:12]})"
        before = State(reader.tree(start), start)
        _require_there(wanted, workspace, before.files, tree.state(before.files).files)
        return _compare(wanted, before, tree.state(before.files), reader, engine, scope)
    files = reader.tree(head)
    found = _compare(wanted, State(files, head), tree.state(files), reader, engine, "uncommitted changes")
    if wanted.what == "" and head and not _is_dirty(files, tree.state(files).files):
        return _read_commit(wanted, head, reader, engine, head)
    _require_there(wanted, workspace, files, tree.state(files).files)
    return found


def list_uncommitted(workspace: Workspace, engine: Engine) -> dict[str, str]:
    """The files that differ from the last commit: path → created, changed or deleted; nothing without a repository.

    Raises StoreError if git cannot be read. Cost: a stat of every file, and reading those whose time changed.
    """
    reader = GitReader(workspace)
    if not reader.is_repository():
        return {}
    before = reader.tree(reader.commit("HEAD"))
    after = _WorkTree(reader, engine).state(before).files
    return {
        path: "created" if path not in before else "deleted" if path not in after else "changed"
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path) and after.get(path) != Blob(LINK, "")
    }


def _require_there(wanted: Wanted, workspace: Workspace, *states: Collection[str]) -> None:
    """Raise UsageError for a path that neither lies there nor is in a state that is compared."""
    for path in wanted.paths:
        try:
            workspace.stat(path)
        except StoreError as error:
            if not any(_is_wanted(one, (path,)) for state in states for one in state):
                hint = "a path is relative to where you are, or was deleted in what is reviewed"
                raise UsageError(f"no such file or directory: {printable_path(path)}", hint=hint) from error


def _is_dirty(before: Mapping[str, Blob], after: Mapping[str, Blob]) -> bool:
    """Whether something differs, links whose aim is not known left out."""
    return any(before.get(path) != after.get(path) for path in {*before, *after} if after.get(path) != Blob(LINK, ""))


def _has_git(reader: GitReader, wanted: Wanted) -> bool:
    try:
        is_repository = reader.is_repository()
    except StoreError:
        if not wanted.paths or wanted.what:
            raise
        return False
    if is_repository:
        return True
    if wanted.what:
        raise UsageError("there is no git repository to compare with", hint="aiex review PATH looks at whole files")
    if not wanted.paths:
        raise UsageError("there is no git repository, so nothing tells what changed", hint="aiex review PATH...")
    return False


def _read_commit(wanted: Wanted, commit: str, reader: GitReader, engine: Engine, head: str) -> Diff:
    parent = reader.commit(f"{commit}^1")
    before, after = State(reader.tree(parent), parent), State(reader.tree(commit), commit)
    _require_there(wanted, reader.workspace, before.files, after.files)
    scope = f"commit {commit[:12]}: {reader.subject(commit)}"
    found = _compare(wanted, before, after, reader, engine, scope)
    return found if commit == head else found._replace(engine=None)


# --- the working tree -----------------------------------------------------------------------------------------------


class _WorkTree:
    """The files as they lie there, named by the ids that git would give their contents."""

    def __init__(self, reader: GitReader, engine: Engine) -> None:
        self.reader = reader
        self.workspace = reader.workspace
        self.engine = engine
        self._state: State | None = None

    def state(self, before: Mapping[str, Blob]) -> State:
        """Every tracked file that is there, and untracked ones that are not ignored."""
        if self._state is None:
            self._state = State(dict(self._entries(before)), "")
        return self._state

    def _entries(self, before: Mapping[str, Blob]) -> Iterator[tuple[str, Blob]]:
        staged, written_ns = self.reader.staged(), self.reader.index_time_ns()
        like = next(iter(staged.values())).id if staged else next((one.id for one in before.values()), "")
        for path in sorted({*staged, *self.engine.paths.known}):
            known = staged.get(path)
            if known is not None and (known.is_absent or known.mode == SUBMODULE):
                yield path, Blob(known.mode, known.id)
                continue
            try:
                found = self.workspace.stat(path)
            except (StoreError, Denied):
                continue
            if found.kind not in ("file", "link"):
                continue
            mode = LINK if found.kind == "link" else 0o100755 if found.mode & 0o100 else 0o100644
            is_seen = known is not None and not known.is_conflict and known.size_bytes == found.size_bytes
            if known is not None and is_seen and known.mtime_ns == found.mtime_ns < written_ns:
                yield path, Blob(mode, known.id)
            else:
                is_compared = known is not None or path in before
                yield path, Blob(mode, self._id(path, known.id if known else like, mode) if is_compared else "")

    def _id(self, path: str, like: str, mode: int) -> str:
        """The id of what lies there; empty for what is not read."""
        if mode == LINK or self.workspace.is_secret(path):
            return ""
        try:
            return blob_id(self.workspace.read(path, limit_bytes=MOST_BYTES), like)
        except (StoreError, Denied):
            return ""


# --- two states -----------------------------------------------------------------------------------------------------


def _compare(wanted: Wanted, before: State, after: State, reader: GitReader, engine: Engine, scope: str) -> Diff:
    old, new = before.files, after.files
    changed = [
        path for path in sorted({*old, *new}) if old.get(path) != new.get(path) and _is_wanted(path, wanted.paths)
    ]
    skipped = [Skipped(path, f"more than {MOST_FILES:,} files changed") for path in changed[MOST_FILES:]]
    changed = changed[:MOST_FILES]
    loader = _Loader(reader, before, after, changed)
    files: list[FileChange] = []
    for path in changed:
        change = loader.change(path)
        if change is not None:
            files.append(change)
    known = frozenset(new)
    found = [change for change in find_renames(files) if change.hunks or _is_telling(change)]
    return Diff(found, scope, [*loader.skipped, *skipped], engine, known_paths=lambda: known)


def _is_telling(change: FileChange) -> bool:
    """Whether a change says something although no line differs: other than by the ends of its lines."""
    if change.status != "modified" or change.old_mode != change.new_mode:
        return True
    return change.new is None or change.old is None or change.new.is_binary


def _is_wanted(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(one in ("", ".") or path == one or path.startswith(f"{one}/") for one in paths)


class _Loader:
    """Reads the versions of changed files, as far as their sizes allow."""

    def __init__(self, reader: GitReader, before: State, after: State, changed: Sequence[str]) -> None:
        self.reader = reader
        self.before, self.after = before, after
        self.room = MOST_BYTES
        self.sizes: dict[str, int] = {}
        self.skipped: list[Skipped] = []
        for state in (before, after):
            if state.commit:
                paths = [path for path in changed if path in state.files and self._is_read(path, state.files[path])]
                self.sizes |= reader.sizes(state.commit, paths)
        self.held = dict(reader.contents(dict(self._affordable())))

    def _affordable(self) -> Iterator[tuple[str, int]]:
        for one, size in self.sizes.items():
            if size <= MOST_FILE_BYTES and size <= self.room:
                self.room -= size
                yield one, size

    def _is_read(self, path: str, blob: Blob) -> bool:
        return blob.mode not in (SUBMODULE, LINK) and not _is_secret(self.reader.workspace, path)

    def change(self, path: str) -> FileChange | None:
        """A changed file with its versions; None for what is no file, or kept elsewhere."""
        old, new = self.before.files.get(path), self.after.files.get(path)
        if reason := _no_file(old, new):
            self._skip(path, reason)
            return None
        was, _ = self._source(path, old, self.before)
        now, size = self._source(path, new, self.after)
        if now is not None and was is not None and was.data.startswith(_LFS) and not now.data.startswith(_LFS):
            self._skip(path, "kept by git-lfs")
            return None
        is_secret = _is_secret(self.reader.workspace, path)
        if new is not None and now is None:
            self._skip(path, "kept from being read" if is_secret else _too_large(size) or "it cannot be read")
        elif now is not None and now.is_binary:
            self._skip(path, "binary")
        status: Literal["added", "modified", "deleted"] = "modified"
        if new is None:
            status = "deleted"
        elif old is None or old.mode == LINK:
            status = "added"
        return FileChange(
            path,
            status,
            was,
            now,
            old_mode=old.mode if old else 0,
            new_mode=new.mode if new else 0,
            size_bytes=size,
            is_secret=is_secret,
        )

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path, reason))

    def _source(self, path: str, blob: Blob | None, state: State) -> tuple[Source | None, int]:
        """One version, None where it is not read, and its size."""
        if blob is None or not self._is_read(path, blob):
            return None, 0
        if state.commit:
            data = self.held.get(blob.id)
            return (Source(path, data) if data is not None else None), self.sizes.get(blob.id, 0)
        return _from_disk(self.reader.workspace, path)


def _no_file(old: Blob | None, new: Blob | None) -> str:
    """Why a changed name is not looked into; empty when it is a file."""
    last = new or old
    if last is None or last.mode == SUBMODULE:
        return "a submodule"
    return "a link" if last.mode == LINK else ""


def _too_large(size_bytes: int) -> str:
    return size_words(size_bytes) if size_bytes > MOST_FILE_BYTES else ""


def _from_disk(workspace: Workspace, path: str) -> tuple[Source | None, int]:
    try:
        size = workspace.stat(path, follow_links=True).size_bytes
        return (Source(path, workspace.read(path)) if size <= MOST_FILE_BYTES else None), size
    except (StoreError, Denied):
        return None, 0


def _is_secret(workspace: Workspace, path: str) -> bool:
    try:
        return workspace.is_secret(path) or workspace.is_kept_out(path)
    except Denied:
        return True


# --- without git ----------------------------------------------------------------------------------------------------


def _read_whole(wanted: Wanted, workspace: Workspace, engine: Engine) -> Diff:
    _require_there(wanted, workspace)
    listed = [path for path in engine.paths.known if _is_wanted(path, wanted.paths)]
    named = [path for path in wanted.paths if path not in listed and _is_file(workspace, path)]
    skipped: list[Skipped] = []
    files: list[FileChange] = []
    for path in sorted({*listed, *named}):
        source, size = _from_disk(workspace, path)
        if source is None:
            skipped.append(Skipped(path, _why_unread(workspace, path)))
            continue
        mode = workspace.stat(path, follow_links=True).mode
        files.append(FileChange(path, "whole", None, source, new_mode=0o100000 | mode, size_bytes=size))
    known = frozenset(engine.paths.known)
    return Diff(files, "whole files", skipped, engine, has_base=False, known_paths=lambda: known)


def _is_file(workspace: Workspace, path: str) -> bool:
    try:
        return workspace.stat(path, follow_links=True).kind == "file"
    except (StoreError, Denied):
        return False


def _why_unread(workspace: Workspace, path: str) -> str:
    read: Callable[[str], bytes] = workspace.read
    try:
        size = workspace.stat(path, follow_links=True).size_bytes
        if reason := _too_large(size):
            return reason
        read(path)
    except AiexError as error:
        return error.message
    return "it changed meanwhile"
