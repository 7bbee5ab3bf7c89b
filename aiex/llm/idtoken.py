"""Identity tokens: whether an issuer really signed one, for us, now, in answer to this sign-in.

Source of the checks: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

from aiex.errors import NotSignedIn

if TYPE_CHECKING:
    from collections.abc import Mapping

LEEWAY_S = 300.0
"""How far two clocks may be apart."""
_HINT = "sign in again; nothing was kept"


def read_identity(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """The claims of an identity token whose signature, issuer, audience, times and nonce are right.

    Args:
        keys: The issuer's JSON Web Key Set.
        now: Seconds since 1970, by the issuer's clock where it is known.

    Raises:
        NotSignedIn: if anything is not right; nothing of the token is in the message.
    """
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        signed, given = f"{head}.{body}".encode(), _decode(signature)
        key = _find_key(keys, header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _wrong("it cannot be read") from error
    _require_signature(header.get("alg"), key, signed, given)
    if not isinstance(claims, dict):
        raise _wrong("it cannot be read")
    _require_claims(claims, issuer=issuer, client_id=client_id, nonce=nonce, now=now)
    return claims


def _wrong(reason: str, hint: str = _HINT) -> NotSignedIn:
    return NotSignedIn(f"the identity that came with the sign-in is not accepted: {reason}", hint=hint)


def _require_claims(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer:
        raise _wrong(f"it is not from {issuer}")
    if client_id not in audiences or (len(audiences) > 1 and claims.get("azp", client_id) != client_id):
        raise _wrong("it is meant for another program")
    expires, issued = claims.get("exp"), claims.get("iat", now)
    if not isinstance(expires, int | float) or not isinstance(issued, int | float):
        raise _wrong("it does not say how long it is valid")
    if expires < now - LEEWAY_S or issued > now + LEEWAY_S:
        raise _wrong("it is not valid now", "check the clock of this machine, then sign in again")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise _wrong("it belongs to another sign-in")


def _find_key(keys: Mapping[str, Any], header: Mapping[str, Any]) -> Mapping[str, Any]:
    """The key that the header names; the only one when it names none. Raises KeyError."""
    known: list[Mapping[str, Any]] = [key for key in keys["keys"] if key.get("use", "sig") == "sig"]
    named = [key for key in known if key.get("kid") == header["kid"]] if "kid" in header else known
    if len(named) != 1:
        raise KeyError("kid")
    return named[0]


def _require_signature(algorithm: object, key: Mapping[str, Any], signed: bytes, given: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    check = {("RS256", "RSA"): _check_rsa, ("ES256", "EC"): _check_curve}.get((str(algorithm), str(key.get("kty"))))
    if check is None:
        raise _wrong("it is signed in a way that is not accepted")
    try:
        check(key, signed, given)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _wrong("its signature is wrong") from error


def _check_rsa(key: Mapping[str, Any], signed: bytes, given: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    public = RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    if public.key_size < 2048:
        raise ValueError("too short")
    public.verify(given, signed, PKCS1v15(), SHA256())


def _check_curve(key: Mapping[str, Any], signed: bytes, given: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    if key["crv"] != "P-256" or len(given) != 64:
        raise ValueError("curve")
    point = EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), SECP256R1()).public_key()
    halves = int.from_bytes(given[:32], "big"), int.from_bytes(given[32:], "big")
    point.verify(encode_dss_signature(*halves), signed, ECDSA(SHA256()))


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
