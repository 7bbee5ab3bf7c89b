"""Secrets in an encrypted file: each under a key of its own (DEK), which is wrapped by one key for all (KEK).

The file is three lines: name and version of the format; JSON; an HMAC-SHA256 over both, keyed by the KEK, so that no
byte can be changed, left out or added unseen. A digest of all that follows it and needs no key, so that mere damage is
seen before anything is opened. Sealing is AES-256-GCM with random nonces; the associated data name the
secret, its version and the KEK, so that no part can stand in for another. That an older file was put back whole is not
seen. Every change writes a new file beside the old one and renames it, under a lock shared by all processes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiex.errors import StoreError
from aiex.guard.private import Lock, read_private, write_private
from aiex.guard.protectors import KEK_BYTES, KINDS, Kind, Protector, Seal, Work
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = "vault.aiex"
MAGIC = b"aiex-vault"
VERSION = 1
_NONCE_BYTES = 12
_HINT = "restore it from a backup, or move it away and set the keys again: aiex set key PROVIDER"


class DamagedVault(StoreError):
    """The file is not what was written: changed, cut, or never a vault."""


class NewerVault(StoreError):
    """A later version of Aiex wrote the file; this one must not touch it."""


@record
class Entry:
    """One sealed secret."""

    name: str
    version: int
    """Counts how often the secret was written."""
    wrapped: bytes
    """Nonce and its DEK, sealed by the KEK."""
    sealed: bytes
    """Nonce and the secret, sealed by its DEK."""


@record
class Content:
    """The file, parsed."""

    seal: Seal
    entries: tuple[Entry, ...]
    signed: bytes = b""
    """What the HMAC is over."""
    signature: str = ""


class Vault:
    """The encrypted file in one folder; it is read again for every question, since other processes write it too."""

    def __init__(self, folder: str, find_protector: Callable[[Kind | None], Protector]) -> None:
        """`find_protector` gives the source of KEKs of a kind, or for None the one for a new file."""
        self.path = os.path.join(folder, FILE)
        self.lock = Lock(os.path.join(folder, "vault.lock"))
        self._find_protector = find_protector
        self._keks: dict[Seal, bytes] = {}

    def names(self) -> tuple[str, ...]:
        """The secrets there are, without opening anything; the names are not checked then."""
        content = self._load()
        return tuple(entry.name for entry in content.entries) if content else ()

    def kind(self) -> Kind | None:
        """What protects the file; None when there is none."""
        content = self._load()
        return content.seal.kind if content else None

    def read(self, name: str) -> str | None:
        """The secret by this name; None when there is none.

        Raises:
            NotSignedIn: if the passphrase is wrong or missing.
            StoreError: if the file is damaged, newer, open to others, or the key that opens it is gone.
        """
        content = self._load()
        if content is None:
            return None
        kek = self._open(content)
        return next((_unseal(entry, content.seal, kek) for entry in content.entries if entry.name == name), None)

    def write(self, name: str, secret: str) -> None:
        """Keep a secret under a fresh DEK, in place of what had this name. Raises as `read` does."""
        with self.lock:
            content = self._load()
            seal, kek = (content.seal, self._open(content)) if content else self._found()
            entries = {entry.name: entry for entry in content.entries} if content else {}
            version = entries[name].version + 1 if name in entries else 1
            entries[name] = _seal(name, version, secret, seal, kek)
            self._save(seal, kek, entries)

    def remove(self, name: str) -> bool:
        """Forget a secret; False when there was none. Raises as `read` does."""
        with self.lock:
            content = self._load()
            if content is None or all(entry.name != name for entry in content.entries):
                return False
            kek = self._open(content)
            self._save(content.seal, kek, {entry.name: entry for entry in content.entries if entry.name != name})
            return True

    def rotate(self, kind: Kind | None = None) -> int:
        """Wrap every DEK by a new KEK, of another kind if one is given; how many were wrapped.

        The old KEK is kept until the new file is in place, so wherever this is interrupted, one that opens the file
        is there.
        """
        with self.lock:
            content = self._load()
            if content is None:
                return 0
            old = self._open(content)
            protector = self._find_protector(kind or content.seal.kind)
            seal, kek = protector.make()
            entries = {entry.name: _rewrap(entry, content.seal, old, seal, kek) for entry in content.entries}
            self._save(seal, kek, entries)
            protector.forget_all_but(seal)
            if content.seal.kind != seal.kind:
                self._find_protector(content.seal.kind).forget_all_but(None)
            return len(entries)

    def _found(self) -> tuple[Seal, bytes]:
        return self._find_protector(None).make()

    def _open(self, content: Content) -> bytes:
        """The KEK, once the file is known to be whole."""
        seal = content.seal
        kek = self._keks.get(seal) or self._find_protector(seal.kind).open(seal)
        if not hmac.compare_digest(_sign(content.signed, kek).encode(), content.signature.encode()):
            raise DamagedVault(f"{self.path} was changed by something else, or is damaged", hint=_HINT)
        self._keks[seal] = kek
        return kek

    def _load(self) -> Content | None:
        data = read_private(self.path)
        return None if data is None else _parse(data, self.path)

    def _save(self, seal: Seal, kek: bytes, entries: Mapping[str, Entry]) -> None:
        body = _render(seal, sorted(entries.values(), key=lambda entry: entry.name))
        signed = b"%s %d\n%s\n" % (MAGIC, VERSION, body)
        write_private(self.path, signed + _tail(signed, _sign(signed, kek)))
        self._keks[seal] = kek


# --- sealing --------------------------------------------------------------------------------------------------------


def _about(what: str, name: str, version: int, kek_id: str = "") -> bytes:
    return json.dumps(["aiex", what, name, version, kek_id]).encode()


def encrypt(key: bytes, plain: bytes, about: bytes) -> bytes:
    """A fresh nonce and the sealed text; `about` is bound to it, and needed again to open it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def decrypt(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Open what `encrypt` sealed. Raises DamagedVault if it is not that, or key or `about` are others."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError) as error:
        raise DamagedVault("a sealed secret was changed by something else, or is damaged", hint=_HINT) from error


def _seal(name: str, version: int, secret: str, seal: Seal, kek: bytes) -> Entry:
    dek = os.urandom(KEK_BYTES)
    wrapped = encrypt(kek, dek, _about("key", name, version, seal.id))
    return Entry(name, version, wrapped, encrypt(dek, secret.encode(), _about("secret", name, version)))


def _unwrap(entry: Entry, seal: Seal, kek: bytes) -> bytes:
    return decrypt(kek, entry.wrapped, _about("key", entry.name, entry.version, seal.id))


def _unseal(entry: Entry, seal: Seal, kek: bytes) -> str:
    about = _about("secret", entry.name, entry.version)
    return decrypt(_unwrap(entry, seal, kek), entry.sealed, about).decode()


def _rewrap(entry: Entry, old_seal: Seal, old: bytes, seal: Seal, kek: bytes) -> Entry:
    about = _about("key", entry.name, entry.version, seal.id)
    return replace(entry, wrapped=encrypt(kek, _unwrap(entry, old_seal, old), about))


def _sign(signed: bytes, kek: bytes) -> str:
    key = hmac.new(kek, b"aiex vault file", hashlib.sha256).digest()
    return hmac.new(key, signed, hashlib.sha256).hexdigest()


def _tail(signed: bytes, signature: str) -> bytes:
    """The last line: the signature, and the digest of everything before."""
    digest = hashlib.sha256(signed + signature.encode()).hexdigest()[:32]
    return f"{signature} {digest}\n".encode()


# --- the form of the file -------------------------------------------------------------------------------------------


def _render(seal: Seal, entries: list[Entry]) -> bytes:
    kek: dict[str, Any] = {"id": seal.id, "kind": seal.kind, "check": seal.check}
    if seal.work:
        kek |= {"salt": seal.salt, "scrypt": [seal.work.n, seal.work.r, seal.work.p]}
    rows = [
        {"name": entry.name, "version": entry.version, "key": _to_text(entry.wrapped), "secret": _to_text(entry.sealed)}
        for entry in entries
    ]
    return json.dumps({"kek": kek, "entries": rows}, separators=(",", ":")).encode()


def _parse(data: bytes, path: str) -> Content:
    head, _, rest = data.partition(b"\n")
    magic, _, version = head.partition(b" ")
    if magic != MAGIC:
        raise DamagedVault(f"{path} is not a file of keys, or its beginning was changed", hint=_HINT)
    if version.isdigit() and version != b"%d" % VERSION:
        raise NewerVault(
            f"cannot use {path}: it says that its format is version {version.decode()}, this aiex knows {VERSION}",
            hint="use the newer aiex that wrote it",
        )
    body, _, tail = rest.partition(b"\n")
    try:
        signed, signature = data[: len(head) + len(body) + 2], tail[:64].decode("ascii")
        if tail != _tail(signed, signature) or version != b"%d" % VERSION:
            raise ValueError("form")
        seal, entries = _read_body(json.loads(body))
        return Content(seal, entries, signed, signature)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedVault(f"{path} was changed by something else, or is damaged", hint=_HINT) from error


def _read_body(body: Any) -> tuple[Seal, tuple[Entry, ...]]:
    """What the JSON says. Raises ValueError, TypeError, KeyError or AttributeError when it is something else."""
    kek = body["kek"]
    work = Work(*(int(number) for number in kek["scrypt"])) if "scrypt" in kek else None
    if kek["kind"] not in KINDS or (kek["kind"] == "passphrase") != (work is not None) or (work and not work.is_sane):
        raise ValueError("kek")
    salt = bytes.fromhex(kek.get("salt", "")).hex()
    seal = Seal(str(kek["id"]), kek["kind"], str(kek["check"]), salt, work)
    seal.check.encode("ascii")
    entries = tuple(
        Entry(str(row["name"]), int(row["version"]), b64decode(row["key"]), b64decode(row["secret"]))
        for row in body["entries"]
    )
    return seal, entries


def _to_text(data: bytes) -> str:
    return b64encode(data).decode()
