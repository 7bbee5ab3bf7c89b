"""Reads the log: which records there are, and what they say where their session was not erased.

What is not wanted is passed over: records before the time or the number by marks, others by their row and link.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from aiex.errors import StoreError
from aiex.guard.audit.entries import ABOUTS, DENIED, EFFECTS, KINDS, WHATS, Entry, from_payload
from aiex.guard.audit.frames import HEADER_BYTES
from aiex.guard.audit.marks import find_mark
from aiex.guard.audit.walk import Walk, read_at, reader, start_of
from aiex.record import record
from aiex.sqlite import translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from aiex.guard.audit.datakeys import DataKeys
    from aiex.guard.audit.frames import Chain, Fields
    from aiex.guard.audit.walk import Position

_WHAT: Final = {code: name for name, code in WHATS.items()}
KIND_NAMES: Final[Mapping[int, str]] = {code: name for name, code in KINDS.items()}
_ABOUT: Final = {code: name for name, code in ABOUTS.items()}
_EFFECT: Final = {code: name for name, code in EFFECTS.items()}


@record
class Found:
    """One record: what stands in the open, and what was sealed."""

    seq: int
    at_ms: int
    tag: str
    what: str
    kind: str
    """Of the action, or what a note is about."""
    effect: str
    """Of the decision, or how it ended."""
    entry: Entry | None
    """None where the session was erased, or its key is gone."""


@record
class Wanted:
    """Which records; everything by default."""

    since_ms: int = 0
    session: str = ""
    kind: str = ""
    denied: bool = False
    seq: int = 0
    last: int = 0
    """Only so many, the last of them; 0 for all. The others are counted, and not opened."""


class Opener:
    """Opens sealed payloads; each session's key is unwrapped once."""

    def __init__(self, keys: Mapping[bytes, bytes | None]) -> None:
        """With the data keys of sessions by their tags, as `DataKeys.open_all` gives them; of others nothing opens."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.keys = keys
        self._cipher, self._refused = AESGCM, (InvalidTag, ValueError)
        self._ciphers: dict[bytes, AESGCM] = {}

    def open(self, row: Fields, sealed: bytes) -> Entry | None:
        """What the record says; None when its session has no key any more. Raises what `unseal` raises."""
        payload = self.unseal(row, sealed)
        return None if payload is None else from_payload(payload, row[5], row[6])

    def unseal(self, row: Fields, sealed: bytes) -> bytes | None:
        """What was sealed; None when its session has no key any more.

        Raises:
            StoreError: if the payload does not open with the key of its session.
        """
        tag = row[7]
        cipher = self._ciphers.get(tag)
        if cipher is None:
            key = self.keys.get(tag)
            if key is None:
                return None
            self._ciphers[tag] = cipher = self._cipher(key)
        try:
            return cipher.decrypt(sealed[:12], sealed[12:], tag)
        except self._refused as error:
            raise StoreError(f"audit record {row[5]} does not open with the key of its session") from error


class Reading:
    """The records of one log that are wanted, in order; `problem` says afterwards why it ended early, if it did."""

    def __init__(self, log: str, keys: DataKeys, wanted: Wanted | None = None) -> None:
        self.problem = ""
        self.last_seq = 0
        self.count = 0
        """How many there were, also of those that are not given because they are not among the last."""
        self._log = log
        self._keys = keys
        self._wanted = wanted or Wanted()

    def __iter__(self) -> Iterator[Found]:
        """Raises StoreError if the file cannot be read, or its keys cannot."""
        with opened(self._log) as file:
            if file is None:
                return
            chain = self._keys.open_chain()
            start = start_of(chain, read_at(file.descriptor, HEADER_BYTES, 0))
            if start is None:
                raise StoreError(f"{self._log} does not begin as a log of these keys does", hint="aiex verify audit")
            wanted = self._wanted
            start = find_mark(self._log, file.descriptor, chain, start, since_ms=wanted.since_ms, seq=wanted.seq)
            opener, rows = Opener(self._keys.open_all()), self._rows(file.descriptor, chain, start)
            for row, sealed in deque(rows, wanted.last) if wanted.last else rows:
                yield to_found(row, opener.open(row, sealed))

    def _rows(self, descriptor: int, chain: Chain, start: Position) -> Iterator[tuple[Fields, bytes]]:
        is_wanted = _filter(self._wanted, chain)
        while True:
            walk = Walk(reader(descriptor), chain, start, is_wanted)
            for row, sealed, _link, _end in walk:
                self.count += 1
                yield row, sealed
                if row[5] == self._wanted.seq:
                    return
            self.last_seq = walk.position.seq
            if not walk.problem or walk.position == start:  # twice at one place: nobody is writing there
                break
            start = walk.position
        self.problem = walk.problem


class opened:
    """`with opened(path) as file:` gives an open file for reading; None when there is none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = -1
        self._errors = translated_errors(path)

    def __enter__(self) -> opened | None:
        with translated_errors(self.path):
            try:
                flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
                self.descriptor = os.open(self.path, flags)
            except FileNotFoundError:
                return None
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


def _filter(wanted: Wanted, chain: Chain) -> Callable[[Fields], bool]:
    tag = chain.tag(wanted.session) if wanted.session else b""
    kind = KINDS.get(wanted.kind, 0)

    def is_wanted(row: Fields) -> bool:
        return (
            row[6] >= wanted.since_ms
            and (not tag or row[7] in (tag, _to_tag(wanted.session)))
            and (not wanted.kind or (row[3] == kind and row[2] != WHATS["note"]))
            and (not wanted.denied or (row[4] in DENIED and row[2] != WHATS["note"]))
            and (not wanted.seq or row[5] == wanted.seq)
        )

    return is_wanted


def _to_tag(text: str) -> bytes:
    """The tag that a person copied in place of the name of a session; empty when it is no tag."""
    try:
        return bytes.fromhex(text) if len(text) == 32 else b""
    except ValueError:
        return b""


def to_found(row: Fields, entry: Entry | None) -> Found:
    """A record of this row, with what was sealed."""
    _size, _version, what, kind, effect, seq, at_ms, tag, _digest = row
    kinds = _ABOUT if what == WHATS["note"] else KIND_NAMES
    return Found(seq, at_ms, tag.hex(), _WHAT.get(what, "?"), kinds.get(kind, "?"), _EFFECT.get(effect, ""), entry)
