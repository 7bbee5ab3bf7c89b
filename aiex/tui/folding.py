"""What is too long to stand in the prompt: a token stands there for it, which opens again when it is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiex.pictures import IMAGE_TYPES
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONG_LINES: Final = 5
LONG_CHARS: Final = 1_000
"""A paste of more lines or more characters is folded."""
MOST_KEPT: Final = 60
"""Folds of a prompt that are remembered, so that a text that comes back opens again."""
_TOKEN: Final = re.compile(r"\[(?:pasted [\d,]+ (?:lines|characters)|picture [^\[\]\n]{1,80})(?: #\d+)?\]")
_SPLIT_PATHS: Final = re.compile(r"""'[^'\n]+'|"[^"\n]+"|(?:\\.|[^\s\\'"])+""")


@record
class Fold:
    """What a token stands for: a text, or a picture in a file."""

    text: str = ""
    picture: str = ""
    """Path of a picture, in place of a text."""


class Folds:
    """The tokens of one prompt and what they stand for; the newest are kept."""

    def __init__(self) -> None:
        self._known: dict[str, Fold] = {}

    def fold(self, pasted: str, *, among: str = "") -> str:
        """What stands in the prompt for something pasted: itself where it is short, else one token or several.

        Args:
            among: The text that it gets into, whose tokens keep what they stand for.
        """
        if pictures := find_pictures(pasted):
            return " ".join(self.keep(f"picture {_name(path)}", Fold(picture=path)) for path in pictures)
        if not is_long(pasted):
            return pasted
        lines = pasted.rstrip("\n").count("\n") + 1
        said = f"{lines:,} lines" if lines > 1 else f"{len(pasted):,} characters"
        return self.keep(f"pasted {said}", Fold(text=pasted))

    def keep(self, label: str, fold: Fold) -> str:
        """A token that stands for this, and for nothing else."""
        token, number = f"[{label}]", 1
        while self._known.get(token, fold) != fold:
            number += 1
            token = f"[{label} #{number}]"
        self._known.pop(token, None)
        self._known[token] = fold
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        return token

    def take(self, known: Mapping[str, Fold]) -> None:
        """Remember tokens of another prompt, such as one that is recalled."""
        self._known.update(known)

    def of(self, text: str) -> dict[str, Fold]:
        """The tokens that stand in a text and what they stand for, in their order."""
        return {token: self._known[token] for _, _, token in find_tokens(text) if token in self._known}


def is_long(pasted: str) -> bool:
    """Whether a paste is folded."""
    return len(pasted) > LONG_CHARS or pasted.rstrip("\n").count("\n") >= LONG_LINES


def find_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Where tokens begin and end in a text."""
    for found in _TOKEN.finditer(text):
        yield found.start(), found.end(), found[0]


def token_at(line: str, *, start: int = -1, end: int = -1) -> str:
    """The token that begins at one column or ends at the other; empty for none."""
    if not (line[end - 1 : end] == "]" if end > 0 else line[max(start, 0) : start + 1] == "["):
        return ""
    return next((token for first, last, token in find_tokens(line) if first == start or last == end), "")


def unfold(text: str, folds: Mapping[str, Fold]) -> str:
    """The text with the folded texts in their places; pictures stay tokens."""
    return _TOKEN.sub(lambda found: getattr(folds.get(found[0]), "text", "") or found[0], text)


def find_pictures(pasted: str) -> list[str]:
    """The paths of pictures, where nothing else was pasted: as a terminal gives what is dragged into it."""
    words = pasted.strip()
    if not words or len(words) > LONG_CHARS or "\n" in words or "." not in words:
        return []
    if words[0] == "/" and _is_picture(words) and "\\" not in words and " /" not in words:
        return [words]  # as some terminals do, without quoting its spaces
    paths = [_to_path(word) for word in _SPLIT_PATHS.findall(words)]
    return paths if paths and all(map(_is_picture, paths)) else []


def _to_path(word: str) -> str:
    word = word[1:-1] if word[0] in "'\"" else re.sub(r"\\(.)", r"\1", word)
    if word.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        try:
            return unquote(urlsplit(word).path)
        except ValueError:
            return ""
    return word


def _is_picture(path: str) -> bool:
    """Whether it is a whole path that ends as those of pictures do."""
    return path.startswith("/") and path[path.rfind(".") :].lower() in IMAGE_TYPES


def _name(path: str) -> str:
    return re.sub(r"[\[\]\x00-\x1f\x7f]", "_", path.rpartition("/")[2])[-80:]
