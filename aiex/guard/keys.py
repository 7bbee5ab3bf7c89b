"""Where secrets are kept and found: the keyring of the system, then the encrypted file.

What lies in the keyring is listed by name in a small file beside the vault, so that a run which keeps nothing there
never imports a keyring, and one that does asks for just what is there.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

from aiex import dirs
from aiex.errors import NotSignedIn, StoreError
from aiex.guard.private import Lock, read_private, write_private
from aiex.guard.protectors import KeyFileProtector, Kind, PassphraseProtector, Protector, Work
from aiex.guard.vault import Vault
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiex.guard.keyring import SystemKeyring

Place = Literal["keyring", "file"]
PASSPHRASE = "AIEX_PASSPHRASE"  # noqa: S105  (the name of a variable)
NEW_PASSPHRASE = "AIEX_NEW_PASSPHRASE"  # noqa: S105  (the name of a variable)
LONGEST_KEY = 16_384
KEY_FILE = "vault.key"


class KeyStore:
    """The secrets of one person on this machine, under names such as `key:openai`.

    The same object serves a whole run, so that a passphrase is asked for and worked on once.
    """

    def __init__(
        self,
        folder: str,
        *,
        ask: Callable[[Literal["open", "new"]], str],
        may_ask: Callable[[], bool],
        find_keyring: Callable[[], SystemKeyring | None],
        work: Work | None = None,
    ) -> None:
        self.folder = folder
        self.vault = Vault(folder, self._find_protector)
        self._ask = ask
        self._may_ask = may_ask
        self._find_keyring = find_keyring
        self._work = work
        self._index = os.path.join(folder, "keyring.json")
        self._lock = Lock(os.path.join(folder, "keys.lock"))

    def places(self) -> dict[str, Place]:
        """Every secret by name, and where it is looked for first; opens nothing. Raises StoreError."""
        found: dict[str, Place] = dict.fromkeys(self.vault.names(), "file")
        return found | dict.fromkeys(self._in_keyring(), "keyring")

    def find(self, name: str) -> str | None:
        """The secret by this name; None when there is none.

        Raises:
            NotSignedIn: if the passphrase is wrong or missing.
            StoreError: if what keeps it cannot be read.
        """
        if name in self._in_keyring():
            secret = self._require_keyring().get(name)
            if secret is not None:
                return secret
        return self.vault.read(name) if name in self.vault.names() else None

    def keep(self, name: str, secret: str, place: Place | None = None) -> Place:
        """Keep a secret, and forget what another place has by this name; where it is now.

        Args:
            place: None for the keyring where there is one, else the file.

        Raises:
            StoreError, NotSignedIn: if it cannot be kept; what was kept before is still there.
        """
        with self._lock:
            if (place or ("keyring" if self.keyring else "file")) == "keyring":
                self._require_keyring().put(name, secret)
                self._note({*self._in_keyring(), name})
                self.vault.remove(name)
                return "keyring"
            self.vault.write(name, secret)
            if name in self._in_keyring():
                self._note(self._in_keyring() - {name})
                self._require_keyring().drop(name)
            return "file"

    def forget(self, name: str) -> bool:
        """Remove a secret from wherever it is; False when there was none."""
        with self._lock:
            listed = self._in_keyring()
            if name in listed:
                self._require_keyring().drop(name)
                self._note(listed - {name})
            return self.vault.remove(name) or name in listed

    @cached_property
    def keyring(self) -> SystemKeyring | None:
        """The keyring of this system, found when it is first needed."""
        return self._find_keyring()

    def _require_keyring(self) -> SystemKeyring:
        if self.keyring is None:
            raise StoreError(
                "the keyring of this system cannot be used here",
                hint="pip install 'aiex[keyring]', log in to a desktop session, or use the file: --in file",
            )
        return self.keyring

    def _in_keyring(self) -> frozenset[str]:
        data = read_private(self._index)
        try:
            return frozenset(str(name) for name in json.loads(data)["names"]) if data else frozenset()
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{self._index} is damaged", hint="move it away; keys in the keyring must then be set again"
            ) from error

    def _note(self, names: frozenset[str] | set[str]) -> None:
        write_private(self._index, json.dumps({"names": sorted(names)}).encode() + b"\n")

    def wants_passphrase(self) -> Literal["open", "new"] | None:
        """What a passphrase would be asked for to write the file now; None where none would be."""
        kind = self.vault.kind()
        if (kind or self._best_kind()) != "passphrase" or os.environ.get(PASSPHRASE):
            return None
        return "open" if kind else "new"

    @contextmanager
    def answering(self, passphrase: str) -> Iterator[None]:
        """Within it this is the passphrase, where one is wanted; nobody is asked."""
        before, self._ask = self._ask, lambda _: passphrase
        try:
            yield
        finally:
            self._ask = before

    def _find_protector(self, kind: Kind | None) -> Protector:
        """The source of KEKs of a kind; for a new file the best there is."""
        match kind or self._best_kind():
            case "keyring":
                from aiex.guard.protectors import KeyringProtector

                return KeyringProtector(self._require_keyring())
            case "passphrase":
                return PassphraseProtector(self._ask, self._work)
            case _:
                return KeyFileProtector(os.path.join(self.folder, KEY_FILE))

    def _best_kind(self) -> Kind:
        if self.keyring:
            return "keyring"
        return "passphrase" if self._may_ask() else "keyfile"


@cache
def open_store(folder: str = "", *, use_keyring: bool = True) -> KeyStore:
    """The person's store, in the data directory unless a folder is given; the same one for the whole process."""
    return KeyStore(
        folder or os.path.join(dirs.data_dir(), "keys"),
        ask=ask_passphrase,
        may_ask=lambda: bool(os.environ.get(PASSPHRASE)) or is_at_terminal(),
        find_keyring=_open_keyring if use_keyring else lambda: None,
    )


def store_for(environ: Mapping[str, str], place: str = "auto") -> KeyStore:
    """The store for an environment and the setting `keys.store`."""
    return open_store(os.path.join(dirs.data_dir(environ), "keys"), use_keyring=place != "file")


def _open_keyring() -> SystemKeyring | None:
    from aiex.guard.keyring import open_keyring

    return open_keyring()


# --- passphrases ----------------------------------------------------------------------------------------------------


def is_at_terminal() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    import sys

    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_passphrase(purpose: Literal["open", "new"]) -> str:
    """The passphrase from `AIEX_PASSPHRASE`, else typed unseen.

    For a new one `AIEX_NEW_PASSPHRASE` comes first, and what is typed is typed twice.

    Raises:
        NotSignedIn: if there is none and nobody to ask, or it is empty.
    """
    given = (purpose == "new" and os.environ.get(NEW_PASSPHRASE)) or os.environ.get(PASSPHRASE, "")
    if given:
        return given
    if not is_at_terminal():
        raise NotSignedIn(
            "the file of keys is protected by a passphrase, and nobody can be asked for it here",
            hint=f"put it into {PASSPHRASE}, or run this on a terminal",
        )
    prompt = "Passphrase of the keys: " if purpose == "open" else "New passphrase for the keys: "
    typed = ask_hidden(prompt)
    if purpose == "new" and typed and ask_hidden("Again: ") != typed:
        raise NotSignedIn("the two passphrases differ", hint="nothing was changed; try again")
    if not typed:
        raise NotSignedIn("no passphrase was given", hint="nothing was changed; try again")
    return typed


def ask_hidden(prompt: str) -> str:
    """What a person types, without showing it. Raises NotSignedIn when the terminal cannot hide it."""
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError) as error:
            raise NotSignedIn("this terminal cannot hide what is typed", hint="pipe it in instead") from error


# --- keys of vendors ------------------------------------------------------------------------------------------------


@record
class StoredKey:
    """An API key and the one server it may go to."""

    secret: str
    home: str
    """Scheme, host and port."""

    def __repr__(self) -> str:
        return f"StoredKey(home={self.home!r})"

    @property
    def tail(self) -> str:
        """The last four characters of a long key, for telling keys apart; nothing of a short one."""
        return f"…{self.secret[-4:]}" if len(self.secret) >= 16 else "…"


def key_name(provider: str) -> str:
    """The name under which the key of a provider is kept."""
    return f"key:{provider}"


def find_key(store: KeyStore, provider: str) -> StoredKey | None:
    """The kept key of a provider. Raises what `KeyStore.find` raises, and StoreError when it is something else."""
    text = store.find(key_name(provider))
    if text is None:
        return None
    try:
        found = json.loads(text)
        return StoredKey(str(found["secret"]), str(found["home"]))
    except (ValueError, TypeError, KeyError):
        hint = f"set it again: aiex set key {provider}"
        raise StoreError(f"what is kept as the key of {provider} is no key", hint=hint) from None


def keep_key(store: KeyStore, provider: str, key: StoredKey, place: Place | None = None) -> Place:
    """Keep the key of a provider; where it is now. Raises what `KeyStore.keep` raises."""
    return store.keep(key_name(provider), json.dumps({"secret": key.secret, "home": key.home}), place)


def problem_with_key(text: str) -> str:
    """Why no HTTP header can carry this as a key; empty when one can. The words hold nothing of it."""
    if not text:
        return "it is empty"
    if not re.fullmatch(r"[!-~]+", text):
        return "it has blanks, line breaks, control or non-ASCII characters"
    return f"it is longer than {LONGEST_KEY} characters" if len(text) > LONGEST_KEY else ""
