"""Walks all that lies beneath a root, directory by directory, and reads it: by descriptors, following no link.

For whoever keeps the whole of a workspace: every file, directory and symbolic link, tracked or not, as the system has
it. What a directory held and what rules said about its names can be remembered, so that a walk of an unchanged tree
costs one look at each name.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from struct import Struct, error
from typing import NamedTuple

from aiex.guard.sandbox.descriptors import read_all
from aiex.guard.sandbox.paths import NameRules
from aiex.guard.sandbox.walk import LIST, NOFOLLOW, READ, Folder, enter

SETTLED_NS = 2_100_000_000
"""What changed less than this before it was looked at may change again without a new time: 2 s on FAT, else ms."""
STAMP = Struct("<5Q")
"""Mode, size, times of change of content and of anything, inode: what differs when a file was changed."""
TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".aiex-", ".tmp"
"""Files that a write in progress, or one that was killed, keeps beside its target."""
MOST_HELD = 64
"""Directories held open at a time; macOS gives a process 256 descriptors."""
READ_TRIES = 3
GIT_SIGNS = frozenset({"HEAD", "objects", "refs"})
"""A directory with these is a repository to git, whatever it is called (setup.c, is_git_directory)."""
_LINE = "\0"
_LATEST = (1 << 64) - 1
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")

Covered = Mapping[str, frozenset[str]]
"""Names by folder that are taken in whatever the ignore rules and the size say."""


class Ignoring(NamedTuple):
    """Rules that leave names out; asked once for each name, until their digest or one of their files changes."""

    is_left_out: Callable[[str, list[str]], set[str]]
    """Which names of a folder ("" is the root, `a/b` one below) are left out; directories end with `/`."""
    digest: bytes = b""
    """Of what the rules say beside what stands in their files."""
    files: frozenset[str] = frozenset()
    """Names of files that hold rules for the folder they lie in and those below."""


class Decided(NamedTuple):
    """What rules said about the names of a directory."""

    rules: bytes
    """Digest of the rules that applied there, 16 bytes."""
    names: str
    """All names sorted, directories with `/`, joined by NUL."""
    out: Mapping[str, str]
    """Why a name is left out: `ignored`, `protected` or `secret`."""


class Stamp(NamedTuple):
    """What differs when a file was changed; as `STAMP` packs it."""

    mode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Content(NamedTuple):
    """What a file holds."""

    data: bytes
    stamp: Stamp
    """From the descriptor that was read."""
    is_steady: bool
    """It did not change while it was read."""


class Listing:
    """A directory: what is taken in, sorted by name; it can be read until the walk goes on."""

    __slots__ = ("_folder", "decided", "folder", "folders", "left_out", "names", "shut", "stamps")

    def __init__(self, folder: str, opened: Folder) -> None:
        self.folder = folder
        """Its path beneath the root; empty for the root."""
        self._folder = opened
        self.names: list[str] = []
        self.stamps = b""
        """A `STAMP` for each name; only the mode counts for a directory."""
        self.folders: list[tuple[int, str]] = []
        """The directories among the names, with their places."""
        self.decided = Decided(b"", "", {})
        self.left_out: list[tuple[str, str]] = []
        """Name and reason, sorted: `ignored protected secret large special temporary`."""
        self.shut = ""
        """Why nothing in it is taken in: `protected` (a git directory), `unreadable`; else empty."""

    def read(self, name: str) -> Content:
        """The bytes of a file; read again, some times, when it changes meanwhile.

        Raises:
            FileNotFoundError: it is gone.
            PermissionError: the system refuses.
            OSError: it is no file any more, or cannot be read.
        """
        for attempt in range(READ_TRIES):
            content = self._read_once(name)
            if content.is_steady or attempt == READ_TRIES - 1:
                break
        return content

    def read_link(self, name: str) -> bytes:
        """Where a link leads. Raises OSError."""
        return os.fsencode(os.readlink(self._folder.base + name, dir_fd=self._folder.fd))

    def _read_once(self, name: str) -> Content:
        fd = os.open(self._folder.base + name, READ | NOFOLLOW, dir_fd=self._folder.fd)
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.ENXIO, "not a file any more")
            data = read_all(fd, before.st_size, None)
            after = stamp_of(os.fstat(fd))
        finally:
            os.close(fd)
        return Content(data, after, after == stamp_of(before) and len(data) == before.st_size)


def stamp_of(found: os.stat_result) -> Stamp:
    """What `STAMP` packs."""
    return Stamp(
        found.st_mode,
        found.st_size,
        found.st_mtime_ns & _LATEST,
        found.st_ctime_ns & _LATEST,
        found.st_ino & _LATEST,
    )


def is_temporary(name: str) -> bool:
    """Whether a name is one that a write gives its unfinished file."""
    if not (name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)):
        return False
    middle = name[len(TEMPORARY_PREFIX) : -len(TEMPORARY_SUFFIX)]
    return len(middle) == 16 and all(letter in "0123456789abcdef" for letter in middle)


class _Held:
    """A directory on the way, with so many directories below it still to come."""

    __slots__ = ("folder", "path", "rules", "waiting")

    def __init__(self, folder: Folder, path: str, rules: bytes) -> None:
        self.folder: Folder | None = folder
        self.path = path
        self.rules = rules
        self.waiting = 0

    def close(self) -> None:
        if self.folder is not None:
            self.folder.close()
            self.folder = None


class Tree:
    """All that lies beneath a root.

    Args:
        root: The directory; may be reached by links, which are followed.
        names: Protected and secret names, which are always left out.
        ignoring: Rules that leave further names out.
        most_bytes: Larger files are left out; None for no limit.
        clock: Nanoseconds since 1970.
    """

    def __init__(
        self,
        root: str,
        *,
        names: NameRules,
        ignoring: Ignoring | None = None,
        most_bytes: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.root = os.path.realpath(root)
        self._names = names
        self._ignoring = ignoring
        self._most_bytes = _LATEST if most_bytes is None else most_bytes
        self._clock = clock
        self._words: dict[str, tuple[bool, bool]] = {}

    def walk(
        self, recall: Callable[[str], Decided | None] = lambda _: None, *, covered: Covered | None = None
    ) -> Iterator[Listing]:
        """Each directory, before those in it; the root first.

        Args:
            recall: What was decided about a folder before; it holds only if names and rules are the same.
            covered: Names that no ignore rule and no size leaves out.

        Raises:
            OSError: if the root cannot be listed.

        Cost: one look at each name, about 1 µs more than `os.scandir` and `lstat`.
        """
        top = _Held(self._hold(), "", self._base_rules())
        held: list[_Held] = []
        try:
            yield from self._walk(top, held, recall, covered or {})
        finally:
            for each in (*held, top):
                each.close()

    def is_settled(self, stamp: Stamp, at_ns: int) -> bool:
        """Whether a change after `at_ns` must show in the times of a file."""
        return max(stamp.mtime_ns, stamp.ctime_ns) < at_ns - SETTLED_NS

    def _walk(
        self, top: _Held, held: list[_Held], recall: Callable[[str], Decided | None], covered: Covered
    ) -> Iterator[Listing]:
        pending: list[tuple[_Held | None, str]] = [(None, "")]
        while pending:
            above, name = pending.pop()
            at = top if above is None else self._enter(top, above, name)
            listing = Listing(at.path, at.folder or Folder(None))
            if at.folder is None:
                listing.shut = "unreadable"
            else:
                self._list(listing, at, recall(at.path), covered.get(at.path, frozenset()))
            yield listing
            if above is not None:
                above.waiting -= 1
            at.waiting = len(listing.folders)
            pending.extend((at, name) for _, name in reversed(listing.folders))
            if at is not top:
                held.append(at)
            while held and (held[-1].waiting == 0):
                held.pop().close()
            if len(held) > MOST_HELD:
                held[-MOST_HELD - 1].close()

    def _hold(self) -> Folder:
        if _HAS_DESCRIPTORS:
            return Folder(os.open(self.root, LIST))
        os.scandir(self.root).close()
        return Folder(None, os.path.join(self.root, ""))

    def _enter(self, top: _Held, above: _Held, name: str) -> _Held:
        """Open a directory in another, which may have been closed meanwhile; a closed one when it cannot be."""
        path = f"{above.path}/{name}" if above.path else name
        entered = _Held(Folder(None), path, above.rules)
        try:
            entered.folder = enter_listed(above.folder, name) if above.folder else self._reach(top, path)
        except OSError as fault:
            if fault.errno in (errno.EMFILE, errno.ENFILE):
                raise
            entered.folder = None
        return entered

    def _reach(self, top: _Held, path: str) -> Folder:
        assert top.folder is not None  # noqa: S101  (held as long as the walk)
        at = top.folder
        for name in path.split("/"):
            try:
                below = enter_listed(at, name)
            finally:
                if at is not top.folder:
                    at.close()
            at = below
        return at

    def _list(self, listing: Listing, at: _Held, known: Decided | None, covered: frozenset[str]) -> None:
        opened = listing._folder
        try:
            with os.scandir(opened.base if opened.fd is None else opened.fd) as found:
                entries = sorted(found, key=_by_name)
            if listing.folder and GIT_SIGNS.issubset([entry.name for entry in entries]):
                listing.shut = "protected"
                return
            self._decide(listing, at, entries, known)
            self._take_in(listing, entries, covered)
        except OSError as fault:
            if not listing.folder or fault.errno in (errno.EMFILE, errno.ENFILE):
                raise
            listing.shut = "unreadable"

    def _decide(self, listing: Listing, at: _Held, entries: list[os.DirEntry[str]], known: Decided | None) -> None:
        names = [entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
        joined = _LINE.join(names)
        at.rules = self._rules_at(at.rules, entries)
        if known is not None and known.rules == at.rules:
            if known.names == joined:
                listing.decided = known
                return
            seen = set(known.names.split(_LINE))
            out = {name: known.out[name] for name in names if name in known.out}
            out |= self._judge(listing.folder, [name for name in names if name not in seen])
        else:
            out = self._judge(listing.folder, names)
        listing.decided = Decided(at.rules, joined, out)

    def _judge(self, folder: str, names: list[str]) -> dict[str, str]:
        out: dict[str, str] = {}
        above = [self._word(name)[1] for name in folder.split("/")] if folder else []
        is_plain = all(above)
        for name in names:
            bare = name.rstrip("/")
            is_protected, is_harmless = self._word(bare)
            if is_protected:
                out[name] = "protected"
            elif not (is_harmless and is_plain) and self._names.secret_name(f"{folder}/{bare}" if folder else bare):
                out[name] = "secret"
        if self._ignoring is not None and (rest := [name for name in names if name not in out]):
            out |= dict.fromkeys(self._ignoring.is_left_out(folder, rest), "ignored")
        return out

    def _word(self, name: str) -> tuple[bool, bool]:
        """Whether a name is protected, and whether it cannot be part of a secret path."""
        known = self._words.get(name)
        if known is None:
            known = self._words[name] = (self._names.protected_name(name) != "", self._names.is_harmless(name))
        return known

    def _take_in(self, listing: Listing, entries: list[os.DirEntry[str]], covered: frozenset[str]) -> None:
        out, most = listing.decided.out, self._most_bytes
        names, left, flat = listing.names, listing.left_out, list[int]()
        for entry in entries:
            name = entry.name
            if (
                out
                and (reason := out.get(name) or out.get(name + "/"))
                and (reason != "ignored" or name not in covered)
            ):
                left.append((name, reason))
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            mode = found.st_mode
            kind = mode & 0o170_000
            if kind == 0o040_000:
                listing.folders.append((len(names), name))
                flat += (mode, 0, 0, 0, 0)
            elif kind in (0o100_000, 0o120_000):
                size = found.st_size
                if size > most and name not in covered:
                    left.append((name, "large"))
                    continue
                if name[0] == "." and is_temporary(name):
                    left.append((name, "temporary"))
                    continue
                flat += (mode, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            else:
                left.append((name, "special"))
                continue
            names.append(name)
        listing.stamps = _pack(flat)

    def _base_rules(self) -> bytes:
        digest = self._ignoring.digest if self._ignoring is not None else b"none"
        rules = [sorted(names) for names in self._names]  # the order of a set is another in each process
        return _digest(repr((rules, digest)).encode("utf-8", "surrogateescape"))

    def _rules_at(self, above: bytes, entries: list[os.DirEntry[str]]) -> bytes:
        """The digest for a directory: that of the one above, unless it has rule files of its own."""
        if self._ignoring is None or not self._ignoring.files:
            return above
        files = self._ignoring.files
        own = [entry for entry in entries if entry.name in files]
        if not own:
            return above
        at_ns, parts = self._clock(), [above]
        for entry in own:
            try:
                stamp = stamp_of(entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue
            parts += [os.fsencode(entry.name), STAMP.pack(*stamp)]
            if not self.is_settled(stamp, at_ns):
                parts.append(os.urandom(16))
        return _digest(b"".join(parts))


def enter_listed(folder: Folder, name: str) -> Folder:
    """A directory in a folder, itself and no link, opened for listing. Raises OSError."""
    if folder.fd is None:
        return enter(folder, name)
    return Folder(os.open(name, LIST | NOFOLLOW, dir_fd=folder.fd), "", folder.path_of(name))


_by_name = attrgetter("name")


def _pack(flat: list[int]) -> bytes:
    try:
        return Struct(f"<{len(flat)}Q").pack(*flat)
    except error:  # times before 1970
        return Struct(f"<{len(flat)}Q").pack(*(number & _LATEST for number in flat))


def _digest(data: bytes) -> bytes:
    from aiex.digest import fingerprint

    return bytes.fromhex(fingerprint(data))
