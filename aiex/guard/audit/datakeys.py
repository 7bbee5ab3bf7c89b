"""The keys of the audit log, or of another record: one that chains, one for each session, wrapped by one that rotates.

The file is a header of fixed size and a slot of fixed size for each session, found by its tag. Wrapping is AES-256-GCM.
Rotation wraps every key anew with a new one (KEK) and writes a new file beside the old one. Erasing a session
overwrites its slot, so that what was sealed with its key cannot be opened any more; the log stays as it is.
"""

from __future__ import annotations

import json
import os
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import AiexError, StoreError
from aiex.guard.audit.frames import Chain
from aiex.guard.audit.walk import write_at
from aiex.guard.private import Lock, read_private, write_private
from aiex.guard.protectors import KEK_BYTES, Protector, Seal
from aiex.guard.vault import DamagedVault, decrypt, encrypt
from aiex.sqlite import translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER_BYTES: Final = 640
MOST_BYTES: Final = 1 << 30
_SLOT: Final = struct.Struct(">16sB7xQQ60s12x")
SLOT_BYTES: Final = _SLOT.size + 16
LIVE, ERASED = 1, 2


class Erased(StoreError):
    """The key of a session was destroyed: what it sealed cannot be opened any more, and no more is sealed with it."""


class Purpose(NamedTuple):
    """What a file of keys is for, in the words that it and its errors have for it."""

    magic: str
    """What the file begins with."""
    opens: str
    """What nothing can be opened of without it."""
    erased: str
    """Said of a session whose key was destroyed."""


AUDIT: Final = Purpose(
    "aiex audit keys", "the audit log", "the audit records of this session were erased; it takes no more"
)


class Slot(NamedTuple):
    """The key of one session."""

    tag: bytes
    state: int
    made_ms: int
    erased_ms: int
    wrapped: bytes
    """The data key, sealed by the KEK; zeros when it was erased."""


class Header(NamedTuple):
    """What the file begins with."""

    seal: Seal
    made_ms: int
    rotated_ms: int
    rotations: int
    wrapped: bytes
    """The key of the chain, sealed by the KEK."""


class DataKeys:
    """The file of keys at one path; it is read again for every question, since other processes write it too."""

    def __init__(
        self, path: str, protector: Protector, *, purpose: Purpose = AUDIT, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self.purpose = purpose
        self._protector = protector
        self._clock = clock
        self._lock = Lock(f"{path}.lock")
        self._keks: dict[Seal, bytes] = {}

    def exists(self) -> bool:
        """Whether there are keys already."""
        return os.path.lexists(self.path)

    def open_chain(self) -> Chain:
        """The key of the chain. Raises StoreError when the file is missing, damaged, or its KEK is gone."""
        return self._chain_of(self.header())

    def make(self) -> None:
        """Make the file, unless another process just did."""
        with self._lock:
            if self.exists():
                return
            seal, kek = self._protector.make()
            now = self._now()
            header = Header(seal, now, now, 0, b"")
            header = header._replace(wrapped=encrypt(kek, os.urandom(KEK_BYTES), _about_chain(header)))
            write_private(self.path, self._render(header))

    def header(self) -> Header:
        """How old the keys are, and what wraps them. Raises StoreError."""
        return self._parse(self._read())

    def find(self, session: str) -> bytes | None:
        """The data key of a session; None when there is none. Raises Erased, StoreError."""
        if not self.exists():
            return None
        data = self._read()
        header = self._parse(data)
        chain = self._chain_of(header)
        at = _find(data, chain.tag(session))
        return self._unwrap(self._parse_slot(chain, data, at), header) if at >= 0 else None

    def key_of(self, session: str) -> tuple[bytes, bytes]:
        """The tag of a session and its data key, made when there is none.

        Raises:
            Erased: if the session was erased.
            StoreError: if the key cannot be kept or opened.
        """
        with self._lock:
            data = self._read()
            header = self._parse(data)
            chain = self._chain_of(header)
            tag = chain.tag(session)
            at = _find(data, tag)
            if at >= 0:
                return tag, self._unwrap(self._parse_slot(chain, data, at), header)
            key = os.urandom(KEK_BYTES)
            wrapped = encrypt(self._kek(header.seal), key, _about_key(tag, header.seal))
            self._write(_render_slot(chain, Slot(tag, LIVE, self._now(), 0, wrapped)), _end_of(data))
            return tag, key

    def open_all(self) -> dict[bytes, bytes | None]:
        """The data key of every session by its tag, None for one that was erased. Raises StoreError."""
        data = self._read()
        header = self._parse(data)
        slots = self._slots(data, self._chain_of(header))
        return {slot.tag: self._unwrap(slot, header) if slot.state == LIVE else None for slot in slots}

    def slots(self) -> list[Slot]:
        """Every session, in order of their beginning. Raises StoreError if any of them is damaged."""
        data = self._read()
        return self._slots(data, self._chain_of(self._parse(data)))

    def _slots(self, data: bytes, chain: Chain) -> list[Slot]:
        if (len(data) - HEADER_BYTES) % SLOT_BYTES:
            raise StoreError(f"{self.path} ends in the middle of a key", hint=self._hint)
        return [self._parse_slot(chain, data, at) for at in range(HEADER_BYTES, len(data), SLOT_BYTES)]

    def erase(self, tag: bytes) -> bool:
        """Destroy the data key of a session; False when there is none to destroy."""
        with self._lock:
            data = self._read()
            at = _find(data, tag)
            if at < 0:
                return False
            chain = self._chain_of(self._parse(data))
            slot = self._parse_slot(chain, data, at)
            if slot.state == ERASED:
                return False
            self._write(_render_slot(chain, slot._replace(state=ERASED, erased_ms=self._now(), wrapped=bytes(60))), at)
            return True

    def rotate(self) -> int:
        """Wrap all keys by a new KEK; how many. Wherever this is interrupted, a KEK that opens the file is there."""
        with self._lock:
            data = self._read()
            old = self._parse(data)
            chain = self._chain_of(old)
            seal, kek = self._protector.make()
            header = old._replace(seal=seal, rotated_ms=self._now(), rotations=old.rotations + 1)
            header = header._replace(wrapped=encrypt(kek, chain.key, _about_chain(header)))
            whole = [self._render(header)]
            for at in range(HEADER_BYTES, _end_of(data), SLOT_BYTES):
                slot = self._parse_slot(chain, data, at)
                if slot.state == LIVE:
                    key = self._unwrap(slot, old)
                    slot = slot._replace(wrapped=encrypt(kek, key, _about_key(slot.tag, seal)))
                whole.append(_render_slot(chain, slot))
            write_private(self.path, b"".join(whole))
            self._protector.forget_all_but(seal)
            return len(whole)

    def _read(self) -> bytes:
        data = read_private(self.path, limit_bytes=MOST_BYTES)
        if data is None:
            raise StoreError(f"the keys of {self.purpose.opens} are missing: {self.path}", hint=self._hint)
        return data

    @property
    def _hint(self) -> str:
        return f"restore it from a backup; without it nothing in {self.purpose.opens} can be opened or checked"

    def _damaged(self, what: str) -> StoreError:
        return StoreError(f"{self.path}: {what} was changed by something else, or is damaged", hint=self._hint)

    def _render(self, header: Header) -> bytes:
        seal = header.seal
        said = [self.purpose.magic, 1, seal.id, seal.kind, seal.check, header.made_ms, header.rotated_ms,
                header.rotations, header.wrapped.hex()]  # fmt: skip
        return json.dumps(said).encode().ljust(HEADER_BYTES - 1) + b"\n"

    def _parse(self, data: bytes) -> Header:
        try:
            magic, version, kek_id, kind, check, made, rotated, rotations, wrapped = json.loads(data[:HEADER_BYTES])
            header = Header(Seal(kek_id, kind, check), made, rotated, rotations, bytes.fromhex(wrapped))
            if (magic, version) != (self.purpose.magic, 1) or self._render(header) != data[:HEADER_BYTES]:
                raise ValueError("form")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise self._damaged("its beginning") from error
        return header

    def _parse_slot(self, chain: Chain, data: bytes, at: int) -> Slot:
        row = data[at : at + SLOT_BYTES]
        if len(row) != SLOT_BYTES or chain.sign(b"aiex audit slot", row[: _SLOT.size], 16) != row[_SLOT.size :]:
            raise self._damaged(f"key {(at - HEADER_BYTES) // SLOT_BYTES + 1}")
        return Slot(*_SLOT.unpack_from(row))

    def _write(self, slot: bytes, at: int) -> None:
        """Write one slot in place, and make it last: without it nothing that it sealed can be opened."""
        with translated_errors(self.path):
            descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            try:
                write_at(descriptor, slot, at)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _kek(self, seal: Seal) -> bytes:
        if seal not in self._keks:
            try:
                self._keks = {seal: self._protector.open(seal)}
            except AiexError as error:
                raise StoreError(
                    f"the key that opens {self.path} cannot be had: {error.message}", hint=self._hint
                ) from error
        return self._keks[seal]

    def _chain_of(self, header: Header) -> Chain:
        try:
            return Chain(decrypt(self._kek(header.seal), header.wrapped, _about_chain(header)))
        except DamagedVault as error:
            raise self._damaged("its beginning") from error

    def _unwrap(self, slot: Slot, header: Header) -> bytes:
        if slot.state == ERASED:
            raise Erased(self.purpose.erased, hint="begin a new one")
        try:
            return decrypt(self._kek(header.seal), slot.wrapped, _about_key(slot.tag, header.seal))
        except DamagedVault as error:
            raise self._damaged(f"the key of session {slot.tag.hex()}") from error

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _about_chain(header: Header) -> bytes:
    seal = header.seal
    about = ["chain", seal.id, seal.kind, seal.check, header.made_ms, header.rotated_ms, header.rotations]
    return json.dumps(about).encode()


def _about_key(tag: bytes, seal: Seal) -> bytes:
    return b"aiex audit data key " + tag + seal.id.encode()


# --- the form of the file -------------------------------------------------------------------------------------------


def _render_slot(chain: Chain, slot: Slot) -> bytes:
    data = _SLOT.pack(*slot)
    return data + chain.sign(b"aiex audit slot", data, 16)


def _find(data: bytes, tag: bytes) -> int:
    """Where the slot of a session begins; -1 when it has none."""
    at = data.find(tag, HEADER_BYTES)
    while at >= 0 and (at - HEADER_BYTES) % SLOT_BYTES:
        at = data.find(tag, at + 1)
    return at


def _end_of(data: bytes) -> int:
    """Where the next slot goes: over one that was not written to its end."""
    return len(data) - (len(data) - HEADER_BYTES) % SLOT_BYTES
