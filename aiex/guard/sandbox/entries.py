"""What is known of one name: by a look at it, or from the listing of its directory."""

import os
import stat
from typing import NamedTuple

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}
_make_entry = tuple.__new__


class FileStat(NamedTuple):
    """What the system knows about one name."""

    kind: str
    """`file`, `dir`, `link` or `other`."""
    size_bytes: int
    mtime_ns: int
    mode: int
    inode: int


class Entry(NamedTuple):
    """One name in a directory; links are not followed."""

    name: str
    kind: str
    """`file`, `dir`, `link` or `other`."""
    size_bytes: int
    mtime_ns: int
    inode: int


def describe_file(found: os.stat_result) -> FileStat:
    """What a look at a name gave."""
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "other")
    return FileStat(kind, found.st_size, found.st_mtime_ns, stat.S_IMODE(found.st_mode), found.st_ino)


def describe_entry(found: "os.DirEntry[str]") -> Entry | None:
    """One name of a listing; None for one that vanished while the directory was read. Raises OSError."""
    try:
        known = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    kind = _KINDS.get(known.st_mode & 0o170_000, "other")  # without a call: there are as many entries as files
    return _make_entry(Entry, (found.name, kind, known.st_size, known.st_mtime_ns, known.st_ino))
