"""A request in words, read once: what it speaks of, which names, places and stack frames it gives.

What a tracker's form asks for is not what a request is about: comments, check lists and lists of versions are left out.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import log
from typing import NamedTuple

from aiex.context.search.words import STOP, count_terms, spell_once, split_words, stem

LONGEST_CHARACTERS = 100_000
"""What comes later is not read."""
TITLE_WEIGHT = 1.0
"""Added to the weight of a term that is in the first line."""
JOINED_WEIGHT = 0.5
"""Of two neighbouring words taken as one name: `prompt suffix` may mean `prompt_suffix`."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CHECKBOX = re.compile(r"^[ \t]*[-*] \[[ xX]\].*$", re.MULTILINE)
_VERSION_LINE = re.compile(r"^[ \t]*[\w.-]{1,80}(?: ?== ?|[ \t]{2,})v?\d+(?:\.\d+)+(?=\s|$|[a-z-]).*$", re.MULTILINE)
_TRAILER = re.compile(r"^(?:Signed-off-by|Co-authored-by|Reviewed-by|Acked-by|Change-Id|Cc):.*$", re.MULTILINE | re.I)
_ENVIRONMENT = re.compile(
    r"^(#{1,6})[ \t]*(?:system info\w*|(?:your )?environment|versions?)\b[^\n]*\n"
    r".*?(?=^\1[ \t]|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
"""A section of an issue template that tells where something happened, not what."""
_FENCE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(r"[^\W\d]\w*(?:(?:\.|::|#)[^\W\d]\w*)*")
_SEPARATOR = re.compile(r"\.|::|#")
_COMPOSED = re.compile(r"[a-z0-9][A-Z]|[^\W_]_+[^\W_]")
_WRITTEN = re.compile(r"[\w.@~+/\\-]+")
"""A run of what paths are made of."""
_LONGEST_PATH = 300
_FILE = re.compile(r"\w\.[A-Za-z]\w{0,5}\Z")
_LINE = re.compile(r"(?::|[\"'], line |\()(\d{1,6})\b")
_HYPHENATED = re.compile(r"\b[A-Za-z]+(?:-[A-Za-z]+)+\b")


class Name(NamedTuple):
    """An identifier that a request writes."""

    text: str
    """Without what qualifies it."""
    certain: bool
    """Written as code, qualified, or composed of several words: no word of the language."""


class Place(NamedTuple):
    """A line of a file, as a stack trace or a compiler names it."""

    path: str
    line: int


class Request(NamedTuple):
    """What a request asks for."""

    text: str
    terms: dict[str, float]
    """Weight of each term, above 0."""
    names: tuple[Name, ...]
    paths: tuple[str, ...]
    """File names and paths as written, `/` between folders."""
    dotted: tuple[str, ...]
    """Qualified names as paths: `a.b.c` gives `a/b/c`."""
    places: tuple[Place, ...]


def read_request(text: str) -> Request:
    """Read a question, an issue or a commit message; any text will do."""
    said = _without_form(text[:LONGEST_CHARACTERS])
    title, _, body = said.partition("\n")
    prose = _FENCE.sub("\n", body)
    title_terms = count_terms(_encode(title))
    written = list(_find_paths(said))
    return Request(
        text,
        _weigh(title, prose, body, title_terms),
        _find_names(said, "\n".join((title, prose))),
        tuple(dict.fromkeys(path for path, _ in written)),
        tuple(dict.fromkeys(_SEPARATOR.sub("/", name) for name in _NAME.findall(said) if _SEPARATOR.search(name))),
        tuple(dict.fromkeys(Place(path, line) for path, line in written if line)),
    )


def _without_form(text: str) -> str:
    for pattern in (_COMMENT, _ENVIRONMENT, _CHECKBOX, _VERSION_LINE, _TRAILER):
        text = pattern.sub("", text)
    return text.strip()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _weigh(title: str, prose: str, body: str, title_terms: Counter[str]) -> dict[str, float]:
    weights = {term: 1 + log(count) for term, count in count_terms(_encode(body)).items()}
    for term in title_terms:
        weights[term] = weights.get(term, 1.0) + TITLE_WEIGHT
    for text, weight in ((title, 1 + TITLE_WEIGHT), (prose, 1.0)):
        for term in _join_neighbours(text):
            weights[term] = max(weights.get(term, 0.0), weight * JOINED_WEIGHT)
    return weights


def _join_neighbours(text: str) -> list[str]:
    """Terms of names that two neighbouring words may be: `setup_class` and `setupclass`."""
    words = [word.decode("utf-8", "replace").lower() for word in split_words(_encode(text))]
    pairs = [
        (left, right)
        for left, right in pairwise(words)
        if left.isalpha() and right.isalpha() and left not in STOP and right not in STOP
    ]
    hyphenated = [tuple(match.lower().split("-")) for match in _HYPHENATED.findall(text)]
    return [stem(between.join(parts)) for parts in (*pairs, *hyphenated) for between in ("_", "")]


def _find_paths(text: str) -> Iterator[tuple[str, int]]:
    """File names and paths as written, with the line that follows; 0 without one."""
    for match in _WRITTEN.finditer(text):
        path = match.group().rstrip(".-").replace("\\", "/")
        if len(path) > _LONGEST_PATH or not _FILE.search(path):
            continue
        line = _LINE.match(text, match.end())
        yield path, int(line.group(1)) if line else 0


def _find_names(said: str, spoken: str) -> tuple[Name, ...]:
    """Identifiers by first occurrence; a name that is certain in one place is certain."""
    in_code = {part for span in _SPAN.findall(spoken) for part in _NAME.findall(span)}
    found: dict[str, bool] = {}
    for whole in _NAME.findall(said):
        parts = _SEPARATOR.split(whole)
        for part in parts:
            if len(part) < 3 or not spell_once(part.encode("utf-8", "replace")):
                continue
            certain = len(parts) > 1 or whole in in_code or _COMPOSED.search(part) is not None
            found[part] = found.get(part, False) or certain
    return tuple(Name(text, certain) for text, certain in found.items())
