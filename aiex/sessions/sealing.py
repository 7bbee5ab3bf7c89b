"""Encrypted sessions: each under a key of its own, so that a session is erased by destroying its key.

The keys lie in a file beside the store, wrapped by one that rotates, as those of the audit log do. Sealing is
AES-256-GCM with random nonces; an event is bound to its session, number and type, so that none can stand for another.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Final

from aiex.guard.audit.datakeys import DataKeys, Erased, Purpose
from aiex.guard.protectors import KeyFileProtector

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from aiex.guard.protectors import Protector

KEYS_FILE: Final = "sessions.keys"
NONCE_BYTES: Final = 12
PURPOSE: Final = Purpose(
    "aiex session keys", "the encrypted sessions", "this session was erased: it cannot be read, and takes no more"
)


def open_session_keys(folder: str, kek_file: str) -> DataKeys:
    """The keys of the sessions in a folder; nothing is read or made yet."""
    return open_keys_with(folder, KeyFileProtector(kek_file, "the keys of the sessions"))


def open_keys_with(folder: str, protector: Protector) -> DataKeys:
    """The keys of the sessions in a folder, wrapped by a key from any source."""
    return DataKeys(os.path.join(folder, KEYS_FILE), protector, purpose=PURPOSE)


class Sealing:
    """Seals and opens the events of sessions; safe for threads."""

    def __init__(self, keys: DataKeys, *, new_sessions: bool) -> None:
        """`new_sessions` says whether sessions that have no key get one; one that has a key stays sealed."""
        self.keys = keys
        self._new_sessions = new_sessions
        self._ciphers: dict[str, AESGCM | None] = {}
        """None for a session that had no key when it was first written to."""
        self._lock = RLock()

    def seals(self, session: str) -> bool:
        """Whether new events of the session are sealed. Raises StoreError if the keys cannot be read."""
        with self._lock:
            if self._new_sessions or self._ciphers.get(session):
                return True
            if session not in self._ciphers:
                self._ciphers[session] = self._find(session)
            return self._ciphers[session] is not None

    def seal(self, session: str, about: bytes, plain: bytes) -> bytes:
        """A fresh nonce and the sealed bytes, under the key of the session, which is made when there is none.

        Raises:
            Erased: if the session was erased.
            StoreError: if its key cannot be kept or had.
        """
        cipher = self._ciphers.get(session) or self._make(session)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plain, _bind(session, about))

    def open(self, session: str, about: bytes, sealed: bytes) -> bytes:
        """What `seal` sealed.

        Raises:
            Erased: if the session was erased, or its key is not in the file.
            ValueError: if it was changed, or is of another session or place.
            StoreError: if the keys cannot be read.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(session) or self._find(session)
        if cipher is None:
            raise Erased(
                f"session {session} is encrypted and its key is not in {self.keys.path}",
                hint="restore the file of keys from a backup, or remove the session: aiex rm session",
            )
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bind(session, about))
        except InvalidTag as error:
            raise ValueError("sealed data was changed") from error

    def erase(self, session: str) -> bool:
        """Destroy the key of a session; False when there was none to destroy. Raises StoreError."""
        with self._lock:
            self._ciphers.pop(session, None)
            return self.keys.exists() and self.keys.erase(self.keys.open_chain().tag(session))

    def _find(self, session: str) -> AESGCM | None:
        with self._lock:
            key = self.keys.find(session)
            if key is None:
                return None
            self._ciphers[session] = cipher = _to_cipher(key)
            return cipher

    def _make(self, session: str) -> AESGCM:
        with self._lock:
            self.keys.make()
            cipher = _to_cipher(self.keys.key_of(session)[1])
            self._ciphers[session] = cipher
            return cipher


def _to_cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _bind(session: str, about: bytes) -> bytes:
    return b"aiex session " + session.encode("utf-8", "surrogatepass") + b" " + about
