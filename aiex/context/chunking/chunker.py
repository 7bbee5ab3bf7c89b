"""Cuts a file into chunks that each mean something and together are the file, byte for byte."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from aiex.context.chunking.boundaries import Unit, cut_node
from aiex.context.chunking.fallback import cut_text
from aiex.context.language import HEAD_BYTES, Language, find_language
from aiex.context.parsing import Unparsed, parse

LIMIT_BYTES = 3_000
"""About 700 tokens of code; larger units are cut inside."""
JOIN_BELOW_BYTES = 600
"""Smaller units join a neighbour."""
JOINED_LIMIT_BYTES = 1_500
SLIVER_BYTES = 200
"""What is smaller says nothing alone, so it joins a neighbour even when that makes a large chunk."""


class Chunk(NamedTuple):
    """A stretch of a file; lines count from 1 and include the last, bytes are half open."""

    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    names: tuple[str, ...]
    """Definitions that begin in it, qualified, in order."""
    part_of: str
    """The definition it is a piece of, empty when nothing was cut inside."""


def chunk(source: bytes, path: str) -> list[Chunk]:
    """Cut a source at meaning boundaries; unknown, broken, huge and binary content is cut at blank lines instead.

    The chunks are in order and cover the source exactly; an empty source has none. None is larger than
    `LIMIT_BYTES`. Cost: about half of the parse on top of the parse.
    """
    language = find_language(path, source[:HEAD_BYTES])
    return [*_chunks(join(cut(source, language)), source)]


def cut(source: bytes, language: Language | None) -> list[Unit]:
    """Units of at most `LIMIT_BYTES`, covering the source."""
    if not source:
        return []
    tree = parse(source, language) if language is not None else Unparsed("")
    if language is None or isinstance(tree, Unparsed):
        return cut_text(source, LIMIT_BYTES)
    units: list[Unit] = []
    for unit in cut_node(tree.root_node, source, language, LIMIT_BYTES):
        if unit.end_byte - unit.start_byte <= LIMIT_BYTES:
            units.append(unit)
            continue
        pieces = cut_text(
            source, LIMIT_BYTES, unit.start_byte, unit.end_byte, unit.names[0] if unit.names else unit.part_of
        )
        pieces[0] = pieces[0]._replace(names=unit.names)
        units += pieces
    return units


def join(units: list[Unit]) -> list[Unit]:
    """Join small neighbours: up to `JOINED_LIMIT_BYTES`, and only pieces of the same definition."""
    joined: list[Unit] = []
    for unit in units:
        last = joined[-1] if joined else None
        if last is not None and _belong(last, unit):
            joined[-1] = Unit(last.start_byte, unit.end_byte, last.names + unit.names, last.part_of)
        else:
            joined.append(unit)
    return joined


def _belong(last: Unit, unit: Unit) -> bool:
    smaller = min(last.end_byte - last.start_byte, unit.end_byte - unit.start_byte)
    if unit.end_byte - last.start_byte > (LIMIT_BYTES if smaller < SLIVER_BYTES else JOINED_LIMIT_BYTES):
        return False
    if last.part_of != unit.part_of and not (unit.part_of and unit.part_of in last.names):
        return False
    return smaller < JOIN_BELOW_BYTES


def _chunks(units: list[Unit], source: bytes) -> Iterator[Chunk]:
    breaks = _line_breaks(source)
    for unit in units:
        first = bisect_right(breaks, unit.start_byte) + 1
        last = bisect_right(breaks, unit.end_byte - 1) + 1
        yield Chunk(unit.start_byte, unit.end_byte, first, last, unit.names, unit.part_of)


def _line_breaks(source: bytes) -> list[int]:
    """Bytes at which the second and every later line begins."""
    places: list[int] = []
    found = source.find(b"\n")
    while found >= 0:
        places.append(found + 1)
        found = source.find(b"\n", found + 1)
    return places
