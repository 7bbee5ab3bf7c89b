"""What the name of a field says about its value: nothing, perhaps a secret, a secret, a password."""

from enum import IntEnum
from functools import lru_cache

from aiex.patterns import late

_to_words = str.split

SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTH", "COOKIE")
"""A variable or an option with one of these in its name may hold a secret, and does not reach a child process."""

PARTS_OF_NAMES = "pass|pwd|secret|token|key|auth|cred|psk|senha|contrase|kennw|oord"
"""A choice for a pattern without regard to case: one of them is in every name of a short secret."""


class Strength(IntEnum):
    """How much a name promises that its value is secret."""

    NONE = 0
    WEAK = 1
    """Only a value that looks random is secret, and no hash or unique id: `key`, `auth`."""
    DRAWN = 2
    """The same, and what has the form of a hash or a unique id too: `signature`, `session_id`."""
    STRONG = 3
    """Every literal value is secret: `api_key`, `token`."""
    PASSWORD = 4
    """Every literal value is secret, ordinary words too: `password`."""


_SEGMENT = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_QUALIFIERS = frozenset(
    _to_words(
        "prod production dev development test testing staging stage local old new current previous primary secondary "
        "base64 b value val string str text plain plaintext raw env default live sandbox data base hex bytes"
    )
)
"""They say which secret or in which form, not what else it is; numbers count as such too."""
_ABOUT = frozenset(
    _to_words(
        "id ids name names path file files filename dir url uri link endpoint host port length len size count num "
        "number type kind ttl expires expiry expiration expire at age date time timeout policy policies field fields "
        "hint prompt label placeholder regex pattern min max limit required enabled disabled optional reset version "
        "algorithm alg format prefix suffix status state code error errors message msg title description manager "
        "store provider factory service class ref refs reference stdin strength rotation rules rule config index "
        "usage budget cost word words map list set sets source arn selector column scope scopes issuer attempts "
        "history present valid"
    )
)
"""As the last word they say that the value is something about a secret, not the secret."""
_PASSWORDS = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "kennwort",
    "wachtwoord",
    "motdepasse",
    "contrasena",
    "senha",
    "psk",
    "secret",
    "pwd",
)
_PASSWORD_WORDS = frozenset(
    _to_words(
        "pass pw passwords pword userpass requirepass bindpw masterauth rootpw mypass dbpass sqlpass sshpass smtppass "
        "mailpass ftppass rootpass adminpass"
    )
)
_KEY_OWNERS = frozenset(
    _to_words(
        "api access secret private priv auth authentication authorization encryption encrypt encrypted decryption "
        "signing sign signature master account shared storage service admin license deploy deployment ssh rsa ec dsa "
        "aes hmac jwt jwk session cipher client consumer crypt crypto app application subscription gpg pgp webhook "
        "bot ingest preshared root pre server user integration write functions function maps wireguard tls ssl kms "
        "data seal unseal recovery"
    )
)
_OPEN_KEYS = frozenset(_to_words("public pub publishable primary foreign idempotency known host hot short shortcut"))
_WEAK = frozenset(["keys", "tokens", "auth", "auths", "creds", "hash", "code", "nonce", "cookie"])
_DRAWN = frozenset(
    _to_words(
        "session sessionid sess sid jwt bearer otp hmac xsrf csrf sessid phpsessid jsessionid assertion saml ticket"
    )
)
_NOT_ALONE = frozenset(["hash", "code", "nonce", "state", "id"])
"""Weak only beside a word that says secret."""
_KEY_ENDS = ("apikey", "secretkey", "accesskey", "privatekey", "authkey", "masterkey", "accountkey", "signingkey")


@lru_cache(maxsize=4096)
def strength_of(name: str) -> Strength:
    """What a value of this name is; the name may be in any case and with any separators."""
    words = [word.lower() for word in _SEGMENT.findall(name)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _QUALIFIERS):
        words.pop()
    if not words:
        return Strength.NONE
    last = words[-1]
    if last == "passe" and words[-3:-1] == ["mot", "de"]:
        return Strength.PASSWORD
    if any(word.endswith("contrase") for word in words):
        return Strength.NONE if last in _ABOUT else Strength.PASSWORD
    if last.endswith(_PASSWORDS) or last in _PASSWORD_WORDS:
        return Strength.PASSWORD
    if last.endswith("token"):
        return Strength.STRONG
    if last.endswith("key"):
        return _strength_of_key(words)
    if last == "id" and len(words) > 1 and words[-2] in {"session", "sess"}:
        return Strength.DRAWN
    if last in _ABOUT:
        return Strength.NONE
    if last in {"secrets", "credential", "credentials"}:
        return Strength.STRONG
    if last in _NOT_ALONE:
        beside = any(strength_of(word) >= Strength.STRONG or word in {"auth", "oauth"} for word in words[:-1])
        return Strength.WEAK if beside else Strength.NONE
    if last in _DRAWN or last.endswith(("session", "sessid")):
        return Strength.DRAWN
    return Strength.WEAK if last in _WEAK else Strength.NONE


def _strength_of_key(words: list[str]) -> Strength:
    before = set(words[:-1])
    if before & _OPEN_KEYS or words[-1] in {"monkey", "hotkey", "turkey", "donkey", "publickey", "pubkey"}:
        return Strength.NONE
    owned = before & _KEY_OWNERS or words[-1].endswith(_KEY_ENDS)
    return Strength.STRONG if owned else Strength.WEAK


def is_secret_word(name: str) -> bool:
    """Whether a variable or an option of this name holds a secret."""
    upper = name.upper()
    return any(word in upper for word in SECRET_WORDS)
