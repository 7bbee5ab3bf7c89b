"""The keyring of the operating system, by name: no back end that keeps secrets in a plain file is ever used.

`keyring` (the extra `aiex[keyring]`) chooses a back end by what is installed, and with `keyrings.alt` that may be one
that writes base64 into a file. So its choice is not asked for: the back ends of this system are tried by name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Protocol

from aiex.errors import StoreError

SERVICE = "aiex"
_BACK_ENDS = {
    "linux": (("keyring.backends.SecretService", "Keyring"), ("keyring.backends.kwallet", "DBusKeyring")),
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
}
"""Secret Service and KWallet, macOS Keychain, Windows Credential Locker. Source: keyring 25.7, keyring/backends."""


class BackEnd(Protocol):
    """What `keyring` offers for one system."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret; None when there is none."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget a secret."""


class SystemKeyring:
    """Secrets in the keyring of the person, under names of ours."""

    def __init__(self, back_end: BackEnd) -> None:
        self._back_end = back_end

    def get(self, name: str) -> str | None:
        """The secret by this name. Raises StoreError when the keyring stays locked or does not answer."""
        try:
            return self._back_end.get_password(SERVICE, name)
        except Exception as error:
            raise _refused("read", error) from error

    def put(self, name: str, secret: str) -> None:
        """Keep a secret. Raises StoreError when the keyring refuses it, as it does when it is too long for it."""
        try:
            self._back_end.set_password(SERVICE, name, secret)
        except Exception as error:
            raise _refused("write", error) from error

    def drop(self, name: str) -> None:
        """Forget a secret; it is well if there was none."""
        try:
            if self._back_end.get_password(SERVICE, name) is not None:
                self._back_end.delete_password(SERVICE, name)
        except Exception as error:
            raise _refused("change", error) from error


def _refused(what: str, error: Exception) -> StoreError:
    """Back ends raise errors of the libraries below them; their class says enough, their words may hold anything."""
    return StoreError(
        f"cannot {what} the keyring of this system ({type(error).__name__})",
        hint="unlock it, or keep keys in the encrypted file: aiex set config keys.store file",
    )


def open_keyring(platform: str = sys.platform) -> SystemKeyring | None:
    """The keyring of this system; None when `keyring` is not installed or none of the named back ends works here."""
    try:
        from keyring.backend import KeyringBackend
    except ImportError:
        return None
    for module, name in _BACK_ENDS.get(platform, ()):
        try:
            kind: type[KeyringBackend] = getattr(import_module(module), name)
            if kind.viable:
                return SystemKeyring(kind())
        except Exception:  # noqa: BLE001, S112  (back ends fail in ways of their own where they cannot work)
            continue
    return None
