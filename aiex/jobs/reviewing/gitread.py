"""What git knows: commits by name, files of a commit and of the index, contents by their ids.

Only commits, trees, the index and contents are read, through the guard: nothing that a repository configures is run,
and no name is taken for an option.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import Conflict, StoreError, UsageError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.guard.sandbox.files import Workspace
    from aiex.guard.sandbox.process import Completed

TIMEOUT_S = 60.0
LIST_BYTES = 256_000_000
"""The longest list of files that is read: 2.5 million names of 100 bytes."""
_ARGUMENTS = 400
"""Names or ids given to one process."""
_CHUNK_BYTES = 48_000_000
SUBMODULE = 0o160000
LINK = 0o120000
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_KEPT_OUT_OF_TREE = 0x4000_0000
"""The flag of an index entry whose file is not checked out (CE_SKIP_WORKTREE, read-cache.h)."""
_INDEX_ENTRY = re.compile(
    rb"(?P<mode>[0-7]{6}) (?P<id>[0-9a-f]{40,64}) (?P<stage>[0-3])\t(?P<path>[^\0]+)\0"
    rb"  ctime: [^\n]*\n  mtime: (?P<s>\d+):(?P<ns>\d+)\n[^\n]*\n[^\n]*\n"
    rb"  size: (?P<size>\d+)\tflags: (?P<flags>[0-9a-f]+)\n"
)


class Blob(NamedTuple):
    """A file as git has it."""

    mode: int
    """As git writes it: 0o100644, 0o100755, 0o120000 for a link, 0o160000 for a submodule."""
    id: str


class Staged(NamedTuple):
    """A file of the index, with what was seen of it when it was put there."""

    mode: int
    id: str
    mtime_ns: int
    size_bytes: int
    is_absent: bool
    """A sparse checkout leaves it out."""
    is_conflict: bool


class GitReader:
    """Asks git about one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def ask(self, *args: str, limit_bytes: int = LIST_BYTES) -> Completed:
        """What git said to a reading command.

        Raises:
            StoreError: if git is missing, took too long or said too much.
        """
        from aiex.guard.sandbox.process import git

        done = git(self.workspace.root, *args, timeout_s=TIMEOUT_S, limit_bytes=limit_bytes)
        if done.timed_out or done.truncated:
            what = f"needed longer than {TIMEOUT_S:g} s" if done.timed_out else f"told over {limit_bytes / 1e6:g} MB"
            raise StoreError(f"cannot compare: git {args[0]} {what}", hint="name the files to look at")
        return done

    def is_repository(self) -> bool:
        """Whether git takes the workspace for part of a repository."""
        return self.ask("rev-parse", "--git-dir").code == 0

    def commit(self, name: str) -> str:
        """The id of the commit of this name; empty when there is none."""
        if name.startswith("-") or "\0" in name or not name:
            return ""
        done = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = done.stdout.decode("ascii", "replace").split()
        return found[-1] if done.code == 0 and found and _ID.fullmatch(found[-1]) else ""

    def need_commit(self, name: str) -> str:
        """The id of the commit of this name; UsageError when there is none."""
        if found := self.commit(name):
            return found
        hint = "a branch, a tag or the beginning of an id; a shallow clone lacks older ones"
        raise UsageError(f"no such commit: {printable_path(name)}", hint=hint)

    def merge_base(self, one: str, other: str) -> str:
        """Where two commits parted; Conflict when they have nothing in common here."""
        done = self.ask("merge-base", one, other)
        found = done.stdout.decode("ascii", "replace").split()
        if done.code or not found:
            hint = "a shallow clone may lack the commit where they parted: git fetch --unshallow"
            raise Conflict("the two commits have no common one here", hint=hint)
        return found[0]

    def subject(self, commit: str) -> str:
        """The first line of the message of a commit."""
        done = self.ask("show", "--no-patch", "--format=%s", "--encoding=UTF-8", commit)
        return printable_path(done.stdout.decode("utf-8", "replace").strip()[:80])

    def tree(self, commit: str) -> dict[str, Blob]:
        """The files of a commit below the workspace; none for an empty name."""
        if not commit:
            return {}
        done = self.ask("ls-tree", "-r", "-z", commit)
        if done.code:
            raise StoreError(f"git cannot read the files of {commit[:12]}", hint=_first_line(done.stderr))
        return dict(_tree_entries(done.stdout))

    def staged(self) -> dict[str, Staged]:
        """The files of the index below the workspace."""
        done = self.ask("ls-files", "--stage", "--debug", "-z")
        if done.code:
            raise StoreError("git cannot read its index", hint=_first_line(done.stderr))
        found: dict[str, Staged] = {}
        for entry in _INDEX_ENTRY.finditer(done.stdout):
            time_ns = int(entry["s"]) * 1_000_000_000 + int(entry["ns"])
            absent = bool(int(entry["flags"], 16) & _KEPT_OUT_OF_TREE)
            path, conflict = os.fsdecode(entry["path"]), entry["stage"] != b"0"
            mode, size = int(entry["mode"], 8), int(entry["size"])
            found[path] = Staged(mode, entry["id"].decode("ascii"), time_ns, size, absent, conflict)
        return found

    def index_time_ns(self) -> int:
        """When the index was last written; 0 when that cannot be seen from here."""
        from aiex.errors import Denied

        where = os.fsdecode(self.ask("rev-parse", "--git-path", "index").stdout).rstrip("\n")
        try:
            return self.workspace.stat(where).mtime_ns
        except (StoreError, Denied):
            return 0

    def contents(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """The contents of these ids, whose sizes are known; what git lacks is left out."""
        group: list[str] = []
        held = 0
        for one, size in sizes.items():
            if group and (len(group) >= _ARGUMENTS or held + size > _CHUNK_BYTES):
                yield from self._read(group, sizes)
                group, held = [], 0
            group.append(one)
            held += size
        if group:
            yield from self._read(group, sizes)

    def _read(self, ids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """`git show` of several contents gives them one behind the other."""
        whole = sum(sizes[one] for one in ids)
        done = self.ask("show", *ids, limit_bytes=whole + 4_096)
        if done.code or len(done.stdout) != whole:
            if len(ids) > 1:
                for one in ids:
                    yield from self._read([one], sizes)
            return
        at = 0
        for one in ids:
            yield one, done.stdout[at : at + sizes[one]]
            at += sizes[one]

    def sizes(self, commit: str, paths: Iterable[str]) -> dict[str, int]:
        """The sizes of files of a commit in bytes, by the ids of their contents."""
        found: dict[str, int] = {}
        waiting = sorted(paths)
        for start in range(0, len(waiting), _ARGUMENTS):
            done = self.ask("ls-tree", "-r", "-l", "-z", commit, "--", *waiting[start : start + _ARGUMENTS])
            for row in done.stdout.split(b"\0"):
                head = row.partition(b"\t")[0].split()
                if len(head) == 4 and head[3].isdigit():
                    found[head[2].decode("ascii")] = int(head[3])
        return found


def blob_id(data: bytes, like: str) -> str:
    """The id that git gives a content, in the form of another one."""
    from hashlib import sha1, sha256

    whole = b"blob %d\0" % len(data) + data
    return sha256(whole).hexdigest() if len(like) == 64 else sha1(whole, usedforsecurity=False).hexdigest()


def _tree_entries(output: bytes) -> Iterator[tuple[str, Blob]]:
    for row in output.split(b"\0"):
        head, _, path = row.partition(b"\t")
        words = head.split()
        if len(words) == 3 and path:
            yield os.fsdecode(path), Blob(int(words[0], 8), words[2].decode("ascii"))


def _first_line(stderr: bytes) -> str:
    return printable_path(stderr.decode("utf-8", "replace").strip().partition("\n")[0][:200])
