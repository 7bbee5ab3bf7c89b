"""Where the key that wraps all others (the KEK) comes from: the system's keyring, a passphrase, or a file of mode 0600.

A KEK is made and kept before anything is wrapped with it, and forgotten only when nothing names it any more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING, Any, Literal, Protocol

from aiex.errors import NotSignedIn, StoreError
from aiex.guard.private import read_private, remove_private, write_private
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiex.guard.keyring import SystemKeyring

Kind = Literal["keyring", "passphrase", "keyfile"]
KINDS: tuple[Kind, ...] = ("keyring", "passphrase", "keyfile")
KEK_BYTES = 32


@record
class Work:
    """The cost of turning a passphrase into a key: scrypt's n, r and p.

    Source: OWASP Password Storage Cheat Sheet (2025), n=2^15, r=8, p=3, one of its equal choices; 32 MiB, about 0.8 s.
    """

    n: int = 2**15
    r: int = 8
    p: int = 3

    @property
    def is_sane(self) -> bool:
        """Whether this is scrypt at all, and no trap for the memory or the patience of who opens the file."""
        return 1 < self.n <= 2**20 and not self.n & (self.n - 1) and 0 < self.r <= 32 and 0 < self.p <= 16


@record
class Seal:
    """What is said in the open about a KEK: its name, where it comes from, and how to tell it from another."""

    id: str
    kind: Kind
    check: str
    salt: str = ""
    work: Work | None = None


class Protector(Protocol):
    """One source of KEKs."""

    kind: Kind

    def make(self) -> tuple[Seal, bytes]:
        """A new KEK, kept safe already. Raises AiexError when that is not possible here."""

    def open(self, seal: Seal) -> bytes:
        """The KEK of a seal, checked.

        Raises:
            NotSignedIn: if the passphrase is wrong or missing.
            StoreError: if the KEK is gone.
        """

    def forget_all_but(self, seal: Seal | None) -> None:
        """Remove every KEK that this source keeps, save one."""


def check_of(kek: bytes, kek_id: str) -> str:
    """A value that tells whether a KEK is the one of a seal, and nothing more."""
    return hmac.new(kek, f"aiex vault check {kek_id}".encode(), hashlib.sha256).hexdigest()[:32]


def _new_id() -> str:
    return os.urandom(8).hex()


def _fits(seal: Seal, kek: bytes) -> bool:
    return hmac.compare_digest(check_of(kek, seal.id).encode(), seal.check.encode())


class PassphraseProtector:
    """The KEK is computed from what a person knows; it is kept nowhere."""

    kind: Kind = "passphrase"

    def __init__(self, ask: Callable[[Literal["open", "new"]], str], work: Work | None = None) -> None:
        """`ask` gives the passphrase that opens what is there, or one for what is new."""
        self._ask = ask
        self._work = work or Work()

    def make(self) -> tuple[Seal, bytes]:
        """A KEK from a new passphrase and a fresh salt."""
        kek_id, salt = _new_id(), os.urandom(16)
        kek = _stretch(self._ask("new"), salt, self._work)
        return Seal(kek_id, self.kind, check_of(kek, kek_id), salt.hex(), self._work), kek

    def open(self, seal: Seal) -> bytes:
        """The KEK from the passphrase. Raises NotSignedIn when it is another one."""
        kek = _stretch(self._ask("open"), bytes.fromhex(seal.salt), seal.work or self._work)
        if not _fits(seal, kek):
            raise NotSignedIn(
                "the passphrase does not open the file of keys",
                hint="check AIEX_PASSPHRASE, or type it again; nothing was changed",
            )
        return kek

    def forget_all_but(self, seal: Seal | None) -> None:
        """Nothing is kept."""


def _stretch(passphrase: str, salt: bytes, work: Work) -> bytes:
    memory = 128 * work.n * work.r * 2 + 2**20
    data = passphrase.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=work.n, r=work.r, p=work.p, maxmem=memory, dklen=KEK_BYTES)


class KeyFileProtector:
    """The KEK lies in a file of mode 0600 beside the vault: whoever can read both can read the keys."""

    kind: Kind = "keyfile"

    def __init__(self, path: str, opens: str = "vault.aiex beside it") -> None:
        """`opens` says to whoever reads the file what its keys are for."""
        self.path = path
        self._opens = opens

    def make(self) -> tuple[Seal, bytes]:
        """A random KEK, added to the file."""
        kek_id, kek = _new_id(), os.urandom(KEK_BYTES)
        self._write(self._read() | {kek_id: kek.hex()})
        return Seal(kek_id, self.kind, check_of(kek, kek_id)), kek

    def open(self, seal: Seal) -> bytes:
        """The KEK from the file. Raises StoreError when it is not in there."""
        return _require(seal, self._read().get(seal.id), self.path)

    def forget_all_but(self, seal: Seal | None) -> None:
        """Keep one KEK in the file, or no file."""
        kept = {name: kek for name, kek in self._read().items() if seal and name == seal.id}
        if kept:
            self._write(kept)
        else:
            remove_private(self.path)

    def _read(self) -> dict[str, str]:
        data = read_private(self.path)
        if data is None:
            return {}
        try:
            found = json.loads(data)
            return {str(name): bytes.fromhex(kek).hex() for name, kek in found["keys"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{self.path} is damaged", hint="restore it from a backup") from error

    def _write(self, keks: dict[str, str]) -> None:
        content: dict[str, Any] = {"about": f"opens {self._opens}; keep it secret", "keys": keks}
        write_private(self.path, json.dumps(content, indent=1).encode() + b"\n")


class KeyringProtector:
    """The KEK lies in the keyring of the system."""

    kind: Kind = "keyring"

    def __init__(self, keyring: SystemKeyring) -> None:
        self._keyring = keyring

    def make(self) -> tuple[Seal, bytes]:
        """A random KEK, kept in the keyring."""
        kek_id, kek = _new_id(), os.urandom(KEK_BYTES)
        self._keyring.put(f"kek:{kek_id}", kek.hex())
        self._note([*self._ids(), kek_id])
        return Seal(kek_id, self.kind, check_of(kek, kek_id)), kek

    def open(self, seal: Seal) -> bytes:
        """The KEK from the keyring. Raises StoreError when it is not in there."""
        return _require(seal, self._keyring.get(f"kek:{seal.id}"), "the keyring of this system")

    def forget_all_but(self, seal: Seal | None) -> None:
        """Keep one KEK in the keyring."""
        kept = [name for name in self._ids() if seal and name == seal.id]
        for name in set(self._ids()) - set(kept):
            self._keyring.drop(f"kek:{name}")
        self._note(kept)

    def _ids(self) -> list[str]:
        return (self._keyring.get("keks") or "").split()

    def _note(self, ids: list[str]) -> None:
        if ids:
            self._keyring.put("keks", " ".join(ids))
        else:
            self._keyring.drop("keks")


def _require(seal: Seal, found: str | None, place: str) -> bytes:
    try:
        kek = bytes.fromhex(found or "")
    except ValueError:
        kek = b""
    if not kek or not _fits(seal, kek):
        raise StoreError(
            f"the key that opens the file of keys is not in {place}",
            hint="restore it; if it is lost, move vault.aiex away and set the keys again",
        )
    return kek
