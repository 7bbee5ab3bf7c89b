"""A file as documents to search: functions, the heads of classes, and what lies between.

Every line belongs to one document. A function inside a function belongs to the outer one, the comments and attributes
directly above a function belong to it, and a line or two between two functions belongs to what stands before.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from aiex.context.facts import FileFacts, Symbol, make_plainly
from aiex.context.structure import BODIED

LONGEST_LINES = 40
"""Longer stretches are cut."""
SHORTEST_LINES = 3
"""What lies between two functions is a document from so many lines with letters or digits."""
_SAYS = re.compile(rb"[0-9A-Za-z\x80-\xff]")
ABOVE = (b"#", b"//", b"/*", b"*", b"@", b"--", b";;", b"%")
"""How a line begins that may speak of the function below it: comments, attributes, annotations."""


class Document(NamedTuple):
    """A stretch of lines, counted from 1, the last included."""

    start_line: int
    end_line: int
    symbol: int
    """Index of the symbol it belongs to; -1 for what is in none."""


def to_documents(facts: FileFacts, lines: Sequence[bytes]) -> list[Document]:
    """The documents of a file, in order and without gaps; none for an empty file.

    Args:
        lines: The source without line ends, at least `facts.line_count` of them.
    """
    bodies = [symbol.kind in BODIED for symbol in facts.symbols]
    bodies.append(False)  # of what is in no symbol, which has the index -1
    stretches = _stretches(facts)
    documents: list[Document] = []
    above = 0
    for place, (begin, stop, owner) in enumerate(stretches):
        start, end = begin - above, stop
        above = 0
        if not bodies[owner]:
            if place + 1 < len(stretches) and bodies[stretches[place + 1][2]]:
                above = _count_above(lines, start, end)
                end -= above
            if documents and not _is_worth(lines, start, end):
                first, _, symbol = documents[-1]
                documents[-1] = Document(first, end, symbol)
                continue
        if end > start:
            documents.append(make_plainly(Document, (start + 1, end, owner)))
    if any(end - start >= LONGEST_LINES for start, end, _ in documents):
        return [piece for document in documents for piece in _cut(document)]
    return documents


def _stretches(facts: FileFacts) -> list[tuple[int, int, int]]:
    """Half open ranges of lines, counted from 0, each with the symbol that it belongs to."""
    owners, edges = _owners(facts)
    found: list[tuple[int, int, int]] = []
    begin, last = 0, None
    for start, end in pairwise(edges):
        owner = owners[start]
        if owner == last:
            found[-1] = begin, end, owner
        else:
            found.append((start, end, owner))
            begin, last = start, owner
    return found


def _count_above(lines: Sequence[bytes], start: int, end: int) -> int:
    """How many lines before `end` are comments and attributes of what follows."""
    place = end
    while place > start:
        text = lines[place - 1].strip()
        if text.endswith(b"*/"):
            while place > start and b"/*" not in lines[place - 1]:
                place -= 1
        elif not text.startswith(ABOVE):
            break
        place -= 1
    return end - max(place, start)


def _is_worth(lines: Sequence[bytes], start: int, end: int) -> bool:
    """Whether enough lines say something."""
    if end - start < SHORTEST_LINES:
        return False
    found = 0
    for text in lines[start:end]:
        found += _SAYS.search(text) is not None
        if found >= SHORTEST_LINES:
            return True
    return False


def _cut(document: Document) -> Iterator[Document]:
    """Pieces of about equal length."""
    start, end, symbol = document
    pieces = -(-(end - start + 1) // LONGEST_LINES)
    for piece in range(pieces):
        after = start + (end - start + 1) // (pieces - piece)
        yield Document(start, after - 1, symbol)
        start = after


def _owners(facts: FileFacts) -> tuple[list[int], list[int]]:
    """The symbol that each line belongs to, and the lines, counted from 0, at which that may change."""
    count = facts.line_count
    owners = [-1] * count
    edges = {0, count}
    for index, start, last in _outer_symbols(facts.symbols):
        end = min(last, count)
        owners[start:end] = [index] * (end - start)
        edges.add(start)
        edges.add(end)
    return owners, sorted(edges)


def _outer_symbols(symbols: tuple[Symbol, ...]) -> Iterator[tuple[int, int, int]]:
    """Symbols that are in no function and worth a document, containers before what they contain.

    Each with its lines, counted from 0, the last not included.
    """
    closed: set[int] = set()
    for index, (_, _, kind, _, _, start_line, end_line, _, _, parent, _) in enumerate(symbols):
        if parent in closed:
            closed.add(index)
        elif kind in BODIED:
            closed.add(index)
            yield index, start_line - 1, end_line
        elif end_line > start_line:
            yield index, start_line - 1, end_line
