"""Edits of what has a name: a definition is replaced, or something comes before or behind it, found by the parser.

Pure: the bytes of a file and a name become a wish, which is located and applied as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.bytesform import decode
from aiex.agent.edits.splicing import to_text
from aiex.errors import EditError
from aiex.guard.sandbox.paths import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiex.context.facts import Symbol

Beside = Literal["replace", "before", "after"]
MOST_NAMED: Final = 12
MOST_BLANKS: Final = 2


def change_symbol(path: str, data: bytes, name: str, beside: Beside, new: str) -> FileWish:
    """The wish that changes a definition, with its decorators and without the comment above it.

    Args:
        path: For the language, and for words.
        data: The file.
        name: Of the definition: `total`, `Basket.add`.
        beside: Whether `new` takes its place, or comes before or behind it, parted by as many blank lines as stand
            around the definition, or as are usual where none do.
        new: Code with the indentation that it shall have.

    Raises:
        EditError: if there is no such definition, more than one, or it shares a line with other code.
    """
    text = to_text(decode(data, path)[0])
    symbol = find_definition(path, text, name)
    lines = text.split("\n")
    first, last = symbol.start_line - 1, symbol.end_line
    old = "".join(f"{line}\n" for line in lines[first:last])
    _require_own_lines(path, text, symbol, name)
    added = new.strip("\n") + "\n"
    stand = max(_blanks(reversed(lines[:first])), _blanks(lines[last:]))
    usual = MOST_BLANKS if path.endswith((".py", ".pyi")) and lines[first][:1].strip() else 1
    gap = "\n" * min(stand or usual, MOST_BLANKS)
    match beside:
        case "replace":
            wanted = added
        case "before":
            wanted = f"{added}{gap}{old}"
        case "after":
            wanted = f"{old}{gap}{added}"
    return FileWish(path, "change", (Change(old, wanted, line=first + 1),))


def find_definition(path: str, text: str, name: str) -> Symbol:
    """The one definition of a name, as `Class.method` or by its last part alone. Raises EditError."""
    from aiex.context.reading import describe

    _, facts = describe(text.encode("utf-8", "surrogatepass"), path)
    exact = [symbol for symbol in facts.symbols if symbol.qualified == name]
    found = exact or [symbol for symbol in facts.symbols if symbol.name == name]
    if len(found) == 1:
        return found[0]
    shown = show(path)
    if found:
        places = ", ".join(f"{symbol.qualified} at line {symbol.start_line}" for symbol in found[:MOST_NAMED])
        raise EditError(f"{shown} defines {name} {len(found)} times: {places}", hint="use old and new text instead")
    known = ", ".join(dict.fromkeys(symbol.qualified for symbol in facts.symbols[:MOST_NAMED]))
    raise EditError(f"{shown} defines no {name}", hint=f"it defines {known or 'nothing with a name'}")


def _require_own_lines(path: str, text: str, symbol: Symbol, name: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    before = raw[raw.rfind(b"\n", 0, symbol.start_byte) + 1 : symbol.start_byte]
    end = raw.find(b"\n", symbol.end_byte)
    after = raw[symbol.end_byte : end if end >= 0 else len(raw)]
    if before.strip() and not before.strip().isalpha():  # `export` and the like belong to it
        raise EditError(f"{show(path)}: {name} shares its first line with other code", hint="use old and new text")
    if after.strip(b" \t\r;,"):
        raise EditError(f"{show(path)}: {name} shares its last line with other code", hint="use old and new text")


def _blanks(lines: Iterable[str]) -> int:
    """How many blank lines come first; none where nothing else follows."""
    for count, line in enumerate(lines):
        if line.strip():
            return count
    return 0
