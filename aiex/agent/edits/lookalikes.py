"""Characters that look like others: typographic quotes and dashes, spaces of many kinds, composed letters."""

from typing import Final

_SINGLE: Final = "\u2018\u2019\u201a\u201b\u2032"
_DOUBLE: Final = "\u201c\u201d\u201e\u201f\u2033"
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SPACES: Final = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING: Final = "\u200b\u2060\ufeff\u00ad"

_PLAIN: Final = {
    **dict.fromkeys(_SINGLE, "'"),
    **dict.fromkeys(_DOUBLE, '"'),
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_NOTHING, ""),
    "\u2026": "...",
}


def to_plain(text: str) -> str:
    """The text with ASCII for what looks like it, and letters composed; ASCII stays as it is."""
    if text.isascii():
        return text
    from unicodedata import normalize

    text = normalize("NFC", text)
    for char, plain in _PLAIN.items():
        if char in text:
            text = text.replace(char, plain)
    return text


def keep_looks(line: str, old: str | None, there: str | None) -> str:
    """An added line with the characters of the file where it says the same as the line in whose place it comes.

    What is new in it gets ASCII for a look-alike if the file has ASCII for the same character of the old line.
    """
    if old is None or there is None or len(old) != len(there):
        return line
    head = _common(old, line)
    tail = _common(old[head:][::-1], line[head:][::-1])
    seen: dict[str, set[str]] = {}
    for ours, theirs in zip(old, there, strict=True):
        seen.setdefault(ours, set()).add(theirs)
    plain = {char: next(iter(found)) for char, found in seen.items() if char > "\x7f" and len(found) == 1}
    middle = "".join([plain.get(char, char) for char in line[head : len(line) - tail]])
    return there[:head] + middle + (there[len(there) - tail :] if tail else "")


def _common(some: str, other: str) -> int:
    """How many characters both begin with."""
    least = min(len(some), len(other))
    return next((at for at in range(least) if some[at] != other[at]), least)
