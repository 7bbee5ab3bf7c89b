"""Secrets that are known by what else is in their object: private members of JSON web keys, cookies of a browser."""

import re
from collections.abc import Iterator

from aiex.guard.redact.headers import is_secret_cookie
from aiex.guard.redact.source import Source, Span
from aiex.patterns import late

_REACH = 4_096
"""So far behind the first member that counts an object is looked at; a key of RSA of 4096 bits has 3,300 characters."""
_NAMES = r"(?:d|k|kty|value|httpOnly|hostOnly)"
_ANCHORS = (('"', late(rf"\"(?:{_NAMES}\\{{0,3}}\")")), ("'", late(rf"'(?:{_NAMES}')")))
"""Every object with such a secret has one of these members before it, or is one."""
_BRACE = late(r"[{}]")
_SIGNS = (
    (late(r"[\"']kty\\{0,3}[\"']\s{0,8}:"), "d|p|q|dp|dq|qi|k", r"[A-Za-z0-9_-]{22,3000}"),
    (late(r"[\"'](?:httpOnly|hostOnly)\\{0,3}[\"']\s{0,8}:"), "value", r"[^\s\"'\\]{20,3000}"),
)
_RULES = tuple(
    (sign, late(rf"[\"'](?:{names})\\{{0,3}}[\"']\s{{0,8}}:\s{{0,8}}\\{{0,3}}[\"']({value})(?=\\{{0,3}}[\"'])"))
    for sign, names, value in _SIGNS
)
"""What tells the kind of an object, and its secret members. RFC 7517 and 7518; the cookies of Chrome's protocol."""
_JAR = late(
    r"^(?:#HttpOnly_)?[\w.-]{1,253}\t(?:TRUE|FALSE)\t/[^\t\n]{0,256}\t(?:TRUE|FALSE)\t-?\d{1,20}\t([^\t\n]{1,256})\t"
    r"([^\t\r\n]{8,4096})",
    re.MULTILINE,
)
"""A line of a file of cookies, as Netscape, curl and wget write it."""


def find_in_objects(source: Source) -> list[Span]:
    """Where private members of keys and values of cookies are."""
    found: list[Span] = []
    text = source.text
    for start, end in _objects(text, 0, len(text)):
        for sign, member in _RULES:
            if sign.search(text, start, end) is not None:
                members = member.finditer(text, start, end)
                found += [match.span(1) for match in members if is_secret_cookie("", match[1])]
    if "\tTRUE\t" in text or "\tFALSE\t" in text:
        found += [match.span(2) for match in _JAR.finditer(text) if is_secret_cookie(match[1], match[2])]
    return found


def is_inside_object(text: str, start: int, at: int) -> bool:
    """Whether a place of the text, which begins at `start`, is where what comes behind tells what stands before."""
    begin = max(start, text.rfind("{", start, at), text.rfind("}", start, at))
    return any(first <= at < end for first, end in _objects(text, begin, at + 1))


def _objects(text: str, start: int, stop: int) -> Iterator[Span]:
    """From the first member that counts to the end of each object, or as far as is looked."""
    places = sorted(
        match.start() for quote, anchor in _ANCHORS if text.find(quote, start, stop) >= 0
        for match in anchor.finditer(text, start, stop)
    )  # fmt: skip
    done = start
    for place in places:
        if place >= done:
            brace = _BRACE.search(text, place, place + _REACH)
            done = place + _REACH if brace is None else brace.start()
            yield place, done
