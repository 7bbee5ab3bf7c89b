"""Redaction of source files, which keep their lines, and of many short texts at once."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from aiex.guard.redact.known import secret_values
from aiex.guard.redact.scan import remove_secrets
from aiex.guard.redact.stream import HELD_CHARACTERS, Redactor

T = TypeVar("T")
_BETWEEN = "\n.|,|.\n"
"""Stands between two texts: no secret reaches over it. Where a text holds it too, each is looked at by itself."""
_BINARY = 8_192
_MOST_REMEMBERED = 1 << 18
"""Characters."""


class Cleaned(NamedTuple):
    """A text without its secrets."""

    text: str
    removed: int
    """How many there were."""


class _Clean:
    """Texts in which nothing was found lately: an agent says most of what it does several times."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.known: tuple[str, ...] = ()
        """What was looked for."""
        self._size = 0

    def add(self, texts: Sequence[str], known: tuple[str, ...]) -> None:
        """Remember them, and nothing else once that is much."""
        size = sum(map(len, texts))
        if self.known is not known or self._size + size > _MOST_REMEMBERED:
            self.texts, self.known, self._size = set(), known, 0
        if size <= _MOST_REMEMBERED:
            self.texts.update(texts)
            self._size += size


_CLEAN = _Clean()


def redact_lines(text: str, environ: Mapping[str, str] | None = None) -> Cleaned:
    """The text without its secrets, every line at the number it had.

    Args:
        environ: As for `redact`.
    """
    redactor = Redactor(environ, keeps_lines=True)
    given_out = redactor.feed(text) if len(text) > HELD_CHARACTERS else redactor.hold(text)
    return Cleaned(given_out + redactor.finish(), redactor.removed)


def redact_source(source: bytes) -> bytes:
    """A file without its secrets, every line at the number it had; binary content and clean text come back as they are.

    Cost: that of `redact`.
    """
    if b"\0" in source[:_BINARY]:
        return source
    cleaned = redact_lines(source.decode("utf-8", "surrogateescape"))
    return cleaned.text.encode("utf-8", "surrogateescape") if cleaned.removed else source


def redact_texts(texts: Sequence[str]) -> Sequence[str]:
    """Short texts without their secrets, each looked at for itself; the same object when there are none.

    Cost: that of `redact` for all of them together; for each by itself it would be 30 µs more. Texts that were all seen
    lately take 3 µs.
    """
    known = secret_values(os.environ, sys.argv)
    if _CLEAN.known is known and _CLEAN.texts.issuperset(texts):
        return texts
    whole = _BETWEEN.join(texts)
    cleaned = _clean(whole, known) if len(whole) <= HELD_CHARACTERS else redact_lines(whole)
    if not cleaned.removed:
        _CLEAN.add(texts, known)
        return texts
    parts = cleaned.text.split(_BETWEEN)
    return parts if len(parts) == len(texts) else [redact_lines(text).text for text in texts]


def _clean(text: str, known: tuple[str, ...]) -> Cleaned:
    """What `redact_lines` gives of a text that is read as one part."""
    return Cleaned(*remove_secrets(text, known, keeps_lines=True))


def redact_within(value: T) -> T:
    """Tuples, lists and mappings with every text inside without its secrets; the same object when there are none."""
    texts = _texts_in(value)
    cleaned = redact_texts(texts)
    return value if cleaned is texts else cast("T", _with(value, iter(cleaned)))


def _texts_in(value: Any) -> list[str]:
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[str]) -> None:
    kind = type(value)
    if kind is str:
        found.append(value)
    elif kind is dict or isinstance(value, Mapping):
        for one in value.values():
            _gather(one, found)
    elif isinstance(value, tuple | list):
        for one in value:
            _gather(one, found)
    elif isinstance(value, str):
        found.append(value)


def _with(value: Any, texts: Iterator[str]) -> Any:
    """The value with these texts in the place of its own."""
    match value:
        case str():
            return next(texts)
        case Mapping():
            return {name: _with(one, texts) for name, one in value.items()}
        case tuple() if hasattr(value, "_make"):
            return type(value)._make(_with(one, texts) for one in value)
        case tuple() | list():
            return type(value)(_with(one, texts) for one in value)
        case _:
            return value
