"""Worktrees of git: a second working directory of a repository with a branch of its own, beside that of a person."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aiex.errors import Conflict, StoreError, UsageError
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.process import quiet_git, run
from aiex.patterns import late

if TYPE_CHECKING:
    from aiex.guard.sandbox.process import Completed

BRANCHES: Final = "aiex/"
"""How the names of their branches begin."""
_NAME: Final = late(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TIMEOUT_S: Final = 120.0


def open_worktree(root: str, folder: str, name: str) -> str:
    """The worktree of a name, made from the commit of now if it is not there; its directory.

    No hook runs, and no filter that the repository configures: what git-lfs keeps elsewhere comes as its pointers.

    Args:
        root: A repository.
        folder: Where worktrees lie; made when it is missing.
        name: Of the worktree; its branch is `aiex/NAME`.

    Raises:
        UsageError: if the name is none, or this is no repository with a commit.
        Conflict: if something else is in the way.
        StoreError: if git is missing or fails.
    """
    if not _NAME.fullmatch(name) or name.endswith((".", ".lock")) or ".." in name:
        raise UsageError(f"{printable_path(name)} is no name for a worktree", hint="use letters, digits, - and _")
    path = os.path.join(os.path.realpath(folder), name)
    if os.path.lexists(path):
        return _require_own(path, root)
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").code:
        raise UsageError(
            f"{printable_path(root)} has no commit to make a worktree of", hint="a worktree needs a git repository"
        )
    os.makedirs(folder, mode=0o700, exist_ok=True)
    branch = f"{BRANCHES}{name}"
    is_known = _git(root, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").code == 0
    _git(root, "worktree", "prune")
    wanted = [path, branch] if is_known else ["-b", branch, path, "HEAD"]
    made = _git(root, "worktree", "add", "--quiet", *wanted)
    if made.code:
        said = made.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Conflict(f"cannot make the worktree {name}: {said[-1] if said else 'git failed'}")
    return path


def _require_own(path: str, root: str) -> str:
    """The path if it is a worktree of this repository. Raises Conflict."""
    own, other = (_common_directory(one) for one in (path, root))
    if not own or own != other:
        raise Conflict(
            f"{printable_path(path)} is in the way: it is no worktree of this repository", hint="use another name"
        )
    return path


def _common_directory(path: str) -> str:
    found = _git(path, "rev-parse", "--git-common-dir")
    return os.path.realpath(os.path.join(path, os.fsdecode(found.stdout.strip()))) if found.code == 0 else ""


def _git(root: str, *words: str) -> Completed:
    git = quiet_git(root)
    completed = run([*git, *words], cwd=root, timeout_s=_TIMEOUT_S, environ=_without_filters(root, git))
    if completed.timed_out:
        raise StoreError(f"git {words[0]} took longer than {_TIMEOUT_S:g} s")
    return completed


def _without_filters(root: str, git: list[str]) -> dict[str, str]:
    """Variables that make nothing of the filters that are configured, whatever their names hold."""
    listed = run(
        [*git, "config", "--name-only", "--null", "--get-regexp", r"^filter\."], cwd=root, timeout_s=_TIMEOUT_S
    )
    names = sorted({os.fsdecode(key).rpartition(".")[0] for key in listed.stdout.split(b"\0") if key})
    settings = [(f"{name}.{word}", "") for name in names for word in ("smudge", "clean", "process")]
    settings += [(f"{name}.required", "false") for name in names]
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
