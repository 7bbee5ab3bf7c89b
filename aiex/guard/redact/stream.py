"""Redaction of a text that comes in pieces: the same result as for the whole text, with a bounded part held back."""

import os
import sys
from bisect import bisect_left
from collections.abc import Mapping

from aiex.guard.redact.blocks import MARKS, find_unfinished
from aiex.guard.redact.forms import ends_with_key
from aiex.guard.redact.further import needs_more
from aiex.guard.redact.known import secret_values
from aiex.guard.redact.manifests import find_manifests
from aiex.guard.redact.names import PARTS_OF_NAMES
from aiex.guard.redact.scan import find_secrets, remove_secrets
from aiex.guard.redact.source import to_source
from aiex.patterns import late

HELD_CHARACTERS = 131_072
"""At most this much is held back: twice the longest block of a private key."""
_TAIL = 512
_BEHIND = 4_096
"""What stands so far behind a line end, or further, says no more whether a secret goes on there."""
_MOST_LINES = 4_096
"""When so many lines in a row have an end that goes on, no earlier one is looked for."""
_GOES_ON = late(
    r"(?:[=:>|(\\,\"'\[{]|[|>][+-]?\d?[+-]?|[\"'][ \t]{0,8}[+.&]"
    r"|(?i:uthorization)[ \t]{0,4}:[ \t]{0,4}[A-Za-z]{1,16}|kind:[ \t]{0,4}[\"']?Secret[\"']?"
    r"|(?i:(?:name|key)\\{0,3}[\"']?[ \t]{0,8}[=:][ \t]{0,8}"
    r"\\{0,3}[\"']?[\w.-]{1,64}\\{0,3}[\"']?,?))[ \t]{0,64}\r?$"
)
"""How a line ends whose value is in the next one."""
_MOST_SEPARATORS = 1_024
_SIGNS = late(r"[=:>|(\\,\"'\[{]")
"""One of them is in every line that ends so."""
_WORDS = late(rf"(?i){PARTS_OF_NAMES}|cookie|bearer|\\\r?$")
_SEPARATORS = late(r"[\s,;}\])]")


class Redactor:
    """Takes the secrets out of a stream; every line is given out when it is whole and no secret can go on behind it."""

    def __init__(self, environ: Mapping[str, str] | None = None, *, keeps_lines: bool = False) -> None:
        """With the secrets of these variables, else of the environment and the command line of this process.

        Args:
            keeps_lines: The line ends inside of a secret stay, so that the lines behind it keep their numbers.
        """
        self._known = secret_values(os.environ, sys.argv) if environ is None else secret_values(environ)
        self._keeps_lines = keeps_lines
        self._held = ""
        self._asked_to = 0
        """Up to here of what is held no line end is fit, and none will be."""
        self.removed = 0
        """How many secrets were taken out by now."""

    def feed(self, text: str) -> str:
        """What can be given out by now. At most `HELD_CHARACTERS` are held back."""
        self._held += text
        if "\n" not in text and len(self._held) < HELD_CHARACTERS:
            return ""
        parts: list[str] = []
        start = 0
        while (end := self._next_cut(start)) > start:
            parts.append(self._clean(self._held[start:end]))
            start, self._asked_to = end, 0
        self._held = self._held[start:]
        return "".join(parts)

    def hold(self, text: str) -> str:
        """Give out nothing: what comes before `finish` is read as one part."""
        self._held += text
        return ""

    def finish(self) -> str:
        """What was still held."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, part: str) -> str:
        text, count = remove_secrets(part, self._known, keeps_lines=self._keeps_lines)
        self.removed += count
        return text

    def _next_cut(self, start: int) -> int:
        """The end of the next part that stands for itself; `start` when more must come first."""
        text = self._held
        limit = min(len(text), start + HELD_CHARACTERS)
        blocks = _find_open(text[start:limit])
        end = limit
        asked = start + self._asked_to
        self._asked_to = max(0, min([limit - start - _BEHIND, *(first for first, _, _ in blocks)]))
        for _ in range(_MOST_LINES):
            newline = text.rfind("\n", asked, end)
            if newline < 0:
                break
            at = newline - start
            inside = [first for first, last, is_open in blocks if first <= at < last or (is_open and at >= first)]
            if inside:
                end = start + min(inside)
            elif not goes_on(text, start, newline):
                return newline + 1
            else:
                end = newline
        return self._forced_cut(start, limit) if limit - start == HELD_CHARACTERS else start

    def _forced_cut(self, start: int, limit: int) -> int:
        """Where a part without any fit line end is cut: behind a separator, and in no secret."""
        part = self._held[start:limit]
        spans = find_secrets(part, self._known)
        firsts = [first for first, _ in spans]
        for separator in reversed(list(_SEPARATORS.finditer(part, HELD_CHARACTERS // 2))[-_MOST_SEPARATORS:]):
            at = separator.end()
            span = bisect_left(firsts, at) - 1
            if (span < 0 or spans[span][1] < at) and not _GOES_ON.search(part, max(0, at - _TAIL), at):
                return start + at
        return start + spans[-1][0] if spans and spans[-1][0] > HELD_CHARACTERS // 2 else limit


def _find_open(text: str) -> list[tuple[int, int, bool]]:
    """Begin and end of each private key and each manifest, and whether more text could make it longer."""
    if "V" not in text and "L" not in text:
        return []
    blocks = [one[:3] for one in find_manifests(text)]
    if any(mark in text for mark in MARKS):
        blocks += find_unfinished(to_source(text))
    return blocks


def goes_on(text: str, start: int, newline: int) -> bool:
    """Whether a secret of the line that ends here can go on in the next line."""
    begin = max(text.rfind("\n", start, newline) + 1, start, newline - _TAIL)
    tail = text[begin:newline]
    if _SIGNS.search(tail) and _WORDS.search(tail) and _GOES_ON.search(tail):
        return True
    return _ends_with_key(tail) or needs_more(text, start, newline)


def _ends_with_key(tail: str) -> bool:
    bare = tail.rstrip("\r")
    token = bare[len(bare.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")) :]
    return len(token) >= 18 and ends_with_key(token)
