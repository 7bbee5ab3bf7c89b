"""How text and numbers are put for a person: on one line, in one sentence, with the noun in the right form."""

import re

_SENTENCE_END = re.compile(r"(?<![A-Z.])(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)[.!?](?=\s+[A-Z`*:\"'(])")
"""The end of a sentence: a mark before a new beginning, but not after an initial or a usual abbreviation."""


def clip(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters, cut at a word with an ellipsis."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > limit * 0.6 else cut).rstrip(" ,;:") + "…"


def sentence(text: str, limit: int = 110) -> str:
    """The first sentence of a paragraph, clipped."""
    line = " ".join(text.split())
    end = _SENTENCE_END.search(line)
    return clip(line[: end.start() + 1] if end else line, limit)


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: `1 file`, `1,200 files`; `plural` for a noun that does not end in `s` then."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size_words(size_bytes: int) -> str:
    """A size: 512 bytes, 3.4 kB, 10.2 MB."""
    if size_bytes < 1000:
        return count(size_bytes, "byte")
    return f"{size_bytes / 1000:.1f} kB" if size_bytes < 999_950 else f"{size_bytes / 1e6:.1f} MB"
