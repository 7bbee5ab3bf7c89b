"""Private keys as blocks of lines: PEM, OpenPGP and SSH2 with their ends, without them when cut, PuTTY's; in base64."""

import re

from aiex.guard.redact.source import Source, Span
from aiex.patterns import late

LONGEST_BLOCK = 65_536
"""Characters from the first to the last line: four times the text of an RSA key of 16,384 bits."""
_BEGIN = late(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_GLUE = r"(?:\\[nr]|[\s\"'+,.;|>#*()\\]|//|- ?|&#1[03];){0,48}"
_HEADER = r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|X-[\w-]{1,32}|Subject)[:=][^\n\\]{0,200}"
_LOGGED = r"\r?\n[^\n]{0,160}?[\s|:>]"
"""What may stand before a line of a key in a log."""
_BODY = late(
    rf"(?:{_GLUE}(?:{_HEADER}|[A-Za-z0-9+/]{{24,}}={{0,2}})|{_LOGGED}[A-Za-z0-9+/]{{40,}}={{0,2}}(?=\s))*+"
    rf"(?:{_GLUE}(?:(?=[a-z/+]*[A-Z0-9])[A-Za-z0-9+/]{{4,}}={{0,2}}|=[A-Za-z0-9+/]{{4}})(?![\w-])"
    rf"|{_LOGGED}[A-Za-z0-9+/]{{4,}}={{0,2}}(?=\r?\n[^\n]{{0,160}}-{{4,5}} ?END ))?+"
    rf"(?:{_GLUE}=[A-Za-z0-9+/]{{4}}(?![\w-]))?"
)
_END = late(rf"(?:{_GLUE}|{_LOGGED})-{{4,5}} ?END [A-Z0-9 ]{{0,32}}PRIVATE KEY(?: BLOCK)? ?-{{4,5}}")
_ANCHOR = late(rb"v(?:ate[ -](?:key|lines))")
_LINES_BEHIND = 2
_REST = 512
"""More than the longest line with what a log may put before it."""
_PUTTY = late(r"vate-lines: {0,4}(\d{1,4})\r?\n((?:[A-Za-z0-9+/=]{4,76}(?:\r?\n|$)){0,400})", re.IGNORECASE)
_ENCODED_BEGIN = "LS0tLS1CRUdJTi"
"""`-----BEGIN ` in base64, as far as it does not depend on what follows."""
_ENCODED = late(
    rf"{_ENCODED_BEGIN}[A-Za-z0-9+/]{{0,48}}?(?:UFJJVkFUR|BSSVZBVE|QUklWQVRF)[A-Za-z0-9+/]{{4,{LONGEST_BLOCK}}}+={{0,2}}"
    r"(?:\r?\n[ \t]{0,64}[A-Za-z0-9+/]{40,128}={0,2}(?=\s|$)){0,1600}+"
    r"(?:\r?\n[ \t]{0,64}(?=[A-Za-z+/]*[0-9=])[A-Za-z0-9+/]{2,128}={0,2}(?=\s|$))?"
)
"""The same and `PRIVATE`, which has three forms in base64, in one line or in many; certificates stay."""
MARKS = ("PRIVATE", "Private-Lines", _ENCODED_BEGIN)
"""One of them is in every text that holds a private key."""


def find_blocks(source: Source) -> list[Span]:
    """Where private keys are, from the first dash to the last; mentions of their first line in source stay."""
    text = source.text
    found = [(begin, end) for begin, body, end in _armoured(source) if end > body]
    found += [(match.start(2), match.start(2) + len(match[2].rstrip())) for match in _putty(source) if match[2]]
    return found + _encoded(text)


def find_unfinished(source: Source) -> list[tuple[int, int, bool]]:
    """Begin and end of each private key, and whether more text could make it longer."""
    text = source.text
    blocks = [(begin, end) for begin, _, end in _armoured(source)] + _encoded(text)
    found = [(begin, end, _may_go_on(text, end) and not text.endswith("--", begin + 40, end)) for begin, end in blocks]
    for match in _putty(source):
        is_short = match[2].count("\n") < int(match[1]) and "\n" not in text[match.end() : match.end() + _REST]
        found.append((match.start(), match.start() + len(match[0].rstrip()), is_short))
    return found


def _may_go_on(text: str, end: int) -> bool:
    """Whether less than two whole lines stand behind a key: the last line of one is known by the line behind it."""
    return end + _REST > len(text) and text[end : end + _REST].strip().count("\n") < _LINES_BEHIND


def _encoded(text: str) -> list[Span]:
    return [match.span() for match in _ENCODED.finditer(text)] if _ENCODED_BEGIN in text else []


def _putty(source: Source) -> list[re.Match[str]]:
    matches = (_PUTTY.match(source.text, place) for place in source.places(_ANCHOR))
    return [match for match in matches if match is not None]


def _armoured(source: Source) -> list[tuple[int, int, int]]:
    """Where each block begins, its first line ends, and all of it ends."""
    found: list[tuple[int, int, int]] = []
    for place in source.places(_ANCHOR):
        begin = _BEGIN.search(source.text, max(0, place - 48), place + 64)
        if begin is not None and (not found or begin.start() >= found[-1][2]):
            found.append((begin.start(), begin.end(), find_end(source.text, begin.end())))
    return found


def find_end(text: str, body: int) -> int:
    """Where the key ends whose first line ends at `body`; `body` itself where no key follows."""
    match = _BODY.match(text, body, body + LONGEST_BLOCK)
    reached = body if match is None else match.end()
    end = _END.match(text, reached)
    return end.end() if end is not None and reached > body else reached
