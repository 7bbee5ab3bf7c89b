"""Private keys as blocks of lines: PEM, OpenPGP and SSH2 with their ends, without them when cut, and PuTTY's."""

import re

from aiex.guard.redact.source import Source, Span

LONGEST_BLOCK = 65_536
"""Characters from the first to the last line: four times the text of an RSA key of 16,384 bits."""
_BEGIN = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_GLUE = r"(?:\\[nr]|[\s\"'+,.;|>#*()\\]|//|- ?|&#1[03];){0,48}"
_HEADER = r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|X-[\w-]{1,32}|Subject)[:=][^\n\\]{0,200}"
_LOGGED = r"\r?\n[^\n]{0,160}?[\s|:>]"
"""What may stand before a line of a key in a log."""
_BODY = re.compile(
    rf"(?:{_GLUE}(?:{_HEADER}|[A-Za-z0-9+/]{{24,}}={{0,2}})|{_LOGGED}[A-Za-z0-9+/]{{40,}}={{0,2}}(?=\s))*+"
    rf"(?:{_GLUE}(?:(?=[a-z/+]*[A-Z0-9])[A-Za-z0-9+/]{{4,}}={{0,2}}|=[A-Za-z0-9+/]{{4}})(?![\w-])"
    rf"|{_LOGGED}[A-Za-z0-9+/]{{4,}}={{0,2}}(?=\r?\n[^\n]{{0,160}}-{{4,5}} ?END ))?+"
    rf"(?:{_GLUE}=[A-Za-z0-9+/]{{4}}(?![\w-]))?"
)
_END = re.compile(rf"(?:{_GLUE}|{_LOGGED})-{{4,5}} ?END [A-Z0-9 ]{{0,32}}PRIVATE KEY(?: BLOCK)? ?-{{4,5}}")
_ANCHOR = re.compile(rb"v(?:ate[ -](?:key|lines))")
_REST = 512
"""More than the longest line with what a log may put before it."""
_PUTTY = re.compile(r"vate-lines: {0,4}\d{1,4}\r?\n((?:[A-Za-z0-9+/=]{4,76}(?:\r?\n|$)){1,400})", re.IGNORECASE)


def find_blocks(source: Source) -> list[Span]:
    """Where private keys are, from the first dash to the last; mentions of their first line in source stay."""
    text = source.text
    found = [(begin, end) for begin, body, end in _armoured(source) if end > body]
    for place in source.places(_ANCHOR):
        if (putty := _PUTTY.match(text, place)) is not None:
            found.append((putty.start(1), putty.start(1) + len(putty[1].rstrip())))
    return found


def find_unfinished(source: Source) -> list[tuple[int, int, bool]]:
    """Begin and end of each private key, and whether more text could make it longer."""
    rests = ((begin, end, source.text[end : end + _REST].strip()) for begin, _, end in _armoured(source))
    size = len(source.text)
    return [
        (begin, end, "\n" not in rest and end + _REST > size and not source.text.endswith("--", begin + 40, end))
        for begin, end, rest in rests
        if end > begin
    ]


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
