"""What git remembers about a path: last commits, authors, churn, and what changes together with it.

One `git log` tells all of it. Its answer is kept under the commit that is checked out, because starting a process costs
more than the rest of a briefing.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiex.errors import AiexError
from aiex.guard.sandbox.githead import git_head
from aiex.jobs.briefing.model import Commit, History, Together

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

COMMITS = 60
"""Commits read for a file; a directory reads the double."""
VERSION = 3
"""Raised when the same log would be read in another way, so that older answers are not taken."""
TIMEOUT_S = 2.0
"""A history is worth less than a prompt answer, so a slow git is left out."""
WIDE_COMMIT = 40
"""A commit with more files says nothing about what belongs together."""
MOST_TOGETHER = 20
"""Files listed that change together with a file, or most in a directory."""
_FORMAT = "%x1e%h%x1f%as%x1f%an%x1f%s"

Git = Callable[..., bytes | None]
"""Runs a read-only git command and gives its output, None when git could not answer."""


def git_of(workspace: "Workspace") -> Git:
    """Git in a workspace, through the guard."""

    def run(*args: str) -> bytes | None:
        from aiex.guard.sandbox.process import git

        try:
            done = git(workspace.root, *args, timeout_s=TIMEOUT_S)
        except (AiexError, OSError):
            return None
        return done.stdout if done.code == 0 else None

    return run


def _has_git(workspace: "Workspace") -> bool:
    try:
        workspace.stat(".git")
    except AiexError:
        return False
    return True


def _small(workspace: "Workspace", path: str) -> str:
    try:
        return workspace.read(path, limit_bytes=4_000_000).decode("utf-8", "replace").strip()
    except AiexError:
        return ""


def history_of(
    engine: "Engine", workspace: "Workspace", git: Git, path: str, *, directory: bool = False
) -> History | None:
    """The history of a path, None when git has nothing to say about it."""
    head = git_head(workspace.root)
    if not head and not _has_git(workspace):
        return None
    shallow = _small(workspace, ".git/shallow") != ""
    key = f"history/{VERSION}/{'shallow' if shallow else 'whole'}/{head}/{path}"
    kept = engine.recall(key) if head else None
    if kept is not None:
        return from_json(kept)
    from aiex.guard.redact import redact_within

    history = redact_within(ask(git, path, directory=directory))
    if shallow and history is not None:
        history = history._replace(complete=False)
    if head:
        engine.remember(key, to_json(history))
    return history


def ask(git: Git, path: str, *, directory: bool) -> History | None:
    """Read the log of a path. A file's commits are read with all the files they changed."""
    limit = 2 * COMMITS if directory else COMMITS
    wide = () if directory else ("--full-diff",)
    said = git(
        "log", f"--max-count={limit + 1}", f"--format={_FORMAT}", "--numstat", "--no-renames", "-z", *wide, "--", path
    )
    if not said:
        return None
    return parse_log(os.fsdecode(said), path, limit=limit, directory=directory)


def parse_log(text: str, path: str, *, limit: int, directory: bool) -> History | None:
    """The history in the output of `git log --numstat -z` with this module's format.

    Args:
        text: Bytes that are not UTF-8 as lone surrogates, as in `path`: names of files are compared.
        path: The file that churn is counted for; of a directory all rows count.
        limit: Most commits that are read; one more in the text says that there are more.
    """
    commits: list[Commit] = []
    authors: Counter[str] = Counter()
    together: Counter[str] = Counter()
    busiest: Counter[str] = Counter()
    added = removed = 0
    entries = [entry for entry in text.split("\x1e") if entry.strip("\0\n")]
    for entry in entries[:limit]:
        head, _, rest = entry.partition("\0")
        fields = head.strip("\n").split("\x1f")
        if len(fields) != 4:
            continue
        commits.append(Commit(*map(_plain, fields)))
        authors[commits[-1].author] += 1
        changed = [row for row in map(_row, rest.split("\0")) if row is not None]
        own = [row for row in changed if directory or row[2] == path]
        added += sum(row[0] for row in own)
        removed += sum(row[1] for row in own)
        if directory:
            busiest.update(row[2] for row in changed)
        elif len(changed) <= WIDE_COMMIT:
            together.update(row[2] for row in changed if row[2] != path)
    if not commits:
        return None
    return History(
        tuple(commits),
        tuple(sorted(authors.items(), key=lambda item: (-item[1], item[0]))),
        added,
        removed,
        len(entries) <= limit,
        _most(together, 2),
        _most(busiest, 2),
    )


def _plain(words: str) -> str:
    """Words of a commit in an encoding that nobody declared: what is not UTF-8 is shown as such, not spelled."""
    return words if words.isascii() else os.fsencode(words).decode("utf-8", "replace")


def _row(line: str) -> tuple[int, int, str] | None:
    parts = line.strip("\n").split("\t", 2)
    if len(parts) != 3:
        return None
    added, removed, path = parts
    return (int(added) if added.isdigit() else 0, int(removed) if removed.isdigit() else 0, path)


def _most(counted: Counter[str], least: int) -> tuple[Together, ...]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Together(path, count) for path, count in ordered if count >= least)[:MOST_TOGETHER]


def to_json(history: History | None) -> str:
    """The history as it is kept between runs."""
    return json.dumps(history)


def from_json(text: str) -> History | None:
    """The history that `to_json` wrote."""
    read = json.loads(text)
    if read is None:
        return None
    commits, authors, added, removed, complete, together, busiest = read
    return History(
        tuple(Commit(*commit) for commit in commits),
        tuple((name, count) for name, count in authors),
        added,
        removed,
        complete,
        tuple(Together(*item) for item in together),
        tuple(Together(*item) for item in busiest),
    )
