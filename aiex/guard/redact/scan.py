"""One part of a text without its secrets: every rule, also on what a reader sees where something hides between."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from aiex.guard.randomness import is_random
from aiex.guard.redact.addresses import find_addresses
from aiex.guard.redact.blocks import find_blocks
from aiex.guard.redact.fields import find_fields
from aiex.guard.redact.forms import find_forms
from aiex.guard.redact.glance import SHORT, UNSEEN, is_plain
from aiex.guard.redact.headers import find_headers
from aiex.guard.redact.known import find_known
from aiex.guard.redact.listed import find_listed
from aiex.guard.redact.manifests import find_in_manifests
from aiex.guard.redact.objects import find_in_objects
from aiex.guard.redact.source import Span, to_source
from aiex.guard.redact.statements import find_statements
from aiex.guard.redact.values import REMOVED
from aiex.patterns import late

_RULES = (
    find_forms,
    find_fields,
    find_headers,
    find_addresses,
    find_blocks,
    find_statements,
    find_in_objects,
    find_in_manifests,
)
_SEQUENCE = (
    r"\[[0-9;:?<=>!]{0,64}[ -/]?[@-~]|\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)|[PX^_][^\x1b\n]{0,512}\x1b\\|[@-Z\\^_a-z=>]"
)
_HIDDEN = late(
    rf"(?:\x1b|\\(?:u001[bB]|x1[bB]|033|e(?=\[)))(?:{_SEQUENCE})?|\x9b[0-9;:?]{{0,64}}[@-~]|[{UNSEEN}]"
    r"|[\"'] ?\+ ?[\"']|\\\r?\n[ \t]{0,64}"
)
"""What is not seen between two characters: terminal sequences, invisible characters, joins of strings and of lines."""
_HINTS = (
    late(r"\\(?:u001|x1[bB]|033\[|e\[|\r?\n)"),
    late(r"\+(?: ?[\"'])"),
    *(late(re.escape(sign)) for sign in "\x1b\x00\x08\x7f"),
)
_HINTS_BEYOND_ASCII = late(rf"[{UNSEEN}]")
_BETWEEN = "\n.\n"
"""Stands between two groups of lines, so that nothing reaches over."""
_REPEATED = 12
"""A value of so many characters, drawn by lot, means the same wherever it stands."""
_MOST_PASSES = 8
"""Taking something out can bring two halves together; three passes are the most that was ever seen."""


def remove_secrets(text: str, known: Sequence[str], *, keeps_lines: bool = False) -> tuple[str, int]:
    """The text with every secret replaced, and how many there were.

    It is looked through again until nothing is found, so that a second call changes nothing.

    Args:
        keeps_lines: The text is a document: its lines keep their numbers, and blocks and lists are read as such.
    """
    if len(text) <= SHORT and is_plain(text, known):
        return text, 0
    count = 0
    for _ in range(_MOST_PASSES):
        spans = find_secrets(text, known)
        if keeps_lines:
            spans = _find_in_document(text, spans)
        if not spans:
            break
        count += len(spans)
        text = _replace(text, spans, keeps_lines=keeps_lines)
    return text, count


def find_secrets(text: str, known: Sequence[str]) -> list[Span]:
    """Where secrets are, in order and without overlaps."""
    spans = _find(text, known)
    if groups := _lines_that_hide(text):
        spans += _find_behind(text, groups, known)
    return _merge(spans)


def _find_in_document(text: str, spans: list[Span]) -> list[Span]:
    """These secrets, those of blocks and lists, and every place where one of them is repeated without its name."""
    spans = _merge(spans + find_listed(to_source(text)))
    values = {text[start:end].strip(".,;:!?") for start, end in spans}
    repeated = find_known(text, sorted(value for value in values if len(value) >= _REPEATED and is_random(value)))
    return _merge(spans + repeated)


def _find(text: str, known: Sequence[str]) -> list[Span]:
    source = to_source(text)
    spans = find_known(text, known)
    for rule in _RULES:
        spans += rule(source)
    return spans


def _lines_that_hide(text: str) -> list[Span]:
    """The groups of lines in which something hides."""
    hints = _HINTS if text.isascii() else (*_HINTS, _HINTS_BEYOND_ASCII)
    places = [match.start() for hint in hints for match in hint.finditer(text)]
    lines: list[Span] = []
    for place in sorted(places):
        if lines and place < lines[-1][1]:
            continue
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place) + 1 or len(text)
        while text.endswith(("\\\n", "\\\r\n"), start, end) and end < len(text):
            end = text.find("\n", end) + 1 or len(text)
        if lines and lines[-1][1] == start:
            lines[-1] = (lines[-1][0], end)
        else:
            lines.append((start, end))
    return lines


def _find_behind(text: str, groups: list[Span], known: Sequence[str]) -> list[Span]:
    """Secrets in the text that is seen of these groups of lines, given back as places of the text that is there."""
    pieces: list[str] = []
    origins: list[int] = []
    for start, end in groups:
        seen = start
        for hidden in _HIDDEN.finditer(text, start, end):
            pieces.append(text[seen : hidden.start()])
            origins.append(seen)
            seen = hidden.end()
        pieces += (text[seen:end], _BETWEEN)
        origins += (seen, end)
    firsts = [0, *accumulate(map(len, pieces))]

    def place_of(position: int) -> int:
        piece = min(bisect_right(firsts, position) - 1, len(pieces) - 1)
        return origins[piece] + position - firsts[piece]

    return [(place_of(start), place_of(end - 1) + 1) for start, end in _find("".join(pieces), known)]


def _merge(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def _replace(text: str, spans: list[Span], *, keeps_lines: bool) -> str:
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += (text[position:start], REMOVED, "\n" * text.count("\n", start, end) if keeps_lines else "")
        position = end
    return "".join([*pieces, text[position:]])
