"""Puts bytes out of memory into a file that has no name: sealed, and gone with the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from aiex import dirs
from aiex.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BITS: Final = 256
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Spilled(NamedTuple):
    """Where bytes were put."""

    start: int
    """In the file, in bytes; no two places begin alike."""
    size: int
    """Of what is sealed, in bytes."""


class Spill:
    """Sealing is AES-256-GCM under a key that only this object has, so that what may be left on a disk tells nothing.

    Args:
        folder: Gives the folder to make the file in, at the first use; the cache of this person by default.
    """

    def __init__(self, folder: Callable[[], str] = dirs.cache_dir) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._cipher: AESGCM | None = None
        self._size = 0
        self._is_refused = False

    def put(self, data: bytes) -> Spilled | None:
        """Put bytes away; None where that cannot be, now and from now on: then they stay with the caller."""
        if self._is_refused:
            return None
        place = Spilled(self._size, len(data) + _TAG_BYTES)
        try:
            file, cipher = self._opened()
            file.seek(place.start)
            is_whole = file.write(cipher.encrypt(_nonce_of(place), data, None)) == place.size
        except OSError:
            is_whole = False
        if not is_whole:
            self._is_refused = True
            return None
        self._size += place.size
        return place

    def take(self, place: Spilled) -> bytes:
        """The bytes that were put there. Raises StoreError if the disk does not give them back."""
        from cryptography.exceptions import InvalidTag

        try:
            file, cipher = self._opened()
            file.seek(place.start)
            sealed = file.read(place.size)
            return cipher.decrypt(_nonce_of(place), sealed, None)
        except (OSError, InvalidTag) as error:
            why = str(error) or "it is damaged"
            raise StoreError(f"cannot read back what was put into {self._folder()}: {why}") from error

    def close(self) -> None:
        """Let go of the file, and with it of all that was put there."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._is_refused = True

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> tuple[BinaryIO, AESGCM]:
        if self._file is None or self._cipher is None:
            from tempfile import TemporaryFile

            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            folder = self._folder()
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self._file = TemporaryFile(dir=folder, prefix="aiex-", buffering=0)  # noqa: SIM115  (closed by `close`)
            self._cipher = AESGCM(AESGCM.generate_key(_KEY_BITS))
        return self._file, self._cipher


def _nonce_of(place: Spilled) -> bytes:
    """Each place is written to once, so no nonce is used twice."""
    return place.start.to_bytes(_NONCE_BYTES, "big")
