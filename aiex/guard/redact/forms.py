"""Keys by their form: what vendors document, JSON web tokens, and long values behind a word that says secret."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from aiex.guard.randomness import is_random
from aiex.guard.redact.names import Strength, strength_of
from aiex.guard.redact.source import Source, Span, to_source
from aiex.guard.redact.values import is_ordinary, is_secret
from aiex.guard.redact.vendors import AROUND, PREFIXED
from aiex.patterns import late

_ESCAPED = late(r"%[0-9A-Fa-f]{2}|\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt])")
"""The end of an escape is no part of a word: `%3D`, `\\u0026`, `\\n`."""
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4}))"
_DOTTED = 40
"""Keys may begin with what no run holds (`SG.`, `12345678:AA`), this far before a run at most."""
_SIGNS = ".:~$"
_ANY_SIGN = late(r"[.:~$]")
_DIGIT = late(r"\d")
_WRAPPED = late(r"\r?\n[ \t]{0,16}([A-Za-z0-9_-]{10,512})(?=[\s\"'`,;)]|$)")
_SAMPLES = ("xxxxx", "***", "...", "example", "placeholder", "your-", "your_")
_EXAMPLE_ENDS = late(r"[-_]here\b")
_HOOK = late(
    r"(?:hooks\.slack\.com/[\w/-]{1,80}|/api/webhooks/\d{10,24}/|webhook\.office\.com/[\w/@-]{1,200}/|/bot\d{8,10}:"
    r"|hooks\.zapier\.com/[\w/]{1,80}/)$"
)
"""Addresses that are secrets themselves."""
_LINKS = frozenset(["is", "was", "are", "Basic", "basic", "value"])
"""Between a name and its value."""
_VALUE = late(r"[A-Za-z0-9_\-+/=.~]*")
_VALUE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/.~"
_NAME_CHARACTERS = _VALUE_CHARACTERS[:64]
_AROUND = 160


class _Forms(NamedTuple):
    """The forms of all vendors, compiled."""

    by_start: Mapping[str, re.Pattern[str]]
    """First two characters -> what may follow."""
    inner: re.Pattern[str]
    """Anywhere behind `_` or `-`."""
    dotted: re.Pattern[str]
    """Those whose beginning holds one of the signs that end a run."""


@cache
def _forms() -> _Forms:
    starts: dict[str, list[str]] = {}
    for prefix, body in PREFIXED:
        starts.setdefault(prefix[:2], []).append(re.escape(prefix) + body)
    every = [form for forms in starts.values() for form in forms]
    split = [re.escape(prefix) + body for prefix, body in PREFIXED if "." in prefix + body or set(prefix) & set("/$")]
    around = [form for _, form in AROUND]
    return _Forms(
        {start: re.compile("|".join(forms)) for start, forms in starts.items()},
        re.compile(f"(?<=[-_])(?:{'|'.join(every)})"),
        re.compile(f"{_BEFORE}(?:{'|'.join(split + around)})"),
    )


def ends_with_key(text: str) -> bool:
    """Whether a key in the form of a vendor reaches to the end of a text."""
    return any(end == len(text) for _, end in find_forms(to_source(text)))


def find_forms(source: Source) -> list[Span]:
    """Where keys by form are, and long random values whose neighbour says that they are secret."""
    found: list[Span] = []
    text, done = source.text, 0
    for start, end in source.runs():
        at = max(start, done)
        while at < end and (match := _find_key(text, at, end, done)) is not None:
            if not match[0].strip(match[0][0]):  # one letter again and again, as base64 has zeros
                at = match.end()
                continue
            at = done = _end_of(text, match)
            if not _is_example(match[0].lower()):
                found.append((match.start(), done))
        if at < end and _DIGIT.search(text, at, end) and (span := _find_in_context(text, at, end)) is not None:
            found.append(span)
            done = span[1]
    return found


def _is_example(key: str) -> bool:
    """Whether a key in lower case is one that documents show."""
    return any(map(key.__contains__, _SAMPLES)) or ("here" in key and _EXAMPLE_ENDS.search(key) is not None)


def _find_key(text: str, start: int, end: int, done: int) -> re.Match[str] | None:
    """The first key that begins in a run, or shortly before it."""
    forms, before = _forms(), text[start - 1 : start]
    for place in _places(text, start) if before and before in "%\\" else (start,):
        pattern = forms.by_start.get(text[place : place + 2])
        if pattern is not None and (match := pattern.match(text, place)) is not None:
            return match
    is_split = (before and before in _SIGNS) or (before == "/" and _may_be_split(text, start, end))
    is_split = is_split or (text[start] in "MNO" and text.startswith(".", end))
    is_split = is_split or text.find("-us", start, end) > 0
    if is_split and _DIGIT.search(text, start, end) is not None:
        for match in forms.dotted.finditer(text, max(done, start - _DOTTED), end + _AROUND):
            if match.start() >= end:
                break
            if match.end() > start:
                return forms.dotted.match(text, match.start())
    if text.find("_", start, end) < 0 and text.find("-", start, end) < 0:
        return None
    inner = forms.inner.search(text, start + 1, end)
    return None if inner is None else forms.inner.match(text, inner.start())


def _may_be_split(text: str, start: int, end: int) -> bool:
    """Whether a run behind a slash, as base64 has them, may be of a key that holds a sign."""
    if text.startswith("1//", max(0, start - 3)):
        return True
    return _ANY_SIGN.search(text, max(0, start - _DOTTED), end + _AROUND) is not None


def _places(text: str, start: int) -> tuple[int, ...]:
    """Where a key may begin in a run that begins with the letters of an escape."""
    escape = _ESCAPED.match(text, start - 1)
    return (start,) if escape is None else (start, escape.end())


def _end_of(text: str, match: re.Match[str]) -> int:
    """The end of a key, which may go on in the next line where a terminal or a mail broke it."""
    wrapped = _WRAPPED.match(text, match.end())
    return wrapped.end(1) if wrapped is not None and is_random(wrapped[1]) else match.end()


def _find_in_context(text: str, start: int, end: int) -> Span | None:
    """The whole value around a run, where the word before it says that it is secret, or the address is one."""
    left = text[max(0, start - _AROUND) : start]
    head = left.rstrip(_VALUE_CHARACTERS)
    begin = start - (len(left) - len(head))
    strength = _strength_before(head)
    if strength is Strength.NONE:
        return (start, end) if left.endswith(("/", ":")) and _HOOK.search(left) and is_random(text[start:end]) else None
    match = _VALUE.match(text, begin)
    value = match[0].rstrip(".") if match is not None else ""
    if is_ordinary(value, strength) or not is_random(value):
        return None
    return (begin, begin + len(value)) if is_secret(value, strength) else None


@lru_cache(maxsize=1024)
def _says_nothing(word: str) -> bool:
    """Whether a word tells nothing of the value behind it, whatever stands before the word."""
    return word not in _LINKS and not word.lower().endswith(("signature", "sig")) and not strength_of(word)


def _strength_before(head: str) -> Strength:
    """What the words before a value say: `sig=`, `"key": "`, `Bearer `, `the token is `."""
    bare = head.rstrip(" \t\"'`\\(<")
    name = bare.removesuffix("%3D").removesuffix("%3d").rstrip("=:> \t").rstrip("\"'`\\] ")
    word = name[len(name.rstrip(_NAME_CHARACTERS)) :]
    if _says_nothing(word):
        return Strength.NONE
    if word in _LINKS:
        name = name[: -len(word)].rstrip(" \t=:\"'")
        word = name[len(name.rstrip(_NAME_CHARACTERS)) :]
    if word.lower().endswith(("signature", "sig")) and name.removesuffix(word).endswith(("?", "&", ";", ", ", "%26")):
        return Strength.DRAWN
    strength = strength_of(word)
    if strength is Strength.WEAK and word.lower() == "key":
        return strength_of(" ".join(name.split()[-2:])) if " " in name else strength
    if strength < Strength.STRONG and len(bare) == len(name) and word.lower() != "bearer":
        return Strength.NONE
    return Strength.STRONG if word.lower() == "bearer" else strength
