"""Reading, listing and writing files beneath the workspace root and the allow-listed places.

Nothing is opened by a path that was checked before: the path is resolved by descriptors beneath one root, and the
rules are applied to what was opened. Systems with openat2 or O_NOFOLLOW and directory descriptors (Linux, macOS, the
BSDs) have no gap; on Windows files are opened by name and checked again afterwards, see `sandbox_engine`.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import Any

from aiex.errors import Denied
from aiex.guard.sandbox.descriptors import exists, link_target, read_all
from aiex.guard.sandbox.entries import Entry, FileStat, describe_entry, describe_file
from aiex.guard.sandbox.faults import (
    IsADirectory,
    Missing,
    NotADirectory,
    NotAFile,
    TooLarge,
    Unreadable,
    Unwritable,
    failure,
    not_a_file,
    reason,
    too_large,
)
from aiex.guard.sandbox.paths import (
    DEFAULT_RULES,
    AskedPath,
    NameRules,
    askable,
    normalise,
    parse,
    same_names,
    show,
    upwards,
)
from aiex.guard.sandbox.places import KeptOut, Located, Place, find_place, folder_of, path_for_rules
from aiex.guard.sandbox.walk import DIRECTORY, HOLD, LIST, MAX_LINKS, READ, ByName, Folder, Opener, Walk

__all__ = [
    "Entry",
    "FileStat",
    "IsADirectory",
    "Missing",
    "NotADirectory",
    "NotAFile",
    "TooLarge",
    "Unreadable",
    "Unwritable",
    "Workspace",
    "find_root",
    "sandbox_engine",
]

ROOT_MARKS = (".git", ".hg", ".jj", ".aiex")
OPENS_BEFORE_OPENAT2 = 250
"""Loading ctypes costs about 3 ms and openat2 saves about 12 µs a file, so a short run is quicker with the walk
(benchmarks/guard.py)."""
MAX_NEW_DIRECTORIES = 100
"""Made for one write, at most: each is held open until the file is in place."""
_REMEMBERED_NAMES = 20_000
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


Entries = list[Entry]
Names = list[str]


class Workspace:
    """The files of one root, and of the places allow-listed beside it.

    Paths are relative to the root, or absolute and inside the root or an allowed place. Names are bytes: what is not
    UTF-8 comes as surrogates. Every method raises `Denied` when a rule forbids it and a `StoreError` when the system
    cannot do it.

    Args:
        root: The directory to work in.
        allow_read: Directories or files outside the root that may be read. An entry that is exactly one secret file,
            inside the root or not, is leave to read that file.
        allow_write: Directories or files outside the root that may be read and written.
        names: Protected and secret names.
        kept_out: Says of a path, relative to the root or absolute, which rule keeps it from being read; empty for none.
            It has to survive pickling, for workers.
        engine: `auto`, or `openat2`, `walk`, `realpath` to force one way of opening.
    """

    def __init__(
        self,
        root: str,
        *,
        allow_read: Sequence[str] = (),
        allow_write: Sequence[str] = (),
        names: NameRules = DEFAULT_RULES,
        kept_out: KeptOut | None = None,
        engine: str = "auto",
    ) -> None:
        self._given = (root, tuple(allow_read), tuple(allow_write), names, kept_out, engine)
        given = os.path.abspath(root)
        self._places = [find_place(given, writable=True, is_root=True)]
        self._places += [find_place(os.path.join(given, entry), writable=True) for entry in allow_write]
        self._places += [find_place(os.path.join(given, entry), writable=False) for entry in allow_read]
        self._leave = frozenset(place.real for place in self._places if place.is_file)
        self.root = self._places[0].real
        self.names = names
        self._kept_out = kept_out
        self._opener, self._opens_left = _choose_opener(engine)
        self._harmless: set[str] = set()
        self._process = os.getpid()
        try:
            self._folders = {self.root: self._opener.hold(self.root)}
        except OSError as error:
            hint = "use -C DIR to name a directory"
            raise Missing(f"cannot work in {show(root)}: {reason(error)}", hint=hint) from error

    def __reduce__(self) -> tuple[Callable[..., "Workspace"], tuple[Any, ...]]:
        return _reopen, self._given

    def __del__(self) -> None:
        if getattr(self, "_folders", None) and self._process == os.getpid():
            for folder in self._folders.values():
                folder.close()

    def relative(self, path: str) -> str:
        """The path by text, with `/`, relative to the root: `.` for the root, absolute for an allowed place."""
        located = self._locate(path)
        if located.place.is_root:
            return askable(located.plain or ".")
        return "/".join([folder_of(located.place).replace(os.sep, "/").rstrip("/"), *filter(None, [located.plain])])

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be read beside the root, and what may not in it; a change of it can make other names secret."""
        return (*self._given[1], "", *self._given[2], *(("", *self._kept_out.rules) if self._kept_out else ()))

    def is_secret(self, path: str) -> bool:
        """Whether reading this needs leave, judged by the name alone."""
        located = self._locate(path)
        return self._secret_name(located.place, located.plain) != ""

    def is_kept_out(self, path: str) -> bool:
        """Whether a rule keeps it from being read, judged by the name alone."""
        if self._kept_out is None:
            return False
        located = self._locate(path)
        return self._rule_against(located.place, located.plain) != ""

    def read(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """All bytes of a regular file; `TooLarge` when there are more than `limit_bytes`."""
        fd, size = self._open_file(path)
        try:
            if limit_bytes is not None and size > limit_bytes:
                raise too_large(path, limit_bytes, size)
            data = read_all(fd, size, limit_bytes)
        except OSError as error:
            raise failure("read", path, error) from error
        finally:
            os.close(fd)
        if limit_bytes is not None and len(data) > limit_bytes:
            raise too_large(path, limit_bytes, len(data))
        return data

    def read_head(self, path: str, size_bytes: int) -> bytes:
        """The first bytes of a regular file, at most `size_bytes`."""
        fd, _ = self._open_file(path)
        try:
            return os.read(fd, size_bytes)
        except OSError as error:
            raise failure("read", path, error) from error
        finally:
            os.close(fd)

    def stat(self, path: str, *, follow_links: bool = False) -> FileStat:
        """What a name is; a link is reported as `link` unless `follow_links`."""
        located = self._locate(path)
        try:
            if follow_links:
                return describe_file(self._opener.look(self._folder(located.place), located.parts))
            folder, name = self._open_parent(located)
            try:
                found = os.stat(folder.base + name, dir_fd=folder.fd, follow_symlinks=False)
            finally:
                folder.close()
        except OSError as error:
            raise failure("look at", path, error) from error
        return describe_file(found)

    def scan(self, path: str = ".") -> Entries:
        """The entries of a directory in the order of their names."""
        located = self._locate(path)
        try:
            folder = self._opener.open_folder(self._folder(located.place), located.parts, LIST)
            try:
                with os.scandir(folder.base if folder.fd is None else folder.fd) as found:
                    entries = [entry for entry in map(describe_entry, found) if entry is not None]
            finally:
                folder.close()
        except OSError as error:
            raise failure("list", path, error) from error
        entries.sort()
        return entries

    def list(self, path: str = ".") -> Names:
        """The names in a directory, sorted."""
        return [entry.name for entry in self.scan(path)]

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in place at once; its mode stays, a link inside is written through.

        Missing directories are made. On any failure the old file is whole and nothing is left behind.
        """
        from aiex.guard.sandbox.atomic import replace_file_below

        located = self._locate_writable(path)
        try:
            folder, missing, name = self._open_target(located)
            try:
                resolved = folder.path_of(*missing, name)
                self._require_unprotected(located.place, resolved, path)
                self._require_no_git_directory(located.place, resolved, path)
                replace_file_below(folder, missing, name, data)
            finally:
                folder.close()
        except OSError as error:
            raise failure("write", path, error) from error

    def require_writable(self, path: str) -> None:
        """Raise Denied where `write` would, judged by the name alone."""
        self._locate_writable(path)

    def delete(self, path: str) -> None:
        """Remove one file, or a link itself; never a directory, the root or an allowed place."""
        from aiex.guard.sandbox.atomic import remove_file

        located = self._locate(path, write=True)
        if not located.parts or located.place.is_file:
            raise Denied(f"refused to delete {show(path)}: it is the root or an allowed place itself")
        self._require_unprotected(located.place, located.plain, path)
        try:
            folder, name = self._open_parent(located)
            try:
                resolved = folder.path_of(name)
                self._require_unprotected(located.place, resolved, path)
                self._require_no_git_directory(located.place, resolved, path)
                remove_file(folder, name, must_be_directory=located.must_be_directory)
            finally:
                folder.close()
        except OSError as error:
            raise failure("delete", path, error) from error

    def _locate_writable(self, path: str) -> Located:
        """Find the place of what is to be written; its name is not protected."""
        located = self._locate(path, write=True)
        self._require_unprotected(located.place, located.plain, path)
        return located

    def _locate(self, path: str, *, write: bool = False) -> Located:
        """Find the place a path belongs to, by whole components."""
        asked = parse(path)
        if not asked.absolute:
            return self._located(self._places[0], asked.parts, asked, path)
        for place in self._places:
            if write and not place.writable:
                continue
            for prefix in place.prefixes:
                rest = asked.parts[len(prefix) :]
                if not same_names(asked.parts[: len(prefix)], prefix) or (place.is_file and rest):
                    continue
                return self._located(place, [os.path.basename(place.real)] if place.is_file else rest, asked, path)
        raise self._outside(path, write=write)

    def _located(self, place: Place, parts: Names, asked: AskedPath, path: str) -> Located:
        plain = parts if ".." not in parts else normalise(parts)
        if plain is None:
            raise self._outside(path)
        return Located(place, parts, "/".join(plain), asked.must_be_directory)

    def _outside(self, path: str, *, write: bool = False) -> Denied:
        key = "paths.allow_write" if write else "paths.allow_read"
        hint = f"use -C DIR to work in another directory, or add it to {key}"
        return Denied(f"refused {show(path)}: it is outside {show(self.root)}", hint=hint)

    def _folder(self, place: Place) -> Folder:
        """The held directory of a place; opened again after a fork, whose child may have closed everything."""
        if self._opens_left:
            self._opens_left -= 1
            if not self._opens_left:
                self._opener = fastest_opener()
        if self._process != os.getpid():
            self._process, self._folders = os.getpid(), {}
        folder = self._folders.get(place.real)
        if folder is None:
            folder = self._opener.hold(os.path.dirname(place.real) if place.is_file else place.real)
            self._folders[place.real] = folder
        return folder

    def _open_file(self, path: str) -> tuple[int, int]:
        """A descriptor of a regular file that may be read, and its size in bytes."""
        located = self._locate(path)
        place = located.place
        self._require_readable(place, located.plain, path)
        flags = READ | DIRECTORY if located.must_be_directory else READ
        try:
            fd, resolved = self._opener.open(self._folder(place), located.parts, flags)
        except OSError as error:
            raise failure("read", path, error) from error
        try:
            if resolved != located.plain:
                self._require_readable(place, resolved, path)
                self._require_same_file(place, resolved, path)
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise not_a_file("read", path, found.st_mode)
            if located.must_be_directory:
                raise NotADirectory(f"cannot read {show(path)}: it is not a directory")
        except BaseException:
            os.close(fd)
            raise
        return fd, found.st_size

    def _open_parent(self, located: Located) -> tuple[Folder, str]:
        """The opened directory of a name, and the name; the name itself is not followed."""
        place, parts = located.place, located.parts
        ends_above = not parts or parts[-1] == ".."
        above, name = (parts, ".") if ends_above else (parts[:-1], parts[-1])
        return self._opener.open_folder(self._folder(place), above, HOLD), name

    def _open_target(self, located: Located) -> tuple[Folder, Names, str]:
        """The nearest directory that exists, the directories missing below it, and the name of a file to write.

        A link as last name is followed beneath the place, also to a name that does not exist yet.
        """
        for _ in range(MAX_LINKS):
            if located.must_be_directory or not located.parts or located.parts[-1] == "..":
                raise OSError(errno.EISDIR, "the path names a directory")
            folder, missing = self._open_nearest(located.place, located.parts[:-1])
            name = located.parts[-1]
            target = "" if missing else link_target(folder, name)
            if not target:
                return folder, missing, name
            folder.close()
            if located.place.is_file or os.path.isabs(target):
                raise OSError(errno.EXDEV, f"{folder.path_of(name)} is a link to {target}")
            words = [*folder.at.split("/"), *target.replace(os.sep, "/").split("/")]
            parts = [word for word in words if word not in ("", ".")]
            located = Located(located.place, parts, "", words[-1] in ("", "."))
        raise OSError(errno.ELOOP, f"more than {MAX_LINKS} links")

    def _open_nearest(self, place: Place, parts: Names) -> tuple[Folder, Names]:
        """The deepest directory of a path that exists, and the names after it; `..` is never among those."""
        for count in range(len(parts), -1, -1):
            try:
                folder = self._opener.open_folder(self._folder(place), parts[:count], HOLD)
            except FileNotFoundError:
                if count and parts[count - 1] == "..":
                    raise
                continue
            missing = parts[count:]
            if len(missing) > MAX_NEW_DIRECTORIES:
                folder.close()
                raise OSError(errno.ENAMETOOLONG, f"more than {MAX_NEW_DIRECTORIES} directories are missing")
            if missing and exists(folder, missing[0]):
                folder.close()
                raise FileNotFoundError(errno.ENOENT, f"{folder.path_of(missing[0])} leads to nothing")
            return folder, missing
        raise FileNotFoundError(errno.ENOENT, "no such directory")

    def _secret_name(self, place: Place, resolved: str) -> str:
        """The name that makes it a secret; empty when it is none, or has leave."""
        path = path_for_rules(place, resolved)
        unknown = set(path.split("/")) - self._harmless
        if all(map(self.names.is_harmless, unknown)):
            if len(self._harmless) < _REMEMBERED_NAMES:
                self._harmless |= unknown
            return ""
        secret = self.names.secret_name(path)
        if not secret:
            return ""
        return "" if os.path.join(folder_of(place), *resolved.split("/")) in self._leave else secret

    def _rule_against(self, place: Place, resolved: str) -> str:
        """The rule that keeps it from being read; empty for none."""
        if self._kept_out is None:
            return ""
        return self._kept_out(resolved if place.is_root else os.path.join(folder_of(place), resolved))

    def _require_readable(self, place: Place, resolved: str, path: str) -> None:
        if rule := self._rule_against(place, resolved):
            raise Denied(f"refused to read {show(path)}: {rule}", hint="aiex list policy shows the rules")
        secret = self._secret_name(place, resolved)
        if secret:
            hint = "if it is not, name this very file in paths.allow_read"
            raise Denied(f"refused to read {show(path)}: {show(secret)} is taken for a secret", hint=hint)

    def _require_unprotected(self, place: Place, resolved: str, path: str) -> None:
        name = self.names.protected_name(path_for_rules(place, resolved))
        if name:
            raise Denied(f"refused to change {show(path)}: {show(name)} is protected", hint="change it by hand")

    def _require_same_file(self, place: Place, resolved: str, path: str) -> None:
        if place.is_file and resolved != os.path.basename(place.real):
            raise Denied(f"refused {show(path)}: it became a link to {show(resolved)}")

    def _require_no_git_directory(self, place: Place, resolved: str, path: str) -> None:
        if place.is_file:
            return
        from aiex.guard.sandbox.gitdirs import git_directory_above

        above = git_directory_above(self._opener, self._folder(place), place.real, resolved)
        if above:
            raise Denied(f"refused to change {show(path)}: {show(above)} is a git directory", hint="change it by hand")


def find_root(start: str) -> str:
    """The nearest directory at or above `start` with a mark of a repository or of Aiex, else `start` itself."""
    real = os.path.realpath(start)
    first = real if os.path.isdir(real) else os.path.dirname(real)
    for at in upwards(first):
        if any(os.path.lexists(os.path.join(at, mark)) for mark in ROOT_MARKS):
            return at
    return first


def sandbox_engine() -> str:
    """How paths are opened here: `openat2`, `walk` (O_NOFOLLOW), or `realpath` (checked by name, the weakest)."""
    return fastest_opener().name


def fastest_opener() -> Opener:
    """The strongest way this system has."""
    if not _HAS_DESCRIPTORS:
        return ByName()
    if sys.platform == "linux":
        from aiex.guard.sandbox.openat2 import OpenAt2, is_available

        if is_available():
            return OpenAt2()
    return Walk()


def _choose_opener(engine: str) -> tuple[Opener, int]:
    """The opener to begin with, and after how many opens to look for a quicker one (0: never)."""
    match engine:
        case "walk":
            return Walk(), 0
        case "realpath":
            return ByName(), 0
        case "openat2":
            from aiex.guard.sandbox.openat2 import OpenAt2

            return OpenAt2(), 0
        case "auto":
            return (Walk(), OPENS_BEFORE_OPENAT2) if _HAS_DESCRIPTORS else (ByName(), 0)
    raise ValueError(f"no such engine: {engine}")


def _reopen(
    root: str, read: Sequence[str], write: Sequence[str], names: NameRules, kept_out: KeptOut | None, engine: str
) -> Workspace:
    return Workspace(root, allow_read=read, allow_write=write, names=names, kept_out=kept_out, engine=engine)
