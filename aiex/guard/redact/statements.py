"""Passwords in statements and calls that name no field: SQL, PowerShell, clients of Oracle, `htpasswd`, `chpasswd`."""

import re

from aiex.guard.redact.names import Strength
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_secret

_QUOTED = r"(?P<quote>\\{0,3}[\"'])(?P<password>(?:(?!(?P=quote))[^\n]){1,256})(?P=quote)"
_SIGNS = (
    (
        b"identified",
        re.compile(
            rf"identified[ \t]{{1,4}}(?:with[ \t]{{1,4}}[\w'\"`]{{1,64}}[ \t]{{1,4}})?"
            r"(?:by|as)(?:[ \t]{1,4}values)?[ \t]{1,8}"
            rf"(?:{_QUOTED}|(?P<bare>[A-Za-z]\w{{3,64}})(?=[ \t]*(?:;|\r?$)))",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    (
        b"securestring",
        re.compile(
            rf"securestring(?:[ \t`]{{1,8}}-(?:asplaintext|force|string))*[ \t(]{{1,8}}(?:{_QUOTED}"
            r"|(?P<bare>[^\s\"'$(<\[@{-][^\s\"'()]{3,128})(?=[ \t]{1,4}-(?:asplaintext|force)\b))",
            re.IGNORECASE,
        ),
    ),
    (
        b"sqlplus",
        re.compile(
            r"sqlplus(?:[ \t]{1,4}-\w{1,16}(?:[ \t]{1,4}\d[\d.]{0,8})?){0,4}[ \t]{1,4}[\"']?[\w$#]{1,64}/"
            r"(?P<bare>[^\s@\"'/]{4,128})(?=[@\s\"']|$)",
            re.IGNORECASE,
        ),
    ),
    (
        b"oracle:",
        re.compile(r"oracle:(?:thin|oci8?):[\w$#]{1,64}/(?P<bare>[^\s@\"'/]{4,128})(?=@)", re.IGNORECASE),
    ),
)
"""A word that is in each, in lower case, and the whole."""
_ABOUT_USERS = re.compile(
    r"(?:\b(?:create|alter)[ \t]+(?:or[ \t]+replace[ \t]+|public[ \t]+)?(?:user|role|login|database[ \t]+link)\b"
    r"|\bgrant\b)[^;\n]*$"
    r"|^[ \t]*$",
    re.IGNORECASE,
)
"""What stands in the line before `IDENTIFIED BY` in SQL, and not in a sentence."""
_LINE = 512
_PIPED = re.compile(_QUOTED + r"[ \t]{0,8}\|[ \t]{0,8}ConvertTo-$", re.IGNORECASE)


def find_statements(source: Source) -> list[Span]:
    """Where the passwords of such statements are; variables and placeholders stay."""
    found: list[Span] = []
    for word, pattern in _SIGNS:
        place = source.folded.find(word)
        while place >= 0:
            match = pattern.match(source.text, place)
            if match is None and word == b"securestring":
                match = _PIPED.search(source.text, max(0, place - 300), place)
            if word != b"identified" or _is_sql(source.text, place):
                found += _password_of(match)
            place = source.folded.find(word, place + len(word))
    return found


def _is_sql(text: str, place: int) -> bool:
    begin = max(text.rfind("\n", 0, place) + 1, place - _LINE)
    return _ABOUT_USERS.search(text[begin:place]) is not None


def _password_of(match: re.Match[str] | None) -> list[Span]:
    if match is None:
        return []
    groups = match.groupdict()
    group = "password" if groups.get("password") else "bare"
    value = groups[group]
    if value.startswith((REMOVED, "$", ":")) or not is_secret(value, Strength.PASSWORD):
        return []
    return [match.span(group)]
