"""Whether a word was drawn by lot, as keys and passwords are, or written by a person."""

import re

from aiex.patterns import late

_LOOKED_AT = 128
_RUN = late(r"9+|a+|A+|\.+")
_SAYING = late(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
SHORTEST_KEY = 16
"""Shorter words are no keys; passwords may be."""


def _kind_of(letter: str) -> str:
    return "9" if letter.isdigit() else "a" if letter.islower() else "A" if letter.isupper() else "."


_KINDS = "".join(map(_kind_of, map(chr, range(128))))


def is_key(word: str) -> bool:
    """Whether a word was drawn by lot, as keys and hashes are: nobody asks for it, and it may be a secret."""
    return any(len(part) >= SHORTEST_KEY and _is_drawn(part) for part in word.split("_"))


def _is_drawn(part: str) -> bool:
    return _count_said(part) * 2 < len(part) and is_random(part)


def is_random(value: str) -> bool:
    """Whether a value of at least eight characters looks drawn by lot rather than written by a person.

    Three kinds of characters with many changes between them, or letters and digits that change often, or letters alone
    whose case changes as in no name. Dates, versions and names with a number at the end do not.
    """
    value = value[:_LOOKED_AT]
    if len(value) < 8 or " " in value:
        return False
    kinds = _kinds_of(value)
    changes = len(_RUN.findall(kinds)) - 1
    digits, lowers, uppers = kinds.count("9"), kinds.count("a"), kinds.count("A")
    if digits and lowers and uppers:
        return changes >= max(4, len(value) // 4)
    if digits and lowers + uppers:
        return changes >= max(3, len(value) // 6) and not _reads_as_words(value)
    if lowers and uppers and len(value) >= 12:
        return _case_changes(value) >= max(4, len(value) // 4) and not _reads_as_words(value)
    return False


def _kinds_of(value: str) -> str:
    """For each character `9` for a digit, `a` for a lower letter, `A` for an upper one, else `.`."""
    if value.isascii():
        return value.translate(_KINDS)
    return "".join(map(_kind_of, value))


def _case_changes(value: str) -> int:
    return len(re.findall(r"a+|[^a]+", _kinds_of(value))) - 1


def _reads_as_words(value: str) -> bool:
    """Whether most of a value lies in runs of four and more lower letters, or in capitalised words."""
    return _count_said(value) * 3 >= len(value) * 2


def _count_said(value: str) -> int:
    return sum(map(len, _SAYING.findall(value)))
