"""Which lines of a source are prose: comments and documentation, also in broken files."""

import re
from collections.abc import Sequence

_HASH = frozenset({"python", "ruby", "bash", "elixir", "yaml", "toml"})
_SLASH = frozenset({"c", "cpp", "css", "go", "java", "javascript", "rust", "tsx", "typescript"})
_TRIPLE = re.compile(r"\"\"\"|'''")
_STRING_START = {
    "python": re.compile(r"\s*[rRuUbB]{0,2}(\"\"\"|''')"),
    "elixir": re.compile(r"\s*@(?:module|type)?doc\s+(?:~[sS])?(\"\"\"|''')"),
}
_BLOCKS = {
    **dict.fromkeys(_SLASH, ("/*", "*/")),
    "ruby": ("=begin", "=end"),
    "html": ("<!--", "-->"),
    "markdown": ("<!--", "-->"),
}


def find_prose(lines: Sequence[str], language: str) -> frozenset[int]:
    """Lines, counted from 1, that hold a comment or documentation and no code; none for an unknown language.

    Judged by the beginnings of lines: text in a string of several lines that looks like a comment is taken for one.
    """
    found: set[int] = set()
    if language in _BLOCKS:
        found |= _between(lines, *_BLOCKS[language])
    if language in _STRING_START:
        found |= _in_strings(lines, _STRING_START[language])
    mark = "#" if language in _HASH else "//" if language in _SLASH and language != "css" else ""
    if mark:
        found.update(number for number, line in enumerate(lines, 1) if line.lstrip().startswith(mark))
    return frozenset(found)


def prose_runs(prose: frozenset[int], first: int, last: int) -> list[tuple[int, int]]:
    """Stretches of neighbouring prose lines within two lines, both included."""
    runs: list[tuple[int, int]] = []
    for number in range(first, last + 1):
        if number not in prose:
            continue
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _between(lines: Sequence[str], start: str, end: str) -> set[int]:
    """Lines of blocks that begin at the beginning of a line."""
    found: set[int] = set()
    inside = False
    for number, line in enumerate(lines, 1):
        words = line.strip()
        if not inside and words.startswith(start):
            inside, words = True, words[len(start) :]
            found.add(number)
        if inside:
            found.add(number)
            place = words.find(end)
            if place >= 0:
                inside = False
                if words[place + len(end) :].strip():
                    found.discard(number)
    return found


def _in_strings(lines: Sequence[str], opening: re.Pattern[str]) -> set[int]:
    """Lines of strings in three quotes that stand alone, as documentation does."""
    found: set[int] = set()
    closing, is_prose = "", False
    for number, line in enumerate(lines, 1):
        counts = bool(closing) and is_prose
        place = 0
        while (mark := _next_quotes(line, place, closing)) >= 0:
            if closing:
                closing = ""
            else:
                closing = line[mark : mark + 3]
                is_prose = place == 0 and opening.match(line) is not None
                counts = counts or is_prose
            place = mark + 3
        if counts:
            found.add(number)
    return found


def _next_quotes(line: str, place: int, closing: str) -> int:
    """Where the open string ends or the next one begins; -1 when not on this line."""
    if closing:
        return line.find(closing, place)
    if place == 0 and line.lstrip().startswith("#"):
        return -1
    mark = _TRIPLE.search(line, place)
    return mark.start() if mark else -1
