"""What a file defines, in file order, and small questions about the places in it."""

import re

from aiex.context.facts import FileFacts, Symbol
from aiex.jobs.briefing.model import Outlined
from aiex.jobs.briefing.purpose import readable

_OPENER = re.compile(
    r"(?:[:{|]|=>|->|\b(?:do|then|else|begin|ensure|rescue|try|loop))\s*(?:(?:#|//|--).*)?$"
    r"|^\s*(?:def|if|unless|elsif|while|until|case|when|for)\b.*(?<![\s(\[{,&+\\])(?<!\band)(?<!\bor)(?<!\bnot)$"
)
"""A line that opens a block: by its end, or by its beginning where it is not wrapped."""
_INDENT = re.compile(r"[ \t]*")


def outline_of(path: str, facts: FileFacts) -> tuple[Outlined, ...]:
    """Every definition with its nesting; repeated names (overloads) stay, because each has its line."""
    depths: list[int] = []
    listed: list[Outlined] = []
    for index, symbol in enumerate(facts.symbols):
        depths.append(depths[symbol.parent] + 1 if 0 <= symbol.parent < index else 0)
        listed.append(outlined(path, symbol, facts.complexity[index], depths[index]))
    return tuple(listed)


def outlined(path: str, symbol: Symbol, complexity: int, depth: int = 0) -> Outlined:
    """One definition as the briefing shows it."""
    return Outlined(
        symbol.name,
        symbol.qualified,
        symbol.kind,
        symbol.signature,
        readable(symbol.doc),
        path,
        symbol.start_line,
        symbol.end_line,
        depth,
        symbol.exported,
        complexity,
    )


def name_at(facts: FileFacts, index: int) -> str:
    """The qualified name of a symbol, empty for the top of the file."""
    return facts.symbols[index].qualified if 0 <= index < len(facts.symbols) else ""


def family_of(facts: FileFacts, index: int) -> set[int]:
    """A symbol and everything inside it."""
    family = {index}
    for other, symbol in enumerate(facts.symbols):
        if symbol.parent in family:
            family.add(other)
    return family


def innermost(facts: FileFacts, line: int) -> int:
    """The smallest symbol that holds a line, -1 when none does."""
    best, size = -1, 0
    for index, symbol in enumerate(facts.symbols):
        length = symbol.end_line - symbol.start_line
        if symbol.start_line <= line <= symbol.end_line and (best < 0 or length <= size):
            best, size = index, length
    return best


def nesting_of(lines: list[str], start_line: int, end_line: int) -> int:
    """How deep blocks stand in each other in a definition: indentation counts where the line before opens a block.

    Wrapped lines and documentation strings do not count.
    """
    open_at: list[int] = []
    deepest, before, quoted = 0, "", False
    for line in lines[start_line - 1 : end_line]:
        inside = quoted
        quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
        if inside or not line.strip():
            continue
        width = len(_indent(line).expandtabs(4))
        while open_at and width < open_at[-1]:
            open_at.pop()
        if not open_at or (width > open_at[-1] and _OPENER.search(before)):
            open_at.append(width)
        deepest = max(deepest, len(open_at) - 1)
        before = line
    return deepest


def _indent(line: str) -> str:
    match = _INDENT.match(line)
    return match.group() if match else ""
