"""A map of the repository in few tokens: the most telling definitions of its files, for the end of a pack."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from math import log2
from typing import NamedTuple

from aiex.context.facts import FileFacts
from aiex.context.packing.counting import CountTokens, remembering
from aiex.context.structure import BODIED
from aiex.guard.neutral import printable_path

SIGNATURE_CHARS = 100
HIDDEN_SHARE = 0.3
"""What a definition is worth that is not meant to be used from outside, next to one that is."""
LONG_NAME_CHARS = 4
"""Mentions of shorter names count for little: they are other things of the same name."""


class MapSymbol(NamedTuple):
    """A definition as the map shows it."""

    name: str
    signature: str
    line: int
    exported: bool
    mentions: int
    """How often the name is used in other files."""


class MapFile(NamedTuple):
    """A file with its definitions; `weight` is 1, or more when it ranks high for the request."""

    path: str
    symbols: Sequence[MapSymbol]
    weight: float = 1.0


def to_map_file(path: str, facts: FileFacts, mentions: Mapping[str, int], weight: float = 1.0) -> MapFile:
    """A file for the map from its facts: all that is defined, but not inside functions.

    Args:
        mentions: How often each name is used in the repository.
    """
    inner = {
        index
        for index, symbol in enumerate(facts.symbols)
        if symbol.parent >= 0 and (facts.symbols[symbol.parent].kind in BODIED)
    }
    own: dict[str, int] = {}
    for reference in facts.references:
        own[reference.name] = own.get(reference.name, 0) + 1
    symbols = [
        MapSymbol(
            symbol.name,
            symbol.signature,
            symbol.start_line,
            symbol.exported,
            max(mentions.get(symbol.name, 0) - own.get(symbol.name, 0), 0),
        )
        for index, symbol in enumerate(facts.symbols)
        if index not in inner
    ]
    return MapFile(path, symbols, weight)


def repository_map(files: Iterable[MapFile], budget_tokens: int, count: CountTokens) -> str:
    """The most telling definitions in at most `budget_tokens`, by file in the order of paths; may be empty.

    A definition tells more the more often other files mention it, when it is exported, and by the weight of its file.

    Cost: O(symbols), and some ten counts of texts about as long as the map.
    """
    counts = remembering(count)
    known = list(files)
    rated = [
        (-_worth(symbol, file.weight), file.path, symbol.line, at, number)
        for at, file in enumerate(known)
        for number, symbol in enumerate(file.symbols)
    ]
    best = [(at, number) for *_, at, number in heapq.nsmallest(max(budget_tokens, 0), rated)]
    low, high = 0, len(best)
    guess = max(budget_tokens // 16, 1)
    while low < high:
        middle = min(max(guess, low + 1), high)
        if counts(_render(known, best[:middle])) <= budget_tokens:
            low, guess = middle, (middle * 2 if high == len(best) else (middle + high + 1) // 2)
        else:
            high, guess = middle - 1, (low + middle) // 2
    return _render(known, best[:low])


def _worth(symbol: MapSymbol, weight: float) -> float:
    mentions = symbol.mentions if len(symbol.name) >= LONG_NAME_CHARS else min(symbol.mentions, 1)
    return weight * (1.0 + log2(1 + mentions)) * (1.0 if symbol.exported else HIDDEN_SHARE)


def _render(files: Sequence[MapFile], chosen: Sequence[tuple[int, int]]) -> str:
    """Files in the order of their paths, definitions in the order of their lines."""
    by_file: dict[int, list[int]] = {}
    for at, number in chosen:
        by_file.setdefault(at, []).append(number)
    rows: list[str] = []
    for at in sorted(by_file, key=lambda at: files[at].path):
        rows.append(f"{printable_path(files[at].path)}:")
        symbols = sorted((files[at].symbols[number] for number in by_file[at]), key=lambda symbol: symbol.line)
        rows += [f"  {symbol.line} {_short(symbol.signature or symbol.name)}" for symbol in symbols]
    return "\n".join(rows) + "\n" if rows else ""


def _short(signature: str) -> str:
    line = " ".join(signature.split())
    return line if len(line) <= SIGNATURE_CHARS else f"{line[: SIGNATURE_CHARS - 1]}…"
