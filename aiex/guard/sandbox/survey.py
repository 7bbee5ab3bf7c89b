"""Finds the protected and the secret names beneath a writable place, and the protected names that are missing.

A directory is listed again only when it changed, so a survey costs one look at each directory after the first. Links
are not followed. What is found is a plan: the kernel is asked afterwards whether it holds (see `isolation`).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aiex.guard.sandbox.gitdirs import GIT_SIGNS, read_git_file
from aiex.guard.sandbox.paths import NameRules, fold_name, real_path
from aiex.guard.sandbox.peeking import peek

_SETTLED_NS = 2_100_000_000
"""A directory that changed less than this before it was listed may change again without a new time stamp."""
Stamp = tuple[int, int, int]
"""Device, inode and time of the last change, which nobody can set back."""
_MOST_GITFILE_BYTES = 4096
_MOST_MODULES_BYTES = 1 << 20
_LONGEST_PATH_BYTES = 4096 - 256 - 1
"""A directory with a longer path may hold names that no call takes as a path (PATH_MAX, NAME_MAX)."""
_SHUT = (errno.EACCES, errno.ENAMETOOLONG)


class Found(NamedTuple):
    """What a survey says about one place; real absolute paths, sorted."""

    secrets: tuple[str, ...] = ()
    """Also directories that cannot be looked into: a command could change their modes, for they may be the user's."""
    protected: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Protected names that are not there and must not be made. They end in `/`: an empty directory stands in for each,
    because a mount over one costs a tenth of a mount over a file, and git does not see it."""
    links: tuple[str, ...] = ()
    """Protected names that are symbolic links: nothing can be mounted over them."""


def _stamp(path: str) -> Stamp | None:
    """What differs when entries of a directory came or went; None for what is no directory."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_ctime_ns) if stat.S_ISDIR(found.st_mode) else None


class _Listed(NamedTuple):
    stamp: Stamp
    settled: bool
    folders: tuple[tuple[str, str], ...]
    """Name and path beneath the place."""
    secrets: tuple[str, ...]
    protected: tuple[str, ...]
    links: tuple[str, ...]
    top: frozenset[str]
    """Folded names that are there, for the place itself only."""


class Surveyor:
    """Surveys places, remembering what each directory held."""

    def __init__(self, names: NameRules) -> None:
        self._names = names
        self._known: dict[str, _Listed] = {}
        self._whole: dict[tuple[str, frozenset[str]], tuple[list[tuple[str, Stamp]], Found]] = {}
        self._words: dict[str, tuple[bool, bool]] = {}
        self.changes = 0
        """Counts directories that were found different from before."""

    def survey(self, place: str, *, leave: frozenset[str] = frozenset()) -> Found:
        """What to cover beneath a real directory; a place that is a file has nothing beneath.

        Args:
            place: A writable place.
            leave: Real paths of secrets that may be read.
        """
        kept = self._whole.get((place, leave))
        if kept is not None and all(_stamp(path) == stamp for path, stamp in kept[0]):
            return kept[1]
        secrets: list[str] = []
        protected: list[str] = []
        links: list[str] = []
        waiting = [(place, "")]
        stamps: list[tuple[str, Stamp]] = []
        is_settled = True
        top: frozenset[str] = frozenset()
        while waiting:
            path, relative = waiting.pop()
            listed = self._list(path, relative)
            if listed is None:
                is_settled = False
                continue
            is_settled = is_settled and listed.settled
            stamps.append((path, listed.stamp))
            if not relative:
                top = listed.top
            secrets += [entry for entry in listed.secrets if entry not in leave]
            protected += listed.protected
            links += listed.links
            waiting += listed.folders
        missing = self._missing(place, top) if os.path.isdir(place) else []
        found = Found(*(tuple(sorted(set(paths))) for paths in (secrets, protected, missing, links)))
        self._whole.pop((place, leave), None)
        if is_settled:
            self._whole[place, leave] = (stamps, found)
        return found

    def _list(self, path: str, relative: str) -> _Listed | None:
        stamp = _stamp(path)
        if stamp is None:
            return None
        known = self._known.get(path)
        if known and known.settled and known.stamp == stamp:
            return known
        settled = time.time_ns() - stamp[2] > _SETTLED_NS
        try:
            listed = self._read(_entries(path), path, relative, stamp, settled)
        except OSError as error:
            settled = settled and error.errno in _SHUT
            listed = _Listed(stamp, settled, (), (path,), (), (), frozenset())
        if known is None or known._replace(settled=settled) != listed:
            self.changes += 1
        self._known[path] = listed
        return listed

    def _read(
        self, entries: Iterable[os.DirEntry[str]], path: str, relative: str, stamp: Stamp, settled: bool
    ) -> _Listed:
        folders: list[tuple[str, str]] = []
        secrets: list[str] = []
        protected: list[str] = []
        links: list[str] = []
        names: set[str] = set()
        for entry in entries:
            names.add(entry.name)
            inner = f"{relative}/{entry.name}" if relative else entry.name
            is_protected, is_harmless = self._judge(entry.name)
            if is_protected:
                (links if entry.is_symlink() else protected).append(entry.path)
                protected += self._named_by(entry) if fold_name(entry.name) == ".git" else ()
            if (not is_harmless or relative) and self._is_secret(inner, is_harmless):
                secrets.append(real_path(entry.path) if entry.is_symlink() else entry.path)
            elif entry.is_dir(follow_symlinks=False) and fold_name(entry.name) != ".git":
                folders.append((entry.path, inner))
        if relative and names >= GIT_SIGNS:
            protected.append(path)
            folders.clear()
        top = frozenset() if relative else frozenset(fold_name(name) for name in names)
        return _Listed(stamp, settled, tuple(folders), tuple(secrets), tuple(protected), tuple(links), top)

    def _judge(self, name: str) -> tuple[bool, bool]:
        """Whether a name is protected, and whether it cannot be part of a secret path."""
        known = self._words.get(name)
        if known is None:
            known = self._words[name] = (self._names.protected_name(name) != "", self._names.is_harmless(name))
        return known

    def _is_secret(self, inner: str, is_harmless: bool) -> bool:
        if is_harmless and all(self._judge(name)[1] for name in inner.split("/")[:-1]):
            return False
        return self._names.secret_name(inner) != ""

    def _named_by(self, entry: os.DirEntry[str]) -> Iterator[str]:
        """The git directory that a `.git` file names."""
        named = read_git_file(peek(entry.path, _MOST_GITFILE_BYTES))
        if named is not None:
            yield real_path(os.path.join(os.path.dirname(entry.path), named))

    def _missing(self, place: str, top: frozenset[str]) -> Iterator[str]:
        for name in sorted(self._names.protected):
            if name not in top:
                yield os.path.join(place, name, "")
        for folder in _submodules(os.path.join(place, ".gitmodules")):
            path = os.path.join(place, folder)
            inside = real_path(path) == os.path.normpath(path)
            if inside and os.path.isdir(path) and not os.path.lexists(os.path.join(path, ".git")):
                yield os.path.join(os.path.normpath(path), ".git/")


def _entries(path: str) -> list[os.DirEntry[str]]:
    """What lies in a directory, nothing in one that is gone. Raises OSError where not everything in it can be found."""
    if len(os.fsencode(path)) > _LONGEST_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, "what lies in it has no name that a call takes")
    try:
        with os.scandir(path) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    if not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, "what lies in it cannot be reached")
    return found


def _submodules(path: str) -> Iterator[str]:
    """Where submodules lie: git looks for a `.git` there whenever it looks at the repository."""
    for line in peek(path, _MOST_MODULES_BYTES).split("\n"):
        name, equals, value = line.partition("=")
        folder = value.strip().strip('"')
        is_beneath = folder and "\0" not in folder and not os.path.isabs(folder) and ".." not in folder.split("/")
        if equals and name.strip() == "path" and is_beneath:
            yield folder
