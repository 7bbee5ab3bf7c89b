"""Directories that git takes for a repository although they are not called `.git`.

A `.git` file with a `gitdir:` line (worktrees, submodules, `git init --separate-git-dir`) names one; its `commondir`
file names another; and a bare repository is one by its looks. Writing there can make git run commands.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from aiex.guard.sandbox.paths import upwards
from aiex.guard.sandbox.peeking import take_beginning
from aiex.guard.sandbox.walk import HOLD, LIST, READ, Folder, Opener

NAMES_WITH_MEANING = frozenset(
    (
        *("head", "config", "config.worktree", "hooks", "info", "objects", "refs", "modules", "worktrees"),
        *("index", "packed-refs", "commondir", "gitdir", "logs"),
    )
)
"""What git reads in its directory (gitrepository-layout(5)). The whole tree is searched for a `.git` file only for
these and beside a HEAD, without which git takes no directory for its own."""
GIT_SIGNS = frozenset({"HEAD", "objects", "refs"})
"""What a directory holds that git takes for its own (setup.c, is_git_directory)."""
MAX_DIRECTORIES = 20_000
_MAX_BYTES = 4096


def git_directory_above(opener: Opener, top: Folder, root: str, resolved: str) -> str:
    """The git directory that holds this resolved path, relative to `root`, or an empty string."""
    target = os.path.join(root, *resolved.split("/"))
    ancestors = _ancestors(resolved)
    for directory in ancestors:
        if _looks_like_git(opener, top, directory, resolved):
            return directory or "."
    searched: Iterator[str] = iter(ancestors)
    has_meaning = any(name.casefold() in NAMES_WITH_MEANING for name in resolved.split("/"))
    if has_meaning or any(_kind(opener, top, f"{directory}/HEAD") for directory in ancestors):
        searched = _with_git_file(opener, top)
    for directory in searched:
        for real in _named_by(opener, top, root, directory):
            if target == real or target.startswith(os.path.join(real, "")):
                return os.path.relpath(real, root)
    return ""


def lies_in_git_directory(path: str) -> bool:
    """Whether git would take this real directory, or one above it, for a git directory before any worktree."""
    for at in upwards(path):
        if os.path.lexists(os.path.join(at, ".git")):
            return False
        if all(os.path.lexists(os.path.join(at, sign)) for sign in GIT_SIGNS):
            return True
    return False


def read_git_file(text: str) -> str | None:
    """The directory that the text of a `.git` file names, absolute or seen from where it lies; None for other text."""
    if not text.startswith("gitdir:") or "\0" in text:  # no path has a NUL, and git follows none that has
        return None
    return text.removeprefix("gitdir:").strip()


def _ancestors(resolved: str) -> list[str]:
    """Every directory from the top (empty) down to the parent."""
    parts = resolved.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _named_by(opener: Opener, top: Folder, root: str, directory: str) -> list[str]:
    """The real git directories that `directory/.git` names when it is a file."""
    path = read_git_file(_peek(opener, top, f"{directory}/.git"))
    if path is None:
        return []
    named = os.path.realpath(os.path.join(root, directory, path))
    found = [named]
    inside = os.path.realpath(root)
    if named.startswith(os.path.join(inside, "")):
        common = _peek(opener, top, os.path.relpath(named, inside) + "/commondir").strip()
        if common and "\0" not in common:
            found.append(os.path.realpath(os.path.join(named, common)))
    return found


def _looks_like_git(opener: Opener, top: Folder, directory: str, resolved: str) -> bool:
    """Whether a directory has, or would get by this write, HEAD, objects and refs (setup.c, is_git_directory)."""
    kinds = [_kind(opener, top, f"{directory}/{name}") for name in ("objects", "refs")]
    if kinds != ["dir", "dir"]:
        return False
    return resolved == f"{directory}/HEAD".lstrip("/") or _kind(opener, top, f"{directory}/HEAD") == "file"


def _with_git_file(opener: Opener, top: Folder) -> Iterator[str]:
    """Directories of the whole tree that have a `.git` file, links not followed."""
    waiting, seen = [""], 0
    while waiting and seen < MAX_DIRECTORIES:
        directory = waiting.pop()
        seen += 1
        with suppress(OSError):
            folder = opener.open_folder(top, _parts(directory), LIST)
            try:
                with os.scandir(folder.base if folder.fd is None else folder.fd) as entries:
                    for entry in entries:
                        if entry.name == ".git":
                            yield directory
                        elif entry.is_dir(follow_symlinks=False):
                            waiting.append(f"{directory}/{entry.name}".lstrip("/"))
            finally:
                folder.close()


def _peek(opener: Opener, top: Folder, path: str) -> str:
    """The beginning of a regular file, or an empty string."""
    with suppress(OSError):
        return take_beginning(opener.open(top, _parts(path), READ)[0], _MAX_BYTES)
    return ""


def _kind(opener: Opener, top: Folder, path: str) -> str:
    *above, name = _parts(path)
    with suppress(OSError):
        folder = opener.open_folder(top, above, HOLD)
        try:
            mode = os.stat(folder.base + name, dir_fd=folder.fd).st_mode
            return "dir" if stat.S_ISDIR(mode) else "file"
        finally:
            folder.close()
    return ""


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
