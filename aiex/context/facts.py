"""What is known about a source file: plain tuples, cheap to make by the thousand and to send between processes.

Lines count from 1 and ranges include their last line; byte ranges are half open. Indexes refer to `FileFacts.symbols`,
-1 means the module itself.
"""

import json
import zlib
from typing import Literal, NamedTuple

VERSION = 10
"""Raised when the same source would give other facts, so that stored facts are read anew."""

PARSE_LIMIT_BYTES = 1_000_000
"""Larger files are not parsed unless a setting says so: valid Python takes about 61 MB of memory per MB of source."""

READ_LIMIT_BYTES = 64_000_000
"""Larger files are described by size alone."""

make_plainly = tuple.__new__
"""Makes a named tuple of all its fields in a third of the time: without the function that gives names to arguments."""

SymbolKind = Literal[
    "module", "namespace", "class", "interface", "struct", "enum", "trait", "implementation", "protocol",
    "function", "method", "constructor", "property", "field", "constant", "variable", "type", "macro",
    "test", "section", "element", "rule", "key", "table", "target",
]  # fmt: skip
Parsed = Literal["full", "partial", "fallback"]


class Symbol(NamedTuple):
    """Something with a name that a file defines."""

    name: str
    qualified: str
    """Path inside the file, joined by dots: `Class.method`."""
    kind: SymbolKind
    signature: str
    """One line without the body, white space collapsed: `def save(self, path: str) -> None`."""
    doc: str
    """First paragraph of the docstring or of the comment directly above; empty when there is none."""
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    parent: int
    exported: bool
    """Meant to be used from outside the file, by the language's own rule."""


class Import(NamedTuple):
    """A dependency as written in the source."""

    module: str
    """The specifier without quotes: `a.b`, `..sibling`, `./x`, `fmt`, `crate::net::tcp`, `stdio.h`."""
    names: tuple[tuple[str, str], ...]
    """Pairs (name imported, name bound here); ("*", "*") for everything."""
    alias: str
    """The local name the module itself is bound to; empty when only names are bound."""
    line: int
    kind: str
    """import, include, system, use, require, reexport, dynamic, module, link, or the word of the statement (`load`,
    `source`, `autoload`); mention for a name written out without a statement."""


class Reference(NamedTuple):
    """A use of a name that may be defined elsewhere."""

    name: str
    receiver: str
    """What stands before the last dot, as written: `self.store`; empty for a bare name."""
    line: int
    inside: int
    kind: str
    """call, new, inherit, decorate, macro, type, link; read for an imported name that is used without a call."""


class Fault(NamedTuple):
    """A place where an error is raised, caught, or ends the process."""

    kind: str
    """raise, catch, exit, assert."""
    what: str
    line: int
    inside: int


class Effect(NamedTuple):
    """A side effect that syntax shows without knowing types: writes to global state and the like."""

    kind: str
    """state, file, network, process, environment, time, random, database, output, input, thread, code."""
    what: str
    line: int
    inside: int


class FileFacts(NamedTuple):
    """Everything one parse of a file tells."""

    language: str
    line_count: int
    size_bytes: int
    parsed: Parsed
    note: str
    """Why the facts are less than full: `syntax error at line 12`, `binary`, `10.4 MB`; empty when they are full."""
    doc: str
    """First paragraph of the module docstring or of the leading comment (licences left out)."""
    symbols: tuple[Symbol, ...]
    imports: tuple[Import, ...]
    references: tuple[Reference, ...]
    faults: tuple[Fault, ...]
    effects: tuple[Effect, ...]
    complexity: tuple[int, ...]
    """Cyclomatic complexity of each symbol, in the order of `symbols`; 0 for what has no body or was not measured."""
    entry_line: int
    """Line where a run of the file begins (a main guard or main function); 0 when there is none."""


def without_uses(facts: FileFacts) -> FileFacts:
    """The same facts as if the uses had not been looked at."""
    return facts._replace(references=(), faults=(), effects=(), complexity=(0,) * len(facts.symbols))


def to_light(facts: FileFacts) -> str:
    """The facts that outlines and dependency graphs need, as JSON: all but references, faults and effects."""
    return json.dumps(facts._replace(references=(), faults=(), effects=()), separators=(",", ":"))


def to_heavy(facts: FileFacts) -> bytes:
    """References, faults and effects as compressed JSON."""
    rows = json.dumps((facts.references, facts.faults, facts.effects), separators=(",", ":"))
    return zlib.compress(rows.encode("ascii"), 1)


def from_rows(light: str, heavy: bytes | None = None) -> FileFacts:
    """Facts from what `to_light` and `to_heavy` gave; without `heavy` the uses are empty.

    Raises:
        ValueError, TypeError, zlib.error: if the rows are damaged.
    """
    facts = FileFacts(*json.loads(light))
    references, faults, effects = json.loads(zlib.decompress(heavy)) if heavy is not None else ((), (), ())
    return facts._replace(
        symbols=tuple(map(Symbol._make, facts.symbols)),
        imports=tuple(
            Import(module, tuple((name, local) for name, local in names), alias, line, kind)
            for module, names, alias, line, kind in facts.imports
        ),
        references=tuple(map(Reference._make, references)),
        faults=tuple(map(Fault._make, faults)),
        effects=tuple(map(Effect._make, effects)),
        complexity=tuple(facts.complexity),
    )
