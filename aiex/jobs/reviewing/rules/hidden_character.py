"""Characters that are not seen, that turn the order of what is read around, or that look like others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule, Severity

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)
_JOINING = "\u200c\u200d\u200e\u200f\u00ad"
"""Used in the scripts of people, in emoji and in hyphenation: in text and prose they are what they seem."""
_LOOKALIKE = ("CYRILLIC", "GREEK", "FULLWIDTH", "MATHEMATICAL", "ARMENIAN", "CHEROKEE")
_PROSE = frozenset({"", "markdown", "html", "json", "yaml", "toml"})


def _find(change: FileChange) -> Iterator[Hit]:
    if change.new is None or change.new.is_binary:
        return
    for number in sorted(change.added):
        line = change.new.lines[number - 1]
        if line.isascii():
            continue
        if found := _TURNING.search(line):
            message = f"{_name(found[0])} changes the order in which this line is shown"
            yield Hit(change.path, number, message, "take it out, or write it as an escape", severity="error")
        elif hidden := _hidden(change, number, line):
            severity: Severity | None = None if _is_in_code(change, number, line.index(hidden)) else "note"
            advice = "take it out, or write it as an escape"
            yield Hit(change.path, number, f"{_name(hidden)} is not seen", advice, severity=severity)
        elif word := _lookalike(change, number, line):
            yield Hit(
                change.path, number, f"{word} mixes letters that look alike but are of two scripts", "type it anew"
            )


def _hidden(change: FileChange, number: int, line: str) -> str:
    """The first invisible character; a byte order mark at the beginning, and joiners outside of code, are none."""
    assert change.new is not None  # noqa: S101  (there are lines)
    for found in _INVISIBLE.finditer(line):
        is_mark = number == 1 and found.start() == 0 and found[0] == "\ufeff"
        is_prose = not _is_in_code(change, number, found.start())
        if not is_mark and not (found[0] in _JOINING and is_prose):
            return found[0]
    return ""


def _is_in_code(change: FileChange, number: int, column: int) -> bool:
    return change.new is not None and change.language not in _PROSE and change.new.is_code(number, column)


def _lookalike(change: FileChange, number: int, line: str) -> str:
    """The first identifier that has Latin letters and such of another script that look like them."""
    if change.language in _PROSE or change.new is None:
        return ""
    for found in re.finditer(r"\w+", line):
        word = found[0]
        if word.isascii() or not re.search("[A-Za-z]", word) or not change.new.is_code(number, found.start()):
            continue
        if any(unicodedata.name(letter, "").startswith(_LOOKALIKE) for letter in word if not letter.isascii()):
            return word
    return ""


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


RULE = Rule(
    "warning",
    "Hidden or misleading character",
    "Code that a reader cannot see, or that is shown in another order than it runs, can hide what it does "
    "(CVE-2021-42574).",
    in_file=_find,
    known_as=("PLE2502", "PLE2515", "RUF001", "RUF003"),
    minds_moves=True,
)
