"""Signing in by OAuth: authorization code with PKCE, device code, refresh and revocation.

Sources: RFC 6749, RFC 7636 (PKCE, S256 only), RFC 8252 (loopback redirect, literal 127.0.0.1), RFC 8628 (device code).
Nothing here keeps anything; `aiex.llm.credentials` does. No token, code or secret stands in any message.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiex.errors import AiexError, NotSignedIn, StoreError, Transient, Unavailable
from aiex.guard.neutral import neutralise
from aiex.llm.visits import SIGN_IN, visit_freely, visit_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiex.llm.visits import Visiting

SIGN_IN_S = 300.0
"""How long a person may take in the browser."""
WITHIN_S = 30.0
MOST_BYTES = 1024 * 1024
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_ENDED = frozenset(
    ("invalid_grant", "refresh_token_reused", "refresh_token_expired", "refresh_token_invalidated", "token_expired")
)
"""Errors of a refresh after which only signing in again helps."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs people in, and as what we are known there."""

    name: str
    """As shown to a person."""
    issuer: str
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    device_url: str = ""
    revoke_url: str = ""
    jwks_url: str = ""
    scopes: tuple[str, ...] = ()
    needs_scope: str = ""
    """Without this scope the sign-in is of no use."""
    resource: str = ""
    redirect_path: str = "/callback"
    redirect_port: int = 0
    asks: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of the authorization request."""
    registers_as: str = ""
    """The client id of a first sign-in, after which the issuer gives us one of our own."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What requests to the model carry beside the token."""
    place: str = "built in"
    """Where it was set."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What signing in gave, and what is needed to renew it; no secret shows in a representation."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    obtained_at: float
    """Seconds since 1970 by this machine's clock, before the request went out."""
    expires_at: float | None
    """None when the issuer did not say."""
    issuer: str
    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    revoke_url: str = ""
    resource: str = ""
    scope: str = ""
    home: str = ""
    """The only server that the token goes to."""
    subject: str = ""
    account: str = ""
    """Who signed in, for a person."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """For keeping where secrets are kept."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Tokens:
        """What `to_text` gave. Raises StoreError when it is something else."""
        try:
            found = cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise StoreError("what is kept of a sign-in cannot be read", hint="sign in again: aiex login") from error
        return found

    def should_renew(self, now: float) -> bool:
        """Whether it is time: 60 to 300 s before the end, or the clock was turned back since."""
        if self.expires_at is None:
            return False
        lifetime = self.expires_at - self.obtained_at
        margin = min(max(60.0, lifetime / 10), 300.0, max(lifetime / 2, 0.0))
        return now >= self.expires_at - margin or now < self.obtained_at - 60

    def is_over(self, now: float) -> bool:
        """Whether it is certainly of no use any more."""
        return self.expires_at is not None and now >= self.expires_at


class SignedOut(NotSignedIn):
    """The issuer does not know the sign-in any more."""


# --- authorization code ---------------------------------------------------------------------------------------------


class Attempt:
    """One sign-in by the browser: what was sent out, and whether what comes back belongs to it."""

    def __init__(self, issuer: Issuer, redirect_uri: str, *, visit: Visiting = visit_freely) -> None:
        """`visit` says whether a server of the issuer may be asked, and keeps a record of it."""
        self.issuer = issuer
        self._visit = visit
        self.redirect_uri = redirect_uri
        self.nonce = secrets.token_urlsafe(32)
        self._state = secrets.token_urlsafe(32)
        self._verifier = secrets.token_urlsafe(64)
        self._used = False

    @property
    def url(self) -> str:
        """Where the person signs in."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.issuer.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.issuer.scopes),
            "state": self._state,
            "nonce": self.nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"resource": self.issuer.resource} if self.issuer.resource else {}),
            **self.issuer.asks,
        }
        joint = "&" if urlsplit(self.issuer.authorize_url).query else "?"
        return f"{self.issuer.authorize_url}{joint}{urlencode(asked)}"

    def belongs(self, url: str) -> bool:
        """Whether a redirect carries the state of this sign-in."""
        given = _parameter(url, "state")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._state.encode())

    async def finish(self, url: str, home: str) -> Tokens:
        """Trade the code in a redirect for tokens that are for the server `home`; works once.

        Raises:
            NotSignedIn: if the redirect is not of this sign-in, the person or the issuer refused, or what came is not
                what was asked for.
            Denied: if the issuer may not be asked.
            Unavailable, Transient: if the issuer cannot be asked.
        """
        if self._used or not self.belongs(url):
            raise NotSignedIn("this answer does not belong to this sign-in", hint="run aiex login again")
        self._used = True
        if refusal := _parameter(url, "error"):
            words = _words(_parameter(url, "error_description") or refusal)
            raise NotSignedIn(f"{self.issuer.name} did not sign you in: {words}", hint="run aiex login again")
        code, issuer = _parameter(url, "code"), self._registered(url)
        if not code:
            raise NotSignedIn(f"{self.issuer.name} sent no code", hint="run aiex login again")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self._verifier,
        }
        return await _trade(issuer, form, home=home, nonce=self.nonce, visit=self._visit)

    def _registered(self, url: str) -> Issuer:
        """The issuer with the client that we are there from now on (RFC 6749 knows nothing of it; OpenAI's own)."""
        if not self.issuer.registers_as:
            return self.issuer
        given = _parameter(url, "client_id")
        if self.issuer.client_id != self.issuer.registers_as:
            if given and given != self.issuer.client_id:
                raise NotSignedIn(f"{self.issuer.name} answered for another registration", hint="run aiex login again")
            return self.issuer
        if not given or given == self.issuer.registers_as:
            raise NotSignedIn(f"{self.issuer.name} did not register this program", hint="run aiex login again")
        return replace(self.issuer, client_id=given)


def _parameter(url: str, name: str) -> str:
    """A parameter of a query that is there exactly once; else empty."""
    try:
        values = parse_qs(urlsplit(url).query, keep_blank_values=True).get(name, [])
    except ValueError:
        return ""
    return values[0] if len(values) == 1 else ""


# --- device code ----------------------------------------------------------------------------------------------------


async def sign_in_by_device(
    issuer: Issuer,
    home: str,
    show: Callable[[str, str], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
    visit: Visiting = visit_freely,
) -> Tokens:
    """Sign in on another device; `show` gets the address to open and the code to type there.

    Raises:
        NotSignedIn: if the issuer knows no such way, the person refused, or took too long.
        Denied: if the issuer may not be asked, by what `visit` says of each question.
        Unavailable, Transient: if the issuer cannot be asked.
    """
    if not issuer.device_url:
        raise NotSignedIn(f"{issuer.name} offers no sign-in by device code", hint="run aiex login without --device")
    form = {**_client(issuer), "scope": " ".join(issuer.scopes)}
    _, answer = await _post(issuer.device_url, form, issuer.name, place=issuer.place, visit=visit)
    code, user_code = str(answer.get("device_code", "")), _words(answer.get("user_code", ""))
    place = _words(answer.get("verification_uri") or answer.get("verification_url") or "")
    if not code or not user_code or not place.startswith(("https://", "http://127.0.0.1")):
        raise Unavailable(f"{issuer.name} answered the request for a device code with something else")
    show(place, user_code)
    wait, end = _seconds(answer.get("interval"), 5.0), now() + min(_seconds(answer.get("expires_in"), 900.0), 1800.0)
    while now() + wait < end:
        await sleep(wait)
        try:
            form = {"grant_type": DEVICE_GRANT, "device_code": code}
            return await _trade(issuer, form, home=home, nonce="", visit=visit)
        except _Refused as refused:
            if refused.code == "slow_down":
                wait += 5
            elif refused.code != "authorization_pending":
                raise
        except Transient:
            wait *= 2
    raise NotSignedIn("nobody signed in before the code expired", hint="run aiex login again")


def _seconds(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and 0 < value < 86_400 else otherwise


# --- tokens ---------------------------------------------------------------------------------------------------------


async def renew(tokens: Tokens, *, name: str, visit: Visiting = visit_freely) -> Tokens:
    """Fresh tokens for old ones; the refresh token may be another one then.

    Raises:
        SignedOut: if the issuer does not know the sign-in any more.
        Denied: if the issuer may not be asked.
        Unavailable, Transient: if the issuer cannot be asked.
    """
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh, "client_id": tokens.client_id}
    if tokens.client_secret:
        form["client_secret"] = tokens.client_secret
    if tokens.resource:
        form["resource"] = tokens.resource
    asked_at = time.time()
    try:
        _, answer = await _post(tokens.token_url, form, name, place=_place_of(name), visit=visit)
    except _Refused as refused:
        if refused.code in _ENDED:
            raise SignedOut(f"the sign-in at {name} ended", hint="sign in again: aiex login") from refused
        raise
    return replace(
        tokens,
        access=_require_access(answer, name),
        refresh=str(answer.get("refresh_token") or tokens.refresh),
        obtained_at=asked_at,
        expires_at=_end(asked_at, answer),
        scope=str(answer.get("scope") or tokens.scope),
    )


async def revoke(tokens: Tokens, *, name: str, visit: Visiting = visit_freely) -> bool:
    """Tell the issuer that the sign-in is over (RFC 7009); False when it cannot be told, or may not."""
    if not tokens.revoke_url:
        return False
    form = {"token": tokens.refresh or tokens.access, "client_id": tokens.client_id}
    if tokens.client_secret:
        form["client_secret"] = tokens.client_secret
    try:
        await _post(tokens.revoke_url, form, name, needs_json=False, place=_place_of(name), visit=visit)
    except AiexError:
        return False
    return True


def _place_of(name: str) -> str:
    return f"the sign-in of {name}"


async def _trade(issuer: Issuer, form: Mapping[str, str], *, home: str, nonce: str, visit: Visiting) -> Tokens:
    """Tokens for a code, checked."""
    asked_at = time.time()
    resource = {"resource": issuer.resource} if issuer.resource else {}
    whole = {**form, **_client(issuer), **resource}
    their_time, answer = await _post(issuer.token_url, whole, issuer.name, place=issuer.place, visit=visit)
    granted = str(answer.get("scope") or " ".join(issuer.scopes))
    if issuer.needs_scope and issuer.needs_scope not in granted.split():
        raise NotSignedIn(
            f"{issuer.name} did not allow what is needed ({issuer.needs_scope})",
            hint="sign in again and allow it, or use a key: aiex set key",
        )
    claims = await _identify(issuer, answer, nonce, their_time or asked_at, visit)
    return Tokens(
        access=_require_access(answer, issuer.name),
        refresh=str(answer.get("refresh_token") or ""),
        obtained_at=asked_at,
        expires_at=_end(asked_at, answer),
        issuer=issuer.issuer,
        token_url=issuer.token_url,
        client_id=issuer.client_id,
        client_secret=issuer.client_secret,
        revoke_url=issuer.revoke_url,
        resource=issuer.resource,
        scope=granted,
        home=home,
        subject=str(claims.get("sub", "")),
        account=_words(claims.get("email") or claims.get("name") or ""),
        headers=dict(issuer.headers),
    )


async def _identify(
    issuer: Issuer, answer: Mapping[str, Any], nonce: str, now: float, visit: Visiting
) -> dict[str, Any]:
    """Who signed in, where the issuer says so; required where `openid` was asked for."""
    token = answer.get("id_token")
    if "openid" not in issuer.scopes:
        return {}
    if not isinstance(token, str) or not token or not issuer.jwks_url:
        raise NotSignedIn(f"{issuer.name} did not say who signed in", hint="run aiex login again")
    from aiex.llm.http import ask_issuer
    from aiex.llm.idtoken import read_identity

    async with visit_url(visit, issuer.jwks_url, issuer.place, SIGN_IN):
        status, _, body = await ask_issuer(issuer.jwks_url, None, within_s=WITHIN_S, limit_bytes=MOST_BYTES)
        keys = read_json(body)
        if status != 200 or not isinstance(keys.get("keys"), list):
            raise Unavailable(f"{issuer.name} does not show the keys that it signs with ({issuer.jwks_url})")
    who = {"issuer": issuer.issuer, "client_id": issuer.client_id}
    # A device has no nonce to bind: RFC 8628 knows none, and the code came straight from the issuer.
    return read_identity(token, keys, **who, nonce=nonce, now=now)


def _client(issuer: Issuer) -> dict[str, str]:
    secret = {"client_secret": issuer.client_secret} if issuer.client_secret else {}
    return {"client_id": issuer.client_id, **secret}


def _require_access(answer: Mapping[str, Any], name: str) -> str:
    from aiex.guard.keys import problem_with_key

    token, kind = answer.get("access_token"), str(answer.get("token_type", "bearer"))
    if not isinstance(token, str) or problem_with_key(token) or kind.lower() != "bearer":
        raise Unavailable(f"{name} answered with something else than a bearer token")
    return token


def _end(asked_at: float, answer: Mapping[str, Any]) -> float | None:
    lifetime = answer.get("expires_in")
    return asked_at + float(lifetime) if isinstance(lifetime, int | float) and lifetime >= 0 else None


# --- asking the issuer ----------------------------------------------------------------------------------------------


class _Refused(NotSignedIn):
    """The issuer refused; `code` is its word for why."""

    def __init__(self, message: str, *, hint: str, code: str, status: int) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


async def _post(
    url: str, form: Mapping[str, str], name: str, *, place: str, visit: Visiting, needs_json: bool = True
) -> tuple[float | None, dict[str, Any]]:
    """The time by the issuer's clock, and its answer; `place` is where the address was set."""
    from aiex.llm.http import ask_issuer

    async with visit_url(visit, url, place, SIGN_IN):
        status, headers, body = await ask_issuer(url, form, within_s=WITHIN_S, limit_bytes=MOST_BYTES)
        answer = read_json(body)
        if status >= 400:
            raise _to_error(status, answer, name, tuple(form.values()))
        if status != 200 or (needs_json and not answer):
            raise Unavailable(f"{name} answered with something else (HTTP {status} from {url.partition('?')[0]})")
    return _their_time(headers), answer


def _to_error(status: int, answer: Mapping[str, Any], name: str, sent: tuple[str, ...]) -> AiexError:
    """What a status from 400 on means; nothing that was sent stands in its words."""
    if status >= 500 or status in (408, 429):
        return Transient(f"{name} cannot sign you in now (HTTP {status})", hint="try again later", kind="server_error")
    error = answer.get("error")
    code = str(error.get("code") if isinstance(error, dict) else error or "")
    words = _words(answer.get("error_description") or code or f"HTTP {status}", sent)
    return _Refused(f"{name} refused: {words}", hint="run aiex login again", code=code, status=status)


def _their_time(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one when it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(said: object, secret: tuple[str, ...] = ()) -> str:
    """What the issuer says, fit for a terminal, short, and without anything we sent."""
    text = str(said)
    for value in secret:
        text = text.replace(value, "…") if len(value) >= 12 else text
    return neutralise(" ".join(text.split()))[:200]
