"""What a work tree looked like when its contents were last kept: what did not change since is not read again."""

from __future__ import annotations

import os
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.guard.sandbox.tree import Decided

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTE: Final = "seen"
"""The name of the note in the catalogue."""
VERSION: Final = b"seen 1\n"
_LENGTHS: Final = Struct("<8I2Q")
_LINE: Final = "\0"


class Seen(NamedTuple):
    """A directory and what was kept of it."""

    decided: Decided
    names: str
    """Of what was taken in, joined by NUL."""
    stamps: bytes
    """A stamp for each; of zeros where the content has to be read again."""
    ids: bytes
    """20 bytes for each: the content, the target of a link, the tree of a directory."""
    left_out: tuple[tuple[str, str], ...]
    tree: bytes
    """Id of its tree, 20 bytes."""
    files: int
    """How many it holds itself."""
    size_bytes: int
    """Of these files."""


def pack_seen(rows: Mapping[str, Seen]) -> bytes:
    """All directories in one piece; 60 bytes a name."""
    parts = [VERSION]
    for folder, row in rows.items():
        texts = (folder, row.decided.names, _pairs(row.decided.out.items()), row.names, _pairs(row.left_out))
        segments = [os.fsencode(text) for text in texts] + [row.decided.rules + row.tree, row.stamps, row.ids]
        parts += [_LENGTHS.pack(*map(len, segments), row.files, row.size_bytes), *segments]
    return b"".join(parts)


def unpack_seen(data: bytes | None) -> dict[str, Seen]:
    """What was packed; nothing when it is of another version or damaged."""
    rows: dict[str, Seen] = {}
    if not data or not data.startswith(VERSION):
        return rows
    at = len(VERSION)
    try:
        while at < len(data):
            *lengths, files, size = _LENGTHS.unpack_from(data, at)
            at += _LENGTHS.size
            segments = []
            for length in lengths:
                segments.append(data[at : at + length])
                at += length
            folder, names, out, taken, left = map(os.fsdecode, segments[:5])
            digests, stamps, ids = segments[5:]
            decided = Decided(digests[:16], names, dict(_unpair(out)))
            rows[folder] = Seen(decided, taken, stamps, ids, tuple(_unpair(left)), digests[16:], files, size)
    except (StructError, ValueError):
        return {}
    return rows


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return _LINE.join(part for pair in pairs for part in pair)


def _unpair(text: str) -> Iterable[tuple[str, str]]:
    parts = text.split(_LINE) if text else []
    return zip(parts[::2], parts[1::2], strict=True)
