"""An issuer on loopback that signs people in: authorization code with PKCE, device code, rotating refresh tokens, JWKS.

with FakeIssuer() as issuer:
    issuer.expires_in = 30                   # seconds that the next access token is valid
    issuer.errors.append("invalid_grant")    # the answer to the next request for a token
    ... sign in at issuer.url ...
    assert issuer.granted("refresh_token") == 1

It is strict: a code works once, with its verifier and redirect address; a refresh token works once, and its second use
ends the sign-in; a client must be known.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT = "aiex-test-client"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_CURVE = ec.generate_private_key(ec.SECP256R1())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def key_set() -> dict[str, Any]:
    """The public halves of the keys that identity tokens are signed with."""
    shown, point = _RSA.public_key().public_numbers(), _CURVE.public_key().public_numbers()
    return {
        "keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": _number(shown.n), "e": _number(shown.e)},
            {"kty": "EC", "kid": "curve", "crv": "P-256", "x": _text(point.x.to_bytes(32, "big")),
             "y": _text(point.y.to_bytes(32, "big"))},
        ]
    }  # fmt: skip


def sign_identity(claims: dict[str, Any], algorithm: str = "RS256", **header: Any) -> str:
    """An identity token, signed by the key of that algorithm; `none` leaves it unsigned."""
    head = {"alg": algorithm, "kid": "rsa" if algorithm == "RS256" else "curve", **header}
    signed = f"{_text(json.dumps(head).encode())}.{_text(json.dumps(claims).encode())}"
    signature = b""
    if algorithm == "RS256":
        signature = _RSA.sign(signed.encode(), padding.PKCS1v15(), SHA256())
    elif algorithm == "ES256":
        halves = decode_dss_signature(_CURVE.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = b"".join(half.to_bytes(32, "big") for half in halves)
    return f"{signed}.{_text(signature)}"


class FakeIssuer:
    """Says yes to everybody who asks in the right form."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and form (or query) of each, in order."""
        self.errors: list[str] = []
        """Each is the answer to one request for a token; `500` is a failure of the server."""
        self.expires_in: int | None = 3600
        self.scope: str | None = None
        """What is granted; None for what was asked."""
        self.ahead_s = 0.0
        """How far this issuer's clock is ahead of ours."""
        self.claims: dict[str, Any] = {}
        """Laid over the claims of identity tokens."""
        self.algorithm = "RS256"
        self.pending = 0
        """How many times a device is told to wait."""
        self.refuses = ""
        """The error that the browser comes back with."""
        self.registers = False
        """Gives a client id of its own to who comes as `dynamic_agent_client`, as OpenAI does."""
        self.clients = {CLIENT}
        self.refresh_tokens: dict[str, str] = {}
        """Those that work now, and their scope."""
        self._codes: dict[str, dict[str, str]] = {}
        self._devices: dict[str, str] = {}
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"issuer": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The issuer, as it names itself."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def granted(self, grant: str) -> int:
        """How often tokens were asked for in this way."""
        return sum(form.get("grant_type") == grant for _, form in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    # --- what is answered -------------------------------------------------------------------------------------------

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON."""
        with self._lock:
            self.requests.append((path, form))
            match path:
                case "/.well-known/openid-configuration":
                    return 200, {}, self._describe()
                case "/jwks" | "/.well-known/jwks.json":
                    return 200, {}, key_set()
                case "/authorize" | "/api/accounts/authorize":
                    return self._authorize(form)
                case "/device":
                    return self._begin_device(form)
                case "/token" | "/api/accounts/oauth/token":
                    return self._trade(form)
                case "/revoke" | "/api/accounts/oauth/revoke":
                    self.refresh_tokens.pop(form.get("token", ""), None)
                    return 200, {}, {}
            return 404, {}, {"error": "not_found"}

    def _describe(self) -> dict[str, Any]:
        places = {"authorization": "authorize", "token": "token", "device_authorization": "device"}
        said = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in places.items()}
        return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", "revocation_endpoint": f"{self.url}/revoke", **said}

    def _authorize(self, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        back, client = query.get("redirect_uri", ""), query.get("client_id", "")
        is_first = self.registers and client == "dynamic_agent_client"
        if not back.startswith("http://127.0.0.1:") or not (is_first or client in self.clients):
            return 400, {}, {"error": "invalid_request"}
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return 400, {}, {"error": "invalid_request"}
        given = {"state": query.get("state", "")}
        if self.refuses:
            given |= {"error": self.refuses, "error_description": "No, thank you.\x1b[31m"}
            return 302, {"location": f"{back}?{urlencode(given)}"}, {}
        if is_first:
            query = {**query, "client_id": f"oaiapp_{secrets.token_hex(8)}"}
            self.clients.add(query["client_id"])
            given["client_id"] = query["client_id"]
        given["code"] = secrets.token_urlsafe(24)
        self._codes[given["code"]] = query
        return 302, {"location": f"{back}?{urlencode(given)}"}, {}

    def _begin_device(self, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        code = secrets.token_urlsafe(24)
        self._devices[code] = form.get("scope", "")
        shown = {"user_code": "ABCD-1234", "verification_uri": f"{self.url}/activate"}
        return 200, {}, {"device_code": code, **shown, "interval": 5, "expires_in": 600}

    def _trade(self, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if self.errors:
            error = self.errors.pop(0)
            # As some real ones do, it repeats what it was sent.
            said = f"{error}: {form.get('refresh_token', '')}{form.get('code', '')}"
            return (500, {}, {}) if error == "500" else (400, {}, {"error": error, "error_description": said})
        if form.get("client_id") not in self.clients:
            return 401, {}, {"error": "invalid_client"}
        match form.get("grant_type"):
            case "authorization_code":
                return self._trade_code(form)
            case "refresh_token":
                scope = self.refresh_tokens.pop(form.get("refresh_token", ""), None)
                return self._refuse("invalid_grant") if scope is None else self._grant(form["client_id"], scope, "")
            case kind if kind == DEVICE_GRANT:
                if self.pending:
                    self.pending -= 1
                    return self._refuse("authorization_pending")
                scope = self._devices.pop(form.get("device_code", ""), None)
                return self._refuse("expired_token") if scope is None else self._grant(form["client_id"], scope, "")
        return self._refuse("unsupported_grant_type")

    def _trade_code(self, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if asked is None or asked["code_challenge"] != _text(digest):
            return self._refuse("invalid_grant")
        if (asked["redirect_uri"], asked["client_id"]) != (form.get("redirect_uri"), form["client_id"]):
            return self._refuse("invalid_grant")
        return self._grant(form["client_id"], asked.get("scope", ""), asked.get("nonce", ""))

    def _refuse(self, error: str) -> tuple[int, dict[str, str], Any]:
        return 400, {}, {"error": error}

    def _grant(self, client: str, asked_scope: str, nonce: str) -> tuple[int, dict[str, str], Any]:
        scope = asked_scope if self.scope is None else self.scope
        refresh, now = f"refresh-{secrets.token_urlsafe(24)}", time.time() + self.ahead_s
        self.refresh_tokens[refresh] = scope
        answer = {"access_token": f"access-{secrets.token_urlsafe(24)}", "token_type": "Bearer", "scope": scope,
                  "refresh_token": refresh}  # fmt: skip
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in  # type: ignore[assignment]
        if "openid" in scope.split():
            claims = {"iss": self.url, "aud": client, "sub": "ada", "email": "ada@example.org", "iat": int(now),
                      "exp": int(now) + 600, **({"nonce": nonce} if nonce else {}), **self.claims}  # fmt: skip
            answer["id_token"] = sign_identity(claims, self.algorithm)
        return 200, {}, answer


class _Handler(BaseHTTPRequestHandler):
    issuer: FakeIssuer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.issuer.ahead_s, usegmt=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self._answer(parts.path, parts.query)

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        assert self.headers.get("content-type") == "application/x-www-form-urlencoded"
        self._answer(self.path, form)

    def _answer(self, path: str, form: str) -> None:
        read = {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
        status, headers, value = self.issuer.answer(path, read)
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, said in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, said)
        self.end_headers()
        self.wfile.write(body)
