"""Whether what was seen of a file is still true.

Equal size, time and inode mean the same content, unless the file was written so shortly before it was read that a
second write could hide in the same time stamp; then its content is hashed again.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiex.context.listing import FileEntry
    from aiex.context.stores.segments import Seen
    from aiex.context.tiers.warm import FileRow

RACY_NS = 2_000_000_000
"""Coarsest common time stamp of a file system (2 s on FAT)."""


def is_alike(seen: "FileRow | Seen", entry: "FileEntry") -> bool:
    """Whether a file looks as when it was read, also one so young that it might have changed within its time."""
    return seen[1:4] == entry[1:4]


def is_fresh(seen: "FileRow | Seen", entry: "FileEntry") -> bool:
    """Whether a file surely has the content that it had when it was read."""
    return seen[1:4] == entry[1:4] and seen.mtime_ns < seen.checked_ns - RACY_NS
