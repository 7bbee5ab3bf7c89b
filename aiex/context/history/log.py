"""The last commits as git tells them, from one `git log`, with files under the names they have today.

Only commits, trees and names are read, never contents: renames are those where the content stayed the same, and moves
where one file of that name left and one came. So a clone without contents tells the same, and no filter can run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import AiexError, Denied, StoreError
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.githead import git_head

if TYPE_CHECKING:
    from aiex.guard.sandbox.files import Workspace
    from aiex.guard.sandbox.process import Completed

WIDE_COMMIT = 50
"""A commit of more files says nothing about what belongs together; what it renamed is minded."""
LONGEST_SUBJECT = 200
_LATEST_S = 1 << 40
"""Times beyond are not of this world; git takes any number."""
_LOG = (
    *("log", "-z", "--min-parents=1", "--max-parents=1", "--format=%m %ct %s", "--encoding=UTF-8", "--name-status"),
    *("-M100%", "-O/dev/null", "--no-relative", "--no-mailmap", "--no-decorate"),
)
"""A commit without a parent brings everything at once, as does the edge of a shallow clone; a merge repeats others."""


class Commit(NamedTuple):
    """One commit."""

    time_s: int
    """When it was committed, in seconds since 1970."""
    subject: str
    """The first line of its message, at most `LONGEST_SUBJECT` characters; bytes that are not UTF-8 replaced."""
    paths: tuple[str, ...]
    """Files it changed, sorted, bytes that are not UTF-8 as surrogates; empty for a wide commit."""


class Log(NamedTuple):
    """What git told."""

    commits: list[Commit]
    """Newest first."""
    renamed: dict[str, str]
    """Names that files had before the oldest of these commits, and those they have after the newest."""
    said: str = ""
    """Why there is less than asked for; empty when there is not."""
    strangers: bool = False
    """There were commits that only the other side of the range has."""


def find_head(workspace: Workspace) -> tuple[str, str]:
    """The commit that is checked out, or an empty string and why there is none. Cost: a process for few layouts."""
    head = git_head(workspace.root)
    if head:
        return head, ""
    try:
        kind = workspace.stat(".git").kind
    except (StoreError, Denied):
        return "", "this is no git repository"
    return _ask_head(workspace, is_named=kind == "file")


def _ask_head(workspace: Workspace, *, is_named: bool) -> tuple[str, str]:
    """The head of a repository whose refs cannot be read here: a linked worktree, a submodule, another form of refs.

    A directory that is not a repository, though it is called so, makes git ask the one around it: not taken.
    """
    done = _git(workspace, ["rev-parse", "--absolute-git-dir", "HEAD"], 2.0, 100_000)
    if isinstance(done, str):
        return "", done
    directory, _, head = os.fsdecode(done.stdout).strip().partition("\n")
    inside = os.path.realpath(os.path.join(workspace.root, ".git"))
    if not directory or not (is_named or os.path.realpath(directory) == inside):
        return "", "git does not take this for a repository"
    return (head, "") if done.code == 0 and head else ("", "the repository has no commits yet")


def read_log(
    workspace: Workspace, head: str, *, since: str = "", commits: int, timeout_s: float, limit_bytes: int
) -> Log | None:
    """The commits that lead to `head`, without merges, newest first; None when git does not know `since`.

    Args:
        since: A commit: only what is in one of both and not in the other.
        commits: Most commits that are read.
        timeout_s: Git is stopped after so long; what it told by then is taken.
        limit_bytes: And after so much.
    """
    span = ["--left-right", f"{since}...{head}"] if since else [head]
    done = _git(workspace, [*_LOG, f"--max-count={commits}", *span, "--"], timeout_s, limit_bytes)
    if isinstance(done, str):
        return Log([], {}, done)
    if done.code and since:
        return None
    said = _what_went_wrong(done, timeout_s, limit_bytes)
    entries = list(_parse(os.fsdecode(done.stdout)))
    known, renamed = to_todays_names(entries[:-1] if said else entries)
    return Log(known, renamed, said, any(entry.side == "<" for entry in entries))


def _git(workspace: Workspace, args: Sequence[str], timeout_s: float, limit_bytes: int) -> Completed | str:
    """What git said, or why it cannot be asked."""
    from aiex.guard.sandbox.process import git

    try:
        return git(workspace.root, *args, timeout_s=timeout_s, limit_bytes=limit_bytes)
    except AiexError as error:
        return error.message


def _what_went_wrong(done: Completed, timeout_s: float, limit_bytes: int) -> str:
    if done.timed_out:
        return f"git needed longer than {timeout_s:g} s: older commits are left out"
    if done.truncated:
        return f"git told more than {limit_bytes / 1e6:g} MB: older commits are left out"
    if done.code:
        first = os.fsdecode(done.stderr).strip().partition("\n")[0]
        return f"git could not read all commits: {printable_path(first[:200])}"
    return ""


class _Entry(NamedTuple):
    """One commit with names as they were then."""

    side: str
    time_s: int
    subject: str
    paths: list[str]
    renames: list[tuple[str, str]]
    """Old and new names."""


def _parse(text: str) -> Iterator[_Entry]:
    """The commits in the output of `git log` with `_LOG`; fields end with NUL, so that any name and subject is safe."""
    fields = iter(text.split("\0"))
    entry: _Entry | None = None
    added: list[str] = []
    removed: list[str] = []
    for field in fields:
        word = field.lstrip("\n")
        if word[:2] in ("> ", "< "):
            if entry is not None:
                yield _with_moves(entry, added, removed)
            entry, added, removed = _begin(word), [], []
        elif word and entry is not None:
            path = next(fields, "")
            if word[0] in "RC":
                source, path = path, next(fields, "")
                if word[0] == "R":
                    entry.renames.append((source, path))
            elif word == "A":
                added.append(path)
            elif word == "D":
                removed.append(path)
            entry.paths.append(path)
    if entry is not None:
        yield _with_moves(entry, added, removed)


def _begin(header: str) -> _Entry:
    side, time, subject = (*header.split(" ", 2), "")[:3]
    if not subject.isascii():
        subject = os.fsencode(subject).decode("utf-8", "replace")
    time_s = int(time) if time.isdecimal() else 0
    return _Entry(side, min(time_s, _LATEST_S), subject[:LONGEST_SUBJECT], [], [])


def _with_moves(entry: _Entry, added: Sequence[str], removed: Sequence[str]) -> _Entry:
    """The same with files that moved and changed at once: the only one of its name that left, and that came."""
    if added and removed:
        came, left = _by_name(added), _by_name(removed)
        for name, old in left.items():
            new = came.get(name)
            if old and new:
                entry.renames.append((old, new))
    return entry


def _by_name(paths: Iterable[str]) -> dict[str, str]:
    """The path of each last name; empty where several have it."""
    found: dict[str, str] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        found[name] = "" if name in found else path
    return found


def to_todays_names(entries: Iterable[_Entry]) -> tuple[list[Commit], dict[str, str]]:
    """Commits, newest first, with the names that their files have after the newest; and the names before the oldest."""
    today: dict[str, str] = {}
    commits: list[Commit] = []
    for entry in entries:
        moved = {old: today.get(new, new) for old, new in entry.renames}
        # a file that moved is listed once, by its new name
        paths = {today.get(path, path) for path in entry.paths if path not in moved} | set(moved.values())
        commits.append(Commit(entry.time_s, entry.subject, tuple(sorted(paths)) if len(paths) <= WIDE_COMMIT else ()))
        today.update(moved)
    return commits, today


def rename_in(commits: Iterable[Commit], renamed: Mapping[str, str]) -> Iterator[Commit]:
    """The same commits after later ones renamed some of their files."""
    for commit in commits:
        yield commit._replace(paths=tuple(sorted({renamed.get(path, path) for path in commit.paths})))
