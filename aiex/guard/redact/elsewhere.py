"""Values that stand further from their name: Terraform, parts of forms, calls of SQL, `htpasswd`, `chpasswd`."""

import re

from aiex.guard.redact.names import Strength
from aiex.guard.redact.source import Span
from aiex.guard.redact.values import REMOVED, is_secret
from aiex.patterns import late

_NEW_LINE = r"(?:\r?\n|(?:\\r)?\\n)"
_PART = late(
    rf"\\{{0,3}}[\"']?(?:;[^\n\\]{{0,200}}?)?{_NEW_LINE}(?:[A-Za-z-]{{1,64}}:[^\n\\]{{0,200}}?{_NEW_LINE}){{0,3}}{_NEW_LINE}"
    rf"(?P<value>(?:(?!{_NEW_LINE})[^\n]){{1,2048}})"
)
_PART_BEFORE = late(r"form-data;[ \t]{0,4}name=\\{0,3}[\"']?(?:[\w.-]{1,64}\[)?$")
_VARIABLE = late(
    r"\"[ \t]{0,8}\{[^{}]{0,1024}?\n[ \t]{0,64}default[ \t]{0,32}=[ \t]{0,32}\"(?P<value>[^\"\n]{1,256})\""
)
_VARIABLE_BEFORE = late(r"(?:^|\n)[ \t]*variable[ \t]{1,8}\"$")
_CALL = late(r"\([ \t]{0,8}(?P<quote>\\{0,3}[\"'])(?P<value>[^\"'\\\n]{1,256})(?P=quote)[ \t]{0,8}\)")
_CALL_BEFORE = late(
    r"\b(?:set|insert|update|select|values|identified|grant|where)\b[^\n]{0,200}[=(,][ \t]{0,8}$|\bby[ \t]{1,4}$", re.I
)
_ARGUMENTS = late(
    r"(?:[ \t]{1,4}-[a-zA-Z0-9]{1,8})*?[ \t]{1,4}-(?:[a-zA-Z]{0,6}b[a-zA-Z]{0,6})(?:[ \t]{1,4}-[a-zA-Z]{1,8}){0,4}"
    r"(?:[ \t]{1,4}[^\s-][^\s]{0,256}){1,2}[ \t]{1,4}(?P<quote>[\"']?)(?P<value>[^\s\"']{1,256})(?P=quote)"
    r"(?=[ \t]*(?:$|[\r\n;|&>)`]))"
)
_INPUT = late(
    r"(?:echo|printf)[ \t]{1,4}(?:-[en]{1,2}[ \t]{1,4})?[\"']?[^\s:\"']{1,64}:(?P<value>[^\s\"'|\\]{1,256})"
    r"(?:\\n)?[\"']?[ \t]{0,4}\|[ \t]{0,4}(?:sudo[ \t]{1,4}(?:-\w{1,8}[ \t]{1,4}){0,3})?(?:/\w{1,16}){0,3}/?$"
)
_HERE_STRING = late(r"(?:[ \t]{1,4}-\w{1,8})*[ \t]{0,4}<<<[ \t]{0,4}[\"']?[^\s:\"']{1,64}:(?P<value>[^\s\"']{1,256})")


def find_elsewhere(text: str, start: int, end: int, strength: Strength) -> Span | None:
    """The secret of a name, from `start` to `end`, that is named in another way than by a sign behind it."""
    match = _match(text, start, end)
    if match is None or match["value"].startswith(REMOVED) or not is_secret(match["value"], strength):
        return None
    return match.span("value")


def _match(text: str, start: int, end: int) -> re.Match[str] | None:
    behind = text[end : end + 1]
    if behind == "(":
        is_call = text[start:end].lower() in {"password", "old_password"}
        return _CALL.match(text, end) if is_call and _CALL_BEFORE.search(text[max(0, start - 256) : start]) else None
    if behind in {'"', "\\", "'", "]"}:
        before = text[max(0, start - 96) : start]
        if before.endswith('"') and _VARIABLE_BEFORE.search(before):
            return _VARIABLE.match(text, end)
        return _PART.match(text, end) if _PART_BEFORE.search(before) else None
    match text[start:end]:
        case "htpasswd":
            return _ARGUMENTS.match(text, end)
        case "chpasswd":
            return _INPUT.search(text, max(0, start - 400), start) or _HERE_STRING.match(text, end)
        case _:
            return None
