"""Passwords in statements and calls that name no field: SQL, PowerShell, clients of Oracle."""

import re
from collections.abc import Callable

from aiex.guard.redact.names import Strength
from aiex.guard.redact.source import Source, Span
from aiex.guard.redact.values import REMOVED, is_secret
from aiex.patterns import late

_QUOTED = r"(?P<quote>\\{0,3}[\"'])(?P<password>(?:(?!(?P=quote))[^\n]){1,256})(?P=quote)"
_IDENTIFIED = late(
    rf"identified[ \t]{{1,4}}(?:with[ \t]{{1,4}}[\w'\"`]{{1,64}}[ \t]{{1,4}})?"
    r"(?:by|as)(?:[ \t]{1,4}values)?[ \t]{1,8}"
    rf"(?:{_QUOTED}|(?P<bare>[A-Za-z]\w{{3,64}})(?=[ \t]*(?:;|\r?$)))",
    re.IGNORECASE | re.MULTILINE,
)
_SECURE_STRING = late(
    rf"securestring(?:[ \t`]{{1,8}}-(?:asplaintext|force|string))*[ \t(]{{1,8}}(?:{_QUOTED}"
    r"|(?P<bare>[^\s\"'$(<\[@{-][^\s\"'()]{3,128})(?=[ \t]{1,4}-(?:asplaintext|force)\b))",
    re.IGNORECASE,
)
_SQLPLUS = late(
    r"sqlplus(?:[ \t]{1,4}-\w{1,16}(?:[ \t]{1,4}\d[\d.]{0,8})?){0,4}[ \t]{1,4}[\"']?[\w$#]{1,64}/"
    r"(?P<bare>[^\s@\"'/]{4,128})(?=[@\s\"']|$)",
    re.IGNORECASE,
)
_ORACLE = late(r"oracle:(?:thin|oci8?):[\w$#]{1,64}/(?P<bare>[^\s@\"'/]{4,128})(?=@)", re.IGNORECASE)
_ABOUT_USERS = late(
    r"(?:\b(?:create|alter)[ \t]+(?:or[ \t]+replace[ \t]+|public[ \t]+)?(?:user|role|login|database[ \t]+link)\b"
    r"|\bgrant\b)[^;\n]*$"
    r"|^[ \t]*$",
    re.IGNORECASE,
)
"""What stands in the line before `IDENTIFIED BY` in SQL, and not in a sentence."""
_LINE = 512
_PIPED = late(_QUOTED + r"[ \t]{0,8}\|[ \t]{0,8}ConvertTo-$", re.IGNORECASE)


def find_statements(source: Source) -> list[Span]:
    """Where the passwords of such statements are; variables and placeholders stay."""
    found: list[Span] = []
    for word, match_at in _STATEMENTS:
        place = source.folded.find(word)
        while place >= 0:
            if (match := match_at(source.text, place)) is not None and _is_password(match[match.lastgroup or 0]):
                found.append(match.span(match.lastgroup or 0))
            place = source.folded.find(word, place + len(word))
    return found


def _match_identified(text: str, place: int) -> re.Match[str] | None:
    begin = max(text.rfind("\n", 0, place) + 1, place - _LINE)
    return _IDENTIFIED.match(text, place) if _ABOUT_USERS.search(text[begin:place]) else None


def _match_secure_string(text: str, place: int) -> re.Match[str] | None:
    return _SECURE_STRING.match(text, place) or _PIPED.search(text, max(0, place - 300), place)


def _is_password(value: str) -> bool:
    return not value.startswith((REMOVED, "$", ":")) and is_secret(value, Strength.PASSWORD)


_STATEMENTS: tuple[tuple[bytes, Callable[[str, int], re.Match[str] | None]], ...] = (
    (b"identified", _match_identified),
    (b"securestring", _match_secure_string),
    (b"sqlplus", _SQLPLUS.match),
    (b"oracle:", _ORACLE.match),
)
"""A word that is in each, in lower case, and how the whole is read; the group that ends last is the password."""
