"""Whom `aiex login` may ask: OpenAI for its plans, Google for a client of one's own, and issuers that are configured.

Sources (November 2026): developers.openai.com/siwc/token-sharing-open-source/sign-in; OpenID Connect Discovery 1.0;
ai.google.dev/gemini-api/docs/oauth; code.claude.com/docs/en/legal-and-compliance (no sign-in for other programs).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiex.errors import ConfigError, NotSignedIn, Unavailable
from aiex.llm.oauth import Issuer
from aiex.llm.visits import SIGN_IN, visit_freely, visit_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.llm.visits import Visiting
    from aiex.settings import Settings

OPENAI_ISSUER = "https://auth.openai.com"
OPENAI_SERVER = "https://api.openai.com"
GOOGLE_ISSUER = "https://accounts.google.com"
GOOGLE_SERVER = "https://generativelanguage.googleapis.com"
_DISCOVERY = "/.well-known/openid-configuration"
_OWN_MACHINE = ("127.0.0.1", "::1", "localhost")


def openai(issuer: str = OPENAI_ISSUER, *, host_id: str, client_id: str = "", port: int = 1455) -> Issuer:
    """Sign in with ChatGPT for open-source programs: a plan pays for requests to the Responses API.

    Args:
        host_id: Tells this machine from others, always the same (`urn:uuid:…`).
        client_id: What an earlier sign-in was given; empty for the first.
    """
    first = "dynamic_agent_client"
    return Issuer(
        name="OpenAI",
        issuer=issuer,
        authorize_url=f"{issuer}/api/accounts/authorize",
        token_url=f"{issuer}/api/accounts/oauth/token",
        revoke_url=f"{issuer}/api/accounts/oauth/revoke",
        jwks_url=f"{issuer}/.well-known/jwks.json",
        client_id=client_id or first,
        registers_as=first,
        scopes=("openid", "profile", "email", "offline_access", "resource.invoke", "chatgpt.tokens.use.direct"),
        needs_scope="chatgpt.tokens.use.direct",
        resource="https://api.openai.com/v1",
        redirect_path="/auth/callback",
        redirect_port=port,
        asks={"ext_agent_host_id": host_id, **({} if client_id else {"agent_name_hint": "Aiex"})},
    )


def google(environ: Mapping[str, str]) -> Issuer:
    """Google with the client of a Cloud project of one's own; those of other programs are not for us.

    Raises:
        NotSignedIn: if no client is named.
        ConfigError: if the redirect address is not one of this machine.
    """
    client_id = environ.get("GEMINI_OAUTH_CLIENT_ID", "").strip()
    if not client_id:
        raise NotSignedIn(
            "signing in at Google needs a client of your own Cloud project",
            hint="create one of the type Desktop app, and set GEMINI_OAUTH_CLIENT_ID and GEMINI_OAUTH_CLIENT_SECRET;"
            " a key is simpler: aiex set key gemini",
        )
    issuer = Issuer(
        name="Google",
        issuer=GOOGLE_ISSUER,
        authorize_url=f"{GOOGLE_ISSUER}/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106  (an address)
        revoke_url="https://oauth2.googleapis.com/revoke",
        client_id=client_id,
        client_secret=environ.get("GEMINI_OAUTH_CLIENT_SECRET", "").strip(),
        scopes=(
            "https://www.googleapis.com/auth/cloud-platform",
            "https://www.googleapis.com/auth/generative-language.retriever",
        ),
        asks={"access_type": "offline", "prompt": "consent"},
        headers=_charged(environ),
    )
    return _redirected(issuer, environ, "GEMINI_OAUTH_REDIRECT_URI")


def _charged(environ: Mapping[str, str]) -> dict[str, str]:
    project = environ.get("GEMINI_USER_PROJECT", "").strip()
    if project and not re.fullmatch(r"[A-Za-z0-9:._-]{1,100}", project):
        raise ConfigError("cannot use GEMINI_USER_PROJECT: it is not the id of a project")
    return {"x-goog-user-project": project} if project else {}


async def find_issuer(
    settings: Settings,
    provider: str,
    server: str,
    environ: Mapping[str, str],
    *,
    known: Mapping[str, str],
    visit: Visiting = visit_freely,
) -> Issuer:
    """Who signs people in for a provider.

    Args:
        server: Scheme, host and port of the provider's base URL.
        known: What was kept of earlier sign-ins: `host_id`, and `client_id` where there was one.
        visit: Says whether the issuer may be asked about itself, and keeps a record of it.

    Raises:
        Denied: if the issuer may not be asked.
        NotSignedIn: if there is no way to sign in there.
        ConfigError: if the issuer's address or the redirect address cannot be used.
        Unavailable, Transient: if the issuer cannot be asked about itself.
    """
    configured = str(settings.get(f"providers.{provider}.oauth_issuer"))
    if configured:
        return await _configured(settings, provider, configured.rstrip("/"), environ, visit)
    if provider == "openai" and server == OPENAI_SERVER:
        client_id = environ.get("OPENAI_OAUTH_CLIENT_ID", "").strip() or known.get("client_id", "")
        issuer = openai(host_id=known["host_id"], client_id=client_id)
        moved = _redirected(issuer, environ, "OPENAI_REDIRECT_URI")
        if moved.redirect_path != issuer.redirect_path:
            raise ConfigError("cannot use OPENAI_REDIRECT_URI: only its port may be another", hint=_REDIRECT_HINT)
        return moved
    if provider == "gemini" and server == GOOGLE_SERVER:
        return google(environ)
    raise NotSignedIn(f"{provider} ({server}) has no sign-in for Aiex", hint=_no_way(provider))


def _no_way(provider: str) -> str:
    key = f"use a key: aiex set key {provider}"
    if provider == "anthropic":
        return f"Anthropic offers it to its own programs only; {key}"
    return f"{key}; for a server with an issuer of its own: aiex set config providers.{provider}.oauth_issuer URL"


async def _configured(
    settings: Settings, provider: str, address: str, environ: Mapping[str, str], visit: Visiting
) -> Issuer:
    place = settings.origin(f"providers.{provider}.oauth_issuer").place
    _require_safe(address, f"providers.{provider}.oauth_issuer ({place})")
    client_id = str(settings.get(f"providers.{provider}.oauth_client_id"))
    if provider == "anthropic":
        client_id = environ.get("ANTHROPIC_CLIENT_ID", "").strip() or client_id
    if not client_id:
        raise NotSignedIn(
            f"nothing says as which client to sign in at {address}",
            hint=f"aiex set config providers.{provider}.oauth_client_id ID",
        )
    scopes = tuple(settings.get(f"providers.{provider}.oauth_scopes"))
    issuer = await discover(address, client_id, scopes, place=place, visit=visit)
    return _redirected(issuer, environ, "ANTHROPIC_REDIRECT_URI") if provider == "anthropic" else issuer


async def discover(
    address: str, client_id: str, scopes: tuple[str, ...], *, place: str = "", visit: Visiting = visit_freely
) -> Issuer:
    """What an issuer says of itself; `place` is where its address was set.

    Raises:
        Denied: if it may not be asked.
        Unavailable, Transient: if it cannot be asked, says something else, or names other or unsafe addresses.
    """
    from aiex.llm.http import ask_issuer
    from aiex.llm.oauth import MOST_BYTES, WITHIN_S, read_json

    url = address + _DISCOVERY
    async with visit_url(visit, url, place, SIGN_IN):
        status, _, body = await ask_issuer(url, None, within_s=WITHIN_S, limit_bytes=MOST_BYTES)
        said = read_json(body)
        if status != 200 or str(said.get("issuer", "")).rstrip("/") != address:
            raise Unavailable(f"{url} does not describe this issuer (HTTP {status})", hint="check the address")

    def read(name: str, *, required: bool = False) -> str:
        found = str(said.get(name) or "")
        if found or required:
            _require_safe(found, f"{name} in {url}")
        return found

    return Issuer(
        name=urlsplit(address).netloc,
        issuer=str(said["issuer"]),
        authorize_url=read("authorization_endpoint", required=True),
        token_url=read("token_endpoint", required=True),
        device_url=read("device_authorization_endpoint"),
        revoke_url=read("revocation_endpoint"),
        jwks_url=read("jwks_uri"),
        client_id=client_id,
        scopes=scopes,
        place=place,
    )


def _require_safe(address: str, what: str) -> None:
    """Secrets go through https, or stay on this machine."""
    try:
        parts = urlsplit(address)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _OWN_MACHINE)
        is_safe = is_safe and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_safe = False
    if not is_safe:
        raise ConfigError(f"cannot use {what}: it is not an https address", hint="secrets would travel in the open")


_REDIRECT_HINT = "write it like http://127.0.0.1:1455/auth/callback"


def _redirected(issuer: Issuer, environ: Mapping[str, str], variable: str) -> Issuer:
    """The issuer with the redirect address of a variable, where that is set."""
    given = environ.get(variable, "").strip()
    if not given:
        return issuer
    try:
        parts = urlsplit(given)
        fits = parts.scheme == "http" and parts.hostname == "127.0.0.1" and bool(parts.port) and parts.path[:1] == "/"
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(f"cannot use {variable}: it is no address of this machine", hint=_REDIRECT_HINT)
    return replace(issuer, redirect_path=parts.path, redirect_port=parts.port or 0)
