"""Where a secret goes on behind its first line, in blocks and strings; and which lines wait for what comes behind."""

import re
from collections.abc import Iterator

from aiex.guard.randomness import is_random
from aiex.guard.redact.names import PARTS_OF_NAMES, Strength, strength_of
from aiex.guard.redact.objects import is_inside_object
from aiex.guard.redact.source import Span
from aiex.guard.redact.values import REMOVED, is_ordinary, is_wordy
from aiex.patterns import late

LONGEST = 4_096
"""So far behind its name a secret can reach."""
_MOST_STRINGS = 16
_BLOCK_SIGN = late(r"[|>][+-]?\d?[+-]?[ \t]{0,8}\r?$", re.MULTILINE)
_NEXT_WORD = late(r"(?:[ \t]*\r?\n){0,8}(?P<indent>[ \t]{0,128})(?=[^\s])")
_BLOCK_ENDS = tuple("|>+-0123456789")
_BLOCK_HEAD = late(
    r"^(?P<indent>[ \t]*(?:- +)?)[\"']?(?P<name>[\w.-]{1,64})[\"']?[ \t]*:[ \t]*[|>][+-]?\d?[+-]?[ \t]*\r?$",
    re.MULTILINE,
)
_JOINT = r"[ \t]{0,8}(?P<sign>[+.&\\]?)[ \t]{0,8}\r?\n(?P<indent>[ \t]{0,128})(?P<joint>[+.&]?)[ \t]{0,8}[rbfuL]{0,2}"
_NEXT_STRING = {
    quote: late(rf"{quote}{_JOINT}{quote}(?P<value>[^\s{quote}]{{4,2048}}){quote}(?![ \t]*[:=])") for quote in "\"'"
}
_STRING_ALONE = late(r"[ \t]*[+.&]?[ \t]*[rbfuL]{0,2}[\"'][^\n]*[\"'][ \t]*[+.&\\]?[ \t]*\r?")
_NO_INDENT = 1_000
"""Further right than any line: the next one is not there yet."""
_STRING_ENDS = ('"', "'", "+", ".", "&", "\\", "(")
_WORDS = late(PARTS_OF_NAMES, re.IGNORECASE)
_TAIL = 512
_VARIABLE = late(r"variable[ \t]+\"[^\"\n]{1,64}\"[ \t]*\{[^{}]{0,1024}$")
_REACH = 1_536
_MOST_HEADERS = 4


def find_rest(text: str, start: int, end: int) -> list[Span]:
    """The further lines of the secret that is from `start` to `end`."""
    line = text.rfind("\n", 0, start)
    if line > 0 and not text[line + 1 : start].strip():
        head = _BLOCK_HEAD.search(text, text.rfind("\n", 0, line) + 1, line)
        if head is not None:
            below = lines_below(text, text.find("\n", end) + 1 or len(text), len(head["indent"]), head.end() + LONGEST)
            return [span for span in below if span[0] < span[1] and not text.startswith(REMOVED, span[0])]
    quote = text[end : end + 1]
    return _strings_below(text, end, quote) if quote in _NEXT_STRING else []


def lines_below(text: str, place: int, depth: int, limit: int) -> Iterator[Span]:
    """The lines from a place on that are further right than `depth`, without their indent; blank ones are empty."""
    while place < min(len(text), limit):
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line = text[place:end]
        indent = len(line) - len(line.lstrip(" \t"))
        if indent <= depth and line.strip():
            return
        yield place + indent, max(place + indent, place + len(line.rstrip()))
        place = end + 1


def _strings_below(text: str, end: int, quote: str) -> list[Span]:
    found: list[Span] = []
    for _ in range(_MOST_STRINGS):
        match = _NEXT_STRING[quote].match(text, end)
        if match is None or not (match["sign"] or match["joint"] or match["indent"]):
            break
        value = match["value"]
        if value.startswith(REMOVED) or is_ordinary(value) or (is_wordy(value) and not is_random(value)):
            break
        found.append(match.span("value"))
        end = match.end("value")
    return found


def needs_more(text: str, start: int, newline: int) -> bool:
    """Whether what stands behind a line end of a text, which begins at `start`, can tell of a secret before it."""
    return (
        is_inside_object(text, start, newline)
        or _is_inside_block(text, start, newline)
        or _is_below_string(text, start, newline)
        or _is_inside_part(text, start, newline)
    )


def _is_inside_block(text: str, start: int, newline: int) -> bool:
    """Whether the lines below the head of a block with a secret name are further right, and the next one may be."""
    first = max(start, newline - LONGEST)
    if text.find("|", first, newline) < 0 and text.find(">", first, newline) < 0:
        return False
    if _BLOCK_SIGN.search(text, first, newline) is None:
        return False
    behind = _NEXT_WORD.match(text, newline + 1)
    least, end = (_NO_INDENT if behind is None else len(behind["indent"])), newline
    while least > 0 and end > max(start, newline - LONGEST):
        begin = max(text.rfind("\n", start, end) + 1, start)
        line = text[begin:end]
        head = _BLOCK_HEAD.match(text, begin, end) if line.rstrip().endswith(_BLOCK_ENDS) else None
        if head is not None and len(head["indent"]) < least and strength_of(head["name"]) >= Strength.STRONG:
            return True
        least = min(least, len(line) - len(line.lstrip(" \t"))) if line.strip() else least
        end = begin - 1
    return False


def _is_below_string(text: str, start: int, newline: int) -> bool:
    """Whether the line is one of some strings below a name that says secret."""
    end = newline
    for _ in range(_MOST_STRINGS + 1):
        begin = max(text.rfind("\n", start, end) + 1, start)
        line = text[begin:end]
        if not line.rstrip().endswith(_STRING_ENDS):
            return False
        if _WORDS.search(line[-_TAIL:]) is not None:
            return True
        if _STRING_ALONE.fullmatch(line) is None or begin == start:
            return False
        end = begin - 1
    return False


def _is_inside_part(text: str, start: int, newline: int) -> bool:
    """Whether the line is in the head of a part of a form, or in a variable of Terraform before its value."""
    first = max(start, newline - _REACH)
    part = text.rfind("form-data;", first, newline)
    if part >= 0 and _is_before_value(text[part:newline].split("\n")):
        return True
    variable = text.rfind("variable ", first, newline)
    return variable >= 0 and _VARIABLE.match(text, variable, newline) is not None


def _is_before_value(lines: list[str]) -> bool:
    """Whether the value of a part, in the line behind the first empty one, is not among these lines."""
    head = lines[: _MOST_HEADERS + 1]
    blank = next((at for at, line in enumerate(head) if not line.strip()), None)
    return len(lines) <= _MOST_HEADERS + 1 if blank is None else len(lines) < blank + 2
