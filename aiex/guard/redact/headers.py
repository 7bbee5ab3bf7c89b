"""HTTP headers that hold secrets: authorization, cookies, and `Bearer` wherever it stands."""

import re

from aiex.guard.randomness import is_random
from aiex.guard.redact.names import Strength, strength_of
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_base64_pair, is_ordinary, is_wordy
from aiex.patterns import late

_to_words = str.split

_ANCHORS = tuple(map(late, (rb"u(?:thorization)", rb"b(?:earer)", rb"k(?:ie)")))
_AUTHORIZATION = late(
    r"uthorization(?:\\{0,3}[\"'`])?\]?[ \t]{0,8}(?::|=>|=|,|%3[AaDd])[ \t]{0,8}(?:[rbf]?\\{0,3}[\"'`])?"
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9-]{1,24})(?:[ \t]{1,4}|%20|\+))?",
    re.IGNORECASE,
)
_FOLDED = late(
    r"uthorization[ \t]{0,4}:[ \t]{0,4}(?:(?:basic|bearer|token|negotiate|ntlm|apikey)[ \t]{0,4}\r?\n[ \t]{1,8}"
    r"|\r?\n[ \t]{1,8}(?:basic|token|negotiate|ntlm|apikey)[ \t]{1,4})",
    re.IGNORECASE,
)
"""A header may go on in the next line, further right (RFC 7230, 3.2.4)."""
_RESPONSE = late(r"response=\\{0,3}[\"']?([0-9a-fA-F]{32,128})(?![0-9a-zA-Z])")
_LINE = 1_024
_BEARER = late(r"bearer(?:[ \t]{1,4}|%20)", re.IGNORECASE)
_COOKIE = late(
    r"kie2?(?:\\{0,3}[\"'`])?\]?[ \t]{0,8}(?::|=>|=|,|(?=[ \t]))[ \t]{0,8}(?:[rbf]?\\{0,3}[\"'`])?", re.IGNORECASE
)
_CREDENTIAL = late(r"[A-Za-z0-9_\-+/=.~:!*%]{1,8192}")
_PAIR = late(
    r"[ \t]{0,4}([A-Za-z0-9_.\-\[\]%$!#*+|~^]{1,128})=((?:(?!\\[\"'nr])[^\s;\"'`,]){0,4096})(?:;|(?=[\s\"'`,\\]|$))"
)
_ATTRIBUTES = frozenset(_to_words("path domain expires max-age samesite priority partitioned version comment"))
_SHORTEST = 8


def find_headers(source: Source) -> list[Span]:
    """Where credentials of headers are; the scheme and the names of cookies stay."""
    text, found = source.text, []
    authorization, bearer, cookie = map(source.places, _ANCHORS)
    for place in authorization:
        if (match := _AUTHORIZATION.match(text, place)) is not None:
            found += _credential(text, match.end(), strict=match["scheme"] is None)
            if (match["scheme"] or "").lower() == "digest":
                found += _responses(text, match.end())
        if (folded := _FOLDED.match(text, place)) is not None:
            found += [span for span in _credential(text, folded.end(), strict=False) if _is_drawn(text[slice(*span)])]
    for place in bearer:
        if (match := _BEARER.match(text, place)) is not None:
            found += _credential(text, match.end(), strict=True)
    done = 0
    for place in cookie:
        if place >= done and (match := _COOKIE.match(text, place)) is not None:
            spans, done = _cookies(text, match.end())
            found += spans
    return found


def _credential(text: str, place: int, *, strict: bool) -> list[Span]:
    """The credential at a place; where `strict`, a word that a person may have written stays."""
    match = _CREDENTIAL.match(text, place)
    if match is None:
        return []
    value = match[0].rstrip(".:,!")
    if len(value) < _SHORTEST or is_ordinary(value) or text.startswith(("(", "{"), match.end()):
        return []
    if value.endswith("=") and text.startswith(('"', "'"), match.end()) and is_wordy(value[:-1]):
        return []  # the first parameter of a scheme that has several
    if is_wordy(value) and (strict or len(value) < 20):
        return []
    return [(place, place + len(value))]


def _responses(text: str, place: int) -> list[Span]:
    """The proofs of a digest in the rest of a line."""
    end = text.find("\n", place, place + _LINE)
    return [match.span(1) for match in _RESPONSE.finditer(text, place, end if end >= 0 else place + _LINE)]


def _is_drawn(value: str) -> bool:
    return is_random(value) or is_base64_pair(value)


def _cookies(text: str, place: int) -> tuple[list[Span], int]:
    """The secret values of a list of cookies, and where the list ends."""
    found = []
    while (pair := _PAIR.match(text, place)) is not None:
        place = pair.end()
        if is_secret_cookie(pair[1], pair[2]):
            found.append(pair.span(2))
    return found, place


def is_secret_cookie(name: str, value: str) -> bool:
    """Whether the value of a cookie tells who somebody is; of one without a known name, only if it is drawn by lot."""
    if name.lower() in _ATTRIBUTES or value.startswith(REMOVED) or is_ordinary(value):
        return False
    if strength_of(name) is not Strength.NONE or name.lower().endswith(("sid", "id", "auth", "login", "remember_me")):
        return len(value) >= _SHORTEST and not is_wordy(value)
    return len(value) >= 20 and (is_random(value) or re.fullmatch(r"[0-9a-fA-F]+", value) is not None)
