"""One sign-in from beginning to end: by the browser on this machine, by a pasted address, or by a device code."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiex.llm.credentials import load_tokens, login_name, save_tokens
from aiex.llm.loopback import HOST, Listener
from aiex.llm.oauth import SIGN_IN_S, Attempt, Issuer, Tokens, revoke
from aiex.llm.visits import visit_freely

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiex.guard.keys import KeyStore
    from aiex.llm.visits import Visiting

_PASTE_PORT = 1455
"""Stands in the redirect address when nobody listens there: the browser shows an error page, and its address counts."""


async def sign_in_by_browser(
    issuer: Issuer,
    home: str,
    show: Callable[[str], None],
    *,
    within_s: float = SIGN_IN_S,
    visit: Visiting = visit_freely,
) -> Tokens:
    """Wait for the browser to come back; `show` gets the address to open. Raises what `Attempt.finish` raises."""
    attempt: Attempt | None = None

    def belongs(url: str) -> bool:
        return attempt is not None and attempt.belongs(url)

    async with Listener(issuer.redirect_path, belongs, issuer.redirect_port) as listener:
        attempt = Attempt(issuer, listener.redirect_uri, visit=visit)
        show(attempt.url)
        return await attempt.finish(await listener.answer(within_s), home)


async def sign_in_by_paste(
    issuer: Issuer,
    home: str,
    show: Callable[[str], None],
    read: Callable[[], Awaitable[str]],
    *,
    visit: Visiting = visit_freely,
) -> Tokens:
    """Take the address to which the browser was sent from the person; for machines without a browser.

    Raises what `Attempt.finish` raises.
    """
    port = issuer.redirect_port or _PASTE_PORT
    attempt = Attempt(issuer, f"http://{HOST}:{port}{issuer.redirect_path}", visit=visit)
    show(attempt.url)
    return await attempt.finish((await read()).strip(), home)


def known_of(store: KeyStore, provider: str) -> dict[str, str]:
    """What earlier sign-ins left: `host_id`, made now if there is none, and `client_id` where one was given to us."""
    text = store.find(_known_name(provider))
    try:
        known = {str(name): str(value) for name, value in json.loads(text or "{}").items()}
    except (ValueError, AttributeError):
        known = {}
    if "host_id" not in known:
        import uuid

        known["host_id"] = f"urn:uuid:{uuid.uuid4()}"
        store.keep(_known_name(provider), json.dumps(known), "file")
    return known


def keep_sign_in(store: KeyStore, provider: str, tokens: Tokens, issuer: Issuer) -> None:
    """Keep the tokens, and the registration that the next sign-in uses."""
    save_tokens(store, provider, tokens)
    if issuer.registers_as:
        known = known_of(store, provider) | {"client_id": tokens.client_id}
        store.keep(_known_name(provider), json.dumps(known), "file")


async def sign_out(store: KeyStore, provider: str, *, visit: Visiting = visit_freely) -> tuple[bool, bool]:
    """Forget the sign-in and tell the issuer; whether there was one, and whether the issuer knows."""
    from aiex.guard.private import Lock
    from aiex.llm.credentials import REFRESH_LOCK_S, lock_path

    if await asyncio.to_thread(store.find, login_name(provider)) is None:
        return False, False
    async with Lock(lock_path(store, provider), within_s=REFRESH_LOCK_S):
        tokens = load_tokens(store, provider)
        store.forget(login_name(provider))
    return True, tokens is not None and await revoke(tokens, name=provider, visit=visit)


def _known_name(provider: str) -> str:
    return f"known:{provider}"
