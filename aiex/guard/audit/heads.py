"""Heads: how far the log goes and what its last link is, signed, in a place apart, so that a cut tail shows."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.guard.audit.frames import Chain

_HEAD: Final = struct.Struct(">16s16sQQQ32s")
MAGIC: Final = b"aiex audit head1"
HEAD_BYTES: Final = _HEAD.size + 32
_PURPOSE: Final = b"aiex audit end"
_WORD: Final = "aiex-audit-head"


class Head(NamedTuple):
    """The end of the log at some time."""

    log: bytes
    """The name of the log."""
    seq: int
    """Of the last record; 0 for none."""
    offset: int
    """Where the next record begins, in bytes."""
    at_ms: int
    """The latest time of a record so far, which is that of the last one unless a clock was put back."""
    link: bytes


def render_head(chain: Chain, head: Head, purpose: bytes = _PURPOSE) -> bytes:
    """The bytes of a head, signed for a purpose: what is signed for another one is no head."""
    data = _HEAD.pack(MAGIC, *head)
    return data + chain.sign(purpose, data)


def parse_head(chain: Chain, data: bytes, purpose: bytes = _PURPOSE) -> Head | None:
    """Read what `render_head` wrote for the same purpose; None for anything else."""
    if len(data) != HEAD_BYTES or chain.sign(purpose, data[: _HEAD.size]) != data[_HEAD.size :]:
        return None
    magic, *fields = _HEAD.unpack_from(data)
    return Head(*fields) if magic == MAGIC else None


def to_line(chain: Chain, head: Head) -> str:
    """A head as a line of text, to keep elsewhere: in a journal, on another machine."""
    return f"{_WORD} {head.seq} {b64encode(render_head(chain, head)).decode()}"


def read_lines(chain: Chain, text: str) -> Iterator[Head]:
    """The heads among lines of text. Raises StoreError for one that is damaged, or was signed with another key."""
    for number, line in enumerate(text.splitlines(), 1):
        _, word, rest = line.partition(f"{_WORD} ")
        if not word:
            continue
        head = _from_words(chain, rest.split())
        if head is None:
            raise StoreError(f"the head in line {number} is damaged, or was signed with another key")
        yield head


def _from_words(chain: Chain, words: Sequence[str]) -> Head | None:
    try:
        head = parse_head(chain, b64decode(words[1], validate=True))
    except (ValueError, IndexError):
        return None
    return head if head and words[0] == str(head.seq) and len(words) == 2 else None
