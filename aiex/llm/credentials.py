"""What signs a request: found where a person keeps it, fresh when it is used, and for no other server than its own.

Looked for in this order: the environment, a kept key (the keyring, then the encrypted file), a sign-in
(`aiex login`), a command that prints the key. The first that is there counts.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from dataclasses import field
from typing import TYPE_CHECKING

from aiex.errors import NotSignedIn, Transient, Unavailable
from aiex.llm.visits import visit_freely
from aiex.llm.wire import NO_CREDENTIAL, Credential
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.guard.keys import KeyStore
    from aiex.llm.endpoints import Target
    from aiex.llm.oauth import Tokens
    from aiex.llm.visits import Visiting

COMMAND_WITHIN_S = 60.0
"""A password manager may wait for a finger on a sensor."""
REFRESH_LOCK_S = 90.0
"""Longer than one refresh by another process can take."""
_FOR_HELPERS = (
    *("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "GNUPGHOME"),
    *("PASSWORD_STORE_DIR", "VAULT_ADDR"),
)
"""What password managers need to find their data and to ask a person; none of it is secret."""


async def credential_for(target: Target, *, refused: bool = False, visit: Visiting = visit_freely) -> Credential:
    """What signs requests to `target` now; renewed first when it is about to expire.

    Call it before each request; `target.endpoint.credential` gives the same one then.

    Args:
        refused: The server just refused what this gave before, though it should be valid: renew it in any case.
        visit: Says whether the server that renews it may be asked, and keeps a record of it.

    Raises:
        Denied: if it must be renewed and the issuer may not be asked.
        NotSignedIn: if what is kept cannot be opened, the sign-in ended, or the command gives no key.
        StoreError: if the place where it is kept is damaged or locked.
        Unavailable, Transient: if it must be renewed and the issuer cannot be asked.
    """
    signer = target.endpoint.signer
    if target.endpoint.key or signer is None:
        return target.endpoint.credential
    return await signer.fresh(refused=refused, visit=visit)


@record
class Sources:
    """Where else than in the variable of the key something that signs may be found."""

    provider: str
    server: str
    """Scheme, host and port of the base URL."""
    store: Callable[[], KeyStore]
    """Opens nothing yet."""
    token: str = field(default="", repr=False)
    """A bearer token from the environment."""
    token_env: str = ""
    command: str = ""
    """Prints the key; set by a trusted source for this server."""


class Signer:
    """Finds what signs requests to one server, once, and keeps it fresh."""

    def __init__(self, sources: Sources, environ: Mapping[str, str]) -> None:
        self.sources = sources
        self._environ = environ
        self._found: Credential | None = None
        self._tokens: Tokens | None = None
        self.place = ""
        """Where it was found, in words."""
        self.elsewhere = ""
        """The server that a kept key or sign-in is for, when it is not this one."""

    @property
    def may_sign(self) -> bool:
        """Whether there is anything to try; opens nothing."""
        sources = self.sources
        names = () if sources.token or sources.command else self._kept_names()
        return bool(sources.token or sources.command or names)

    @property
    def secret(self) -> str:
        """What was found, for taking it out of words; empty while nothing was looked for."""
        return self._found.secret if self._found else ""

    @property
    def credential(self) -> Credential:
        """What was found last; looked for now if it was not yet. Raises NotSignedIn and StoreError."""
        if self._found is None:
            self._found = self._find()
        return self._found

    async def fresh(self, *, refused: bool = False, visit: Visiting = visit_freely) -> Credential:
        """The same, renewed when it is about to expire or was refused. Raises what `credential_for` raises."""
        if self._found is None:
            await self._look()
        if self._tokens is not None:
            self._tokens = await keep_fresh(
                self.sources.store(), self.sources.provider, self._tokens, refused=refused, visit=visit
            )
            self._found = _to_credential(self._tokens)
        return self.credential

    async def _look(self) -> None:
        """Look in a thread, unless a person may have to be asked: then Ctrl-C must reach the question."""
        from aiex.guard.keys import PASSPHRASE, is_at_terminal

        if is_at_terminal() and not self._environ.get(PASSPHRASE) and not self.sources.command:
            self._found = self._find()
        else:
            self._found = await asyncio.to_thread(self._find)

    def _find(self) -> Credential:
        sources = self.sources
        if sources.token:
            self.place = sources.token_env
            return Credential("bearer", sources.token)
        return self._find_kept() or self._find_by_command() or NO_CREDENTIAL

    def _kept_names(self) -> list[str]:
        places = self.sources.store().places()
        return [name for name in (f"key:{self.sources.provider}", login_name(self.sources.provider)) if name in places]

    def _find_kept(self) -> Credential | None:
        from aiex.guard.keys import find_key

        provider, server = self.sources.provider, self.sources.server
        names = self._kept_names()
        if f"key:{provider}" in names:
            store = self.sources.store()
            key = find_key(store, provider)
            if key and key.home == server:
                self.place = store.places().get(f"key:{provider}", "file")
                return Credential("key", key.secret)
            self.elsewhere = key.home if key else ""
        if login_name(provider) in names:
            tokens = load_tokens(self.sources.store(), provider)
            if tokens and tokens.home == server:
                self.place, self._tokens = "sign-in", tokens
                return _to_credential(tokens)
            self.elsewhere = self.elsewhere or (tokens.home if tokens else "")
        return None

    def _find_by_command(self) -> Credential | None:
        if not self.sources.command:
            return None
        self.place = "command"
        return Credential("key", run_key_command(self.sources.command, self.sources.provider, self._environ))


def _to_credential(tokens: Tokens) -> Credential:
    return Credential("bearer", tokens.access, dict(tokens.headers))


# --- the command ----------------------------------------------------------------------------------------------------


def run_key_command(command: str, provider: str, environ: Mapping[str, str]) -> str:
    """The first line that a command prints; it runs without a shell, outside any workspace, without our secrets.

    Raises:
        NotSignedIn: if it fails, takes too long, or prints no key.
    """
    from aiex import dirs
    from aiex.guard.keys import problem_with_key
    from aiex.guard.neutral import neutralise
    from aiex.guard.redact import redact
    from aiex.guard.sandbox.process import run

    where = f"providers.{provider}.api_key_command"
    try:
        argv = shlex.split(command, posix=sys.platform != "win32")
    except ValueError as error:
        raise NotSignedIn(f"cannot run {where}: {error}", hint="check its quotes") from error
    if not argv:
        raise NotSignedIn(f"cannot run {where}: it is empty")
    added = {name: environ[name] for name in _FOR_HELPERS if name in environ}
    folder = dirs.ensure(dirs.config_dir(environ))
    ended = run(argv, cwd=folder, timeout_s=COMMAND_WITHIN_S, limit_bytes=65_536, environ=added)
    if ended.timed_out:
        raise NotSignedIn(f"{where} gave no key within {COMMAND_WITHIN_S:g} s", hint="run it by hand to see why")
    if ended.code:
        said = ended.stderr.decode("utf-8", "replace").strip().split("\n")[-1][:200]
        words = f": {redact(neutralise(said), environ)}" if said else ""
        raise NotSignedIn(f"{where} failed (exit code {ended.code}){words}", hint="run it by hand to see why")
    lines = ended.stdout.decode("utf-8", "replace").strip().split("\n")
    key = lines[0].strip()
    if problem := problem_with_key(key):
        raise NotSignedIn(
            f"what {where} prints first is no key: {problem}", hint="run it by hand to see what it prints"
        )
    return key


# --- sign-ins -------------------------------------------------------------------------------------------------------


def login_name(provider: str) -> str:
    """The name under which the sign-in of a provider is kept."""
    return f"login:{provider}"


def load_tokens(store: KeyStore, provider: str) -> Tokens | None:
    """The kept sign-in; None when there is none. Raises what `KeyStore.find` raises."""
    from aiex.llm.oauth import Tokens

    text = store.find(login_name(provider))
    return None if text is None else Tokens.from_text(text)


def save_tokens(store: KeyStore, provider: str, tokens: Tokens) -> None:
    """Keep a sign-in, always in the encrypted file: it is written whole, and system keyrings take no long secrets."""
    store.keep(login_name(provider), tokens.to_text(), "file")


async def keep_fresh(
    store: KeyStore,
    provider: str,
    tokens: Tokens,
    *,
    refused: bool = False,
    now: Callable[[], float] = time.time,
    visit: Visiting = visit_freely,
) -> Tokens:
    """The sign-in, renewed where it is time, by one process and one task only; the others take what it got.

    Raises:
        NotSignedIn: if it ended; it is forgotten then.
        Denied: if it is time and the issuer may not be asked.
        Unavailable, Transient: if it is over and the issuer cannot be asked.
    """
    if not refused and not tokens.should_renew(now()):
        return tokens
    from aiex.guard.private import Lock
    from aiex.llm.oauth import SignedOut, renew

    async with Lock(lock_path(store, provider), within_s=REFRESH_LOCK_S):
        kept = load_tokens(store, provider)
        if kept is None:
            raise NotSignedIn(f"signed out of {provider}", hint=f"sign in again: aiex login {provider}")
        if kept.access != tokens.access and not kept.should_renew(now()):
            return kept
        if not kept.refresh:
            if refused or kept.is_over(now()):
                raise NotSignedIn(
                    f"the sign-in of {provider} is over, and cannot be renewed", hint=f"aiex login {provider}"
                )
            return kept
        try:
            fresh = await renew(kept, name=provider, visit=visit)
        except SignedOut as ended:
            store.forget(login_name(provider))
            raise NotSignedIn(ended.message, hint=f"sign in again: aiex login {provider}") from ended
        except (Transient, Unavailable):
            if refused or kept.is_over(now()):
                raise
            return kept
        save_tokens(store, provider, fresh)
        return fresh


def lock_path(store: KeyStore, provider: str) -> str:
    """What is locked while a sign-in is renewed or ended; a file name for any name of a provider."""
    from aiex.digest import fingerprint

    plain = provider.isascii() and provider.isalnum()
    name = provider if plain else fingerprint(provider.encode(), size_bytes=8)
    return os.path.join(store.folder, f"login-{name}.lock")
