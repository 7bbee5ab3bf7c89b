"""Brace expansion: `{a,b}` and `{1..3}` make several words of one."""

import re
from itertools import pairwise
from typing import NamedTuple

from aiex.guard.commands.words import Piece
from aiex.patterns import late

MOST_WORDS = 64
MOST_BRACES = 12
_NUMBERS = late(r"(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(-?\d{1,9}))?")
_LETTERS = late(r"([a-z])\.\.([a-z])|([A-Z])\.\.([A-Z])")


class TooMany(Exception):
    """More words than are looked at, or braces that are not understood."""


class Pair(NamedTuple):
    """A pair of braces among the atoms of a word."""

    opened: int
    closed: int
    commas: list[int]


def expand_braces(pieces: tuple[Piece, ...]) -> list[tuple[Piece, ...]]:
    """The words that a word stands for, in order.

    Raises:
        TooMany: for more than `MOST_WORDS`, and for braces that do not pair.
    """
    if not any(piece.kind == "bare" and "{" in piece.text for piece in pieces):
        return [pieces]
    if sum(piece.text.count("{") for piece in pieces if piece.kind == "bare") > MOST_BRACES:
        raise TooMany("it has too many braces")
    words = _expand(_atoms(pieces))
    if len(words) > 1 and any(map(_makes_name, words)):
        raise TooMany("the name of a variable goes on in braces")
    return [_joined(word) for word in words]


def _makes_name(word: list[Piece]) -> bool:
    """Whether a dollar meets a name only through braces, which bash expands first: `$x{a,b}` is `$xa $xb`."""
    return any(
        (piece.kind == "variable" and not piece.quoted and (after.text[:1].isalnum() or after.text[:1] == "_"))
        or (piece.kind == "quoted" and piece.text == "$")
        for piece, after in pairwise(word)
    )


def _joined(word: list[Piece]) -> tuple[Piece, ...]:
    """Neighbouring bare letters as one piece again."""
    joined: list[Piece] = []
    for piece in word:
        if joined and piece.kind == joined[-1].kind == "bare":
            joined[-1] = piece._replace(text=joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return tuple(joined)


def _atoms(pieces: tuple[Piece, ...]) -> list[Piece]:
    """Every bare letter on its own."""
    atoms: list[Piece] = []
    for piece in pieces:
        if piece.kind == "bare":
            atoms.extend(Piece("bare", letter, quoted=False) for letter in piece.text)
        else:
            atoms.append(piece)
    return atoms


def _expand(atoms: list[Piece], depth: int = 0) -> list[list[Piece]]:
    if depth > 8:
        raise TooMany("braces are nested too deeply")
    at = 0
    while (pair := _first_pair(atoms, at)) is not None:
        middles = _middles(atoms, pair, depth)
        if middles is None:  # `{}` and `{one}` stand for themselves
            at = pair.opened + 1
            continue
        rests = _expand(atoms[pair.closed + 1 :], depth)
        if len(middles) * len(rests) > MOST_WORDS:
            raise TooMany("braces make too many words")
        before = atoms[: pair.opened]
        return [[*before, *middle, *rest] for middle in middles for rest in rests]
    return [atoms]


def _first_pair(atoms: list[Piece], start: int) -> Pair | None:
    opened = next((at for at in range(start, len(atoms)) if _is(atoms[at], "{")), None)
    if opened is None:
        return None
    commas, level = list[int](), 0
    for at in range(opened, len(atoms)):
        level += _is(atoms[at], "{") - _is(atoms[at], "}")
        if level == 0:
            return Pair(opened, at, commas)
        if level == 1 and _is(atoms[at], ","):
            commas.append(at)
    raise TooMany("a brace is not closed")


def _middles(atoms: list[Piece], pair: Pair, depth: int) -> list[list[Piece]] | None:
    if pair.commas:
        edges = [pair.opened, *pair.commas, pair.closed]
        parts = [atoms[first + 1 : last] for first, last in pairwise(edges)]
        return [word for part in parts for word in _expand(part, depth + 1)]
    inside = atoms[pair.opened + 1 : pair.closed]
    written = "".join(piece.text for piece in inside)
    if ".." not in written:
        return None
    if not all(piece.kind == "bare" for piece in inside):
        raise TooMany("a range in braces that is not written out")
    return [[Piece("quoted", word)] for word in _range(written)]


def _range(written: str) -> list[str]:
    numbers, letters = _NUMBERS.fullmatch(written), _LETTERS.fullmatch(written)
    if numbers and not re.search(r"(?<!\d)0\d", written):
        first, last, step = int(numbers[1]), int(numbers[2]), abs(int(numbers[3] or 1)) or 1
        if abs(last - first) // step >= MOST_WORDS:
            raise TooMany("braces make too many words")
        way = step if first <= last else -step
        return [str(number) for number in range(first, last + (1 if way > 0 else -1), way)]
    if letters:
        first, last = (ord(letter) for letter in letters.groups() if letter)
        way = 1 if first <= last else -1
        return [chr(code) for code in range(first, last + way, way)]
    raise TooMany("a range in braces that is not understood")


def _is(piece: Piece, letter: str) -> int:
    return int(piece.kind == "bare" and piece.text == letter)
