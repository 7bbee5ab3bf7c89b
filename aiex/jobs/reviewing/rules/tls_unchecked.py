"""Connections that take any certificate."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_JS = re.compile(r"\brejectUnauthorized\s*:\s*false\b|\bNODE_TLS_REJECT_UNAUTHORIZED\b.*=\s*['\"]?0")
_SIGNS = {
    "python": re.compile(
        r"[(,\s]verify\s*=\s*False\b|\bssl\._create_unverified_context\b|\.check_hostname\s*=\s*False\b|=\s*ssl\.CERT_NONE\b"
    ),
    "go": re.compile(r"\bInsecureSkipVerify\s*:\s*true\b"),
    "rust": re.compile(r"\bdanger_accept_invalid_(?:certs|hostnames)\(\s*true"),
    "ruby": re.compile(r"\bVERIFY_NONE\b"),
    **dict.fromkeys(ECMASCRIPT, _JS),
}


def _find(change: FileChange) -> Iterator[Hit]:
    pattern = _SIGNS.get(change.language)
    if pattern is None or change.is_test:
        return
    for number, _ in change.matches(pattern):
        message = "the certificate of the other side is not checked"
        yield Hit(change.path, number, message, "add the certificate that is missing to those that are trusted")


RULE = Rule(
    "warning",
    "Certificate not checked",
    "Whoever stands in between can read and change what is sent.",
    in_file=_find,
    known_as=("S501", "S323", "G402"),
)
