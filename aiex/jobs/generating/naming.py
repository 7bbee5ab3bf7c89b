"""Names that people type, as words; and words as the names that languages want."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_BETWEEN = re.compile(r"[\s_\-.]+")
_NAME = re.compile(r"[\s_\-.A-Za-z0-9]*\Z")
LONGEST_NAME = 100
"""Characters; file systems take 255 bytes, and a test adds to a name."""
_FURTHER = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ð": "d"}


def split_name(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: `HTTP client`, `http-client` and `HttpClient` give http, client.

    Raises:
        UsageError: if they cannot make an identifier; the hint has one that can.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    shown = printable_path(name)
    if len(plain) > LONGEST_NAME:
        raise UsageError(f"the name is longer than {LONGEST_NAME} characters", hint="take a shorter one")
    words = [word.lower() for piece in _BETWEEN.split(plain) for word in _WORD.findall(piece)]
    if not _NAME.match(plain):
        offered = "_".join(_plain_words(plain))
        hint = f"did you mean {offered}?" if offered[:1].isalpha() else "use letters a to z, digits and dashes"
        raise UsageError(f"cannot make a name of '{shown}': it has other characters than letters and digits", hint=hint)
    if not words:
        raise UsageError(f"there is no word in the name '{shown}'", hint="use letters a to z, digits and dashes")
    if words[0][0].isdigit():
        turned = "_".join([*words[1:], words[0]]) if len(words) > 1 else f"n{words[0]}"
        raise UsageError(f"a name cannot begin with a digit: '{shown}'", hint=f"did you mean {turned}?")
    return tuple(words)


def _plain_words(name: str) -> list[str]:
    spelled = "".join(_FURTHER.get(letter, _FURTHER.get(letter.lower(), letter)) for letter in name)
    bare = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode("ascii")
    return [word.lower() for word in _WORD.findall(re.sub(r"[^A-Za-z0-9]+", " ", bare))]


def refuse_keyword(name: str, keywords: Collection[str], language: str, *, suggestion: str) -> str:
    """The name, unless the language keeps it for itself. Raises UsageError with the suggestion."""
    if name in keywords:
        raise UsageError(f"'{name}' is a keyword of {language}", hint=f"did you mean {suggestion}?")
    return name


def snake(words: Sequence[str]) -> str:
    """`http_client`."""
    return "_".join(words)


def kebab(words: Sequence[str]) -> str:
    """`http-client`."""
    return "-".join(words)


def pascal(words: Sequence[str]) -> str:
    """`HttpClient`."""
    return "".join(word.capitalize() for word in words)


def camel(words: Sequence[str]) -> str:
    """`httpClient`."""
    return words[0] + pascal(words[1:])


def sentence(words: Iterable[str]) -> str:
    """`Http client`."""
    return " ".join(words).capitalize()


FORMS = {"snake_case": snake, "kebab-case": kebab, "camelCase": camel, "PascalCase": pascal}
_SHAPES = {
    "snake_case": re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+\Z"),
    "kebab-case": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+\Z"),
    "camelCase": re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+\Z"),
    "PascalCase": re.compile(r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)*\Z"),
}


def shape_of(stem: str) -> str:
    """How the words of a file name are joined; empty for one word in lower case, which says nothing."""
    return next((shape for shape, pattern in _SHAPES.items() if pattern.match(stem)), "")


def words_or(name: str) -> tuple[str, ...]:
    """The words of an identifier, in lower case; the whole of it where it has none."""
    return tuple(word.lower() for word in _WORD.findall(name)) or ("x",)
