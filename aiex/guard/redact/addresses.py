"""Passwords and tokens in the user part of an address, and in options that take `user:password`."""

import re

from aiex.guard.randomness import is_random
from aiex.guard.redact.names import Strength
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_ordinary
from aiex.patterns import late

_ADDRESS, _OPTION, _ARGUMENT, _PORT = map(late, (rb":(?://)", rb"-(?:u|p|a|w|k)", rb"p(?:ass:)", rb":(?:5432|\*):"))
_USER_PART = late(
    r"(?P<user>[^\s/?#\"'`<>@:\\]{0,256})(?::(?P<password>(?:\$\{[^}\s]{0,200}\}|[^\s/\"'`<>\\]){0,1024}|<[^<>\s]{0,64}>))?@(?=[\w\[$<{.%-])"
)
_SLASHED = late(
    r"[\w.%+~-]{1,64}:(?P<password>(?!\d{1,5}/|[$<{%])(?=[^\s/]{0,256}/)[^\s\"'`<>\\@:?#]{8,256})@(?=[a-zA-Z0-9][\w.-]{0,253}(?::\d{1,5})?(?:[/\s\"'`?]|$))"
)
"""A password with a bare slash, as base64 has it; what stands before the first slash is no port."""
_VALUE = r"[ =]?[\"']?(?P<password>[^\s\"'-][^\s\"']{3,256})"
_OPTIONS = tuple(
    (late(option), late(rf"\b(?:{programs})\b"))
    for option, programs in (
        (
            r"(?:--user|--proxy-user|-u|-a)[ =]?[\"']?[^\s:\"'/@]{1,128}:(?P<password>[^\s\"']{4,256})",
            "curl|wget|https?|xh",
        ),
        (r"-U[ =]?[\"']?[^\s%\"'/@]{1,128}%(?P<password>[^\s\"']{4,256})", "smbclient|rpcclient|net|smbget"),
        (
            rf"-p{_VALUE}",
            "(?:mysql|mariadb|mongo)[a-z-]*|sshpass|7z[az]?|(?:docker|podman|helm registry|az|oc) login",
        ),
        (rf"-P{_VALUE}", "zip|unzip"),
        (rf"-a{_VALUE}", "redis-cli|keydb-cli|valkey-cli"),
        (rf"-w{_VALUE}", "ldap[a-z]+"),
        (rf"-k{_VALUE}", "openssl enc"),
    )
)
"""Which options of which programs take `user:password`, or a password alone."""
_BEFORE_OPTION = " \t\r\n\"'`,[("
_PASS_ARGUMENT = late(r"pass:([^\s\"']{4,256})")
_PGPASS = late(r"[\w.*-]{1,253}:(?:5432|5433|6432|\*):[^:\s]{1,63}:[^:\s]{1,63}:([^\s]{4,256})$", re.MULTILINE)
_TOKEN_LENGTH = 16
_LINE = 512


def find_addresses(source: Source) -> list[Span]:
    """Where the password, or the token that stands alone, of an address is; names of users stay."""
    found: list[Span] = []
    for place in source.places(_ADDRESS):
        if (match := _USER_PART.match(source.text, place + 3)) is not None:
            found += _secrets_of(match)
        elif (match := _SLASHED.match(source.text, place + 3)) is not None and is_random(match["password"]):
            found.append(match.span("password"))
    return found + _find_options(source)


def _secrets_of(match: re.Match[str]) -> list[Span]:
    found = []
    password, user = match["password"], match["user"]
    if password and not password.startswith(REMOVED) and not _is_example(password):
        found.append(match.span("password"))
    if len(user) >= _TOKEN_LENGTH and is_random(user) and not is_ordinary(user):
        found.append(match.span("user"))
    return found


def _is_example(password: str) -> bool:
    bare = password.strip("\\")
    return len(bare) < 3 or bare.startswith(REMOVED) or (is_ordinary(bare, Strength.PASSWORD) and not bare.isdigit())


def _find_options(source: Source) -> list[Span]:
    """`curl -u name:…`, `mysql -p…`, `sshpass -p …`, `openssl -passin pass:…`, lines of a `.pgpass`."""
    text, found = source.text, []
    for place in source.places(_OPTION):
        begin = place - (text[place - 1 : place] == "-")
        if text[begin - 1 : begin] not in _BEFORE_OPTION:
            continue
        before = re.split(r"[\n|;&]", text[max(0, begin - _LINE) : begin])[-1]
        for option, programs in _OPTIONS:
            match = option.match(text, begin)
            if match is not None and programs.search(before):
                found.append(match.span("password"))
    for place in source.places(_ARGUMENT):
        match = _PASS_ARGUMENT.match(text, place)
        if match is not None and re.search(r"-pass(?:in|out)?[ =]$", text[max(0, place - 10) : place]):
            found.append(match.span(1))
    for place in source.places(_PORT):
        if (match := _PGPASS.match(text, text.rfind("\n", 0, place) + 1)) is not None:
            found.append(match.span(1))
    return [span for span in found if not _is_example(text[span[0] : span[1]])]
