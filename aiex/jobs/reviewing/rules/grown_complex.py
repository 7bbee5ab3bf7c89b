"""Functions that grew long, or got many branches."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.context.facts import Symbol
from aiex.jobs.reviewing.diff import NO_CODE, FileChange
from aiex.jobs.reviewing.model import Hit, Rule
from aiex.jobs.reviewing.source import Source

COMPLEX = 25
"""Ways through a function from which it is hard to follow. Each `and`, `or` and comprehension counts here, so that
the 10 of McCabe (1976) and the 15 of most linters come to about this."""
GREW = 5
LONG_LINES = 100
GREW_LINES = 30
_KINDS = frozenset({"function", "method", "constructor"})


def _find(change: FileChange) -> Iterator[Hit]:
    source = change.new
    if source is None or change.language in NO_CODE or change.is_test or change.status == "whole" or not change.added:
        return
    before = _sizes(change.old) if change.old is not None else {}
    for name, (symbol, branches, lines) in _sizes(source).items():
        if change.added.isdisjoint(range(symbol.start_line, symbol.end_line + 1)):
            continue
        _, old_branches, old_lines = before.get(name, (symbol, 0, 0))
        grew = f" (it was {old_branches})" if name in before else ""
        place = _line_of(source, symbol)
        if branches > COMPLEX and branches - old_branches >= GREW:
            message = f"{name} has {branches} ways through it{grew}"
            yield Hit(change.path, place, message, "give parts of it names of their own")
        elif lines > LONG_LINES and lines - old_lines >= GREW_LINES:
            message = f"{name} has {lines} lines" + (f" (it had {old_lines})" if name in before else "")
            yield Hit(change.path, place, message, "give parts of it names of their own")


def _sizes(source: Source) -> dict[str, tuple[Symbol, int, int]]:
    """Functions by their names, with their complexity and length in lines."""
    facts = source.facts
    return {
        symbol.qualified: (symbol, branches, symbol.end_line - symbol.start_line + 1)
        for symbol, branches in zip(facts.symbols, facts.complexity, strict=True)
        if symbol.kind in _KINDS
    }


def _line_of(source: Source, symbol: Symbol) -> int:
    """The line with the name, behind decorators and attributes."""
    for line in range(symbol.start_line, min(symbol.end_line, len(source.lines)) + 1):
        if symbol.name in source.lines[line - 1] and not source.lines[line - 1].lstrip().startswith(("@", "#[")):
            return line
    return symbol.start_line


RULE = Rule(
    "note",
    "Function grew much",
    "A function that does many things at once is hard to read, to test and to change.",
    in_file=_find,
    known_as=("C901", "PLR0912", "PLR0915", "complexity", "gocyclo"),
)
