"""The binary form of a record in the log, and the keyed hash that chains it to the one before.

A record is a row of fixed size, the sealed payload, and the link: BLAKE2b with a key over the link before and the row.
The row holds the hash of the payload, so the chain can be checked without opening, or having, any payload.
Hash: BLAKE2b, RFC 7693, which takes a key by itself; with HMAC-SHA256 the check takes twice the time.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 1
ROW: Final = struct.Struct(">I4B2Q16s32s")
LINK_BYTES: Final = 32
LEAST_BYTES: Final = ROW.size + LINK_BYTES
MOST_BYTES: Final = 1 << 20
"""A longer record is none: what an action says of itself is cut long before."""

Fields = tuple[int, int, int, int, int, int, int, bytes, bytes]
"""A `Row`, as it is packed and unpacked; making a named one for each record would cost a fifth of the speed."""

MAGIC: Final = b"aiex audit log 1"
HEADER_BYTES: Final = 64
"""Magic, the name of the log (16 bytes) and the first link."""
_CONTENT: Final = blake2b(digest_size=32)
"""Hashes begin as copies of it: half the time of a new one."""


class Row(NamedTuple):
    """What stands in the open."""

    size: int
    """Of the whole record, in bytes."""
    version: int
    what: int
    kind: int
    effect: int
    seq: int
    at_ms: int
    tag: bytes
    """Stands for the session; only who has the key can tell which."""
    digest: bytes
    """Of the sealed payload."""


class Chain:
    """The keyed hashes of one log."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.hash_link: Final = blake2b(key=key, digest_size=LINK_BYTES, person=b"aiex audit link").copy
        """Gives a fresh state to hash a link: of the link before and the row."""
        self._signs: dict[tuple[bytes, int], blake2b] = {}

    def hashers(self) -> tuple[Callable[[], blake2b], Callable[[], blake2b]]:
        """Give fresh states to hash a link and a sealed payload with, for loops that cannot spare a call."""
        return self.hash_link, _CONTENT.copy

    def sign(self, what: bytes, data: bytes, size_bytes: int = 32) -> bytes:
        """A keyed hash for another purpose, which has a name of at most 16 bytes."""
        begun = self._signs.get((what, size_bytes))
        if begun is None:
            begun = self._signs[what, size_bytes] = blake2b(key=self.key, digest_size=size_bytes, person=what)
        state = begun.copy()
        state.update(data)
        return state.digest()

    def tag(self, session: str) -> bytes:
        """What stands for a session in the open."""
        return self.sign(b"aiex audit tag", session.encode("utf-8", "surrogatepass"), 16)


def digest(sealed: bytes) -> bytes:
    """The hash of a sealed payload."""
    state = _CONTENT.copy()
    state.update(sealed)
    return state.digest()


def render_header(chain: Chain, name: bytes) -> bytes:
    """The first bytes of a log."""
    return MAGIC + name + chain.sign(b"aiex audit head", MAGIC + name)


def is_header(chain: Chain, data: bytes) -> bool:
    """Whether a log of this chain begins with these bytes."""
    return len(data) == HEADER_BYTES and data == render_header(chain, data[16:32])


def render_record(chain: Chain, before: bytes, row: Fields, sealed: bytes) -> bytes:
    """The bytes of a record; its link is the last of them."""
    head = ROW.pack(*row)
    state = chain.hash_link()
    state.update(before + head)
    return head + sealed + state.digest()
