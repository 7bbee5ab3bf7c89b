"""A directory as it is kept: names with modes and what they hold, one entry a line, in the order of names.

Line feeds in names are written otherwise, so that a delta of lines is one of entries.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.patterns import late

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE, FOLDER, LINK, OMITTED = "f", "d", "l", "o"
"""What a name is; an omitted one was there, but was left out by a rule or could not be read, and holds nothing here."""
NOTHING = "0" * 40
"""The id that an omitted name has; no content has it."""
_ENTRY = late(rb"([fdlo])([0-7]{1,4}) ([0-9a-f]{40}) ([^\n]+)\n")


class Entry(NamedTuple):
    """A name in a directory."""

    name: bytes
    """As the system has it; no `/` and no NUL."""
    kind: str
    """`FILE`, `FOLDER`, `LINK` or `OMITTED`."""
    mode: int
    """Permission bits, 0 to 0o7777."""
    id: str
    """Of the content, of the tree of a directory, or of the target of a link as a content; `NOTHING` for an omitted
    name, which restoring neither makes nor removes."""


def pack_tree(entries: Iterable[Entry]) -> bytes:
    """The same bytes for the same entries, in whatever order they come."""
    lines = []
    for name, kind, mode, id in sorted(entries):
        shown = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        lines.append(b"%b%o %b %b\n" % (kind.encode(), mode, id.encode(), shown))
    return b"".join(lines)


def unpack_tree(data: bytes) -> list[Entry]:
    """The entries that were packed.

    Raises:
        ValueError: if this is no tree, or not the one way to write it.
    """
    entries = []
    for kind, mode, id, shown in _ENTRY.findall(data):
        name = re.sub(rb"\\(.)", _unescape, shown) if b"\\" in shown else shown
        entries.append(Entry(name, kind.decode(), int(mode, 8), id.decode()))
    if pack_tree(entries) != data:
        raise ValueError("this is no packed directory")
    return entries


def _unescape(match: re.Match[bytes]) -> bytes:
    return b"\n" if match[1] == b"n" else match[1]
