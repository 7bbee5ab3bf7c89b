"""Finds where a name is defined or used, and outlines files, by what a parse tells."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.paths import read_action, show
from aiex.agent.looking.windows import MOST_CHARACTERS, cut_around
from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.errors import ToolError
from aiex.guard.sandbox.files import Missing, NotADirectory

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.agent.looking.symbols import Definition, Known
    from aiex.context.facts import Symbol
    from aiex.events import Event

MOST_ROWS: Final = 200
LINE_CHARACTERS: Final = 200
LONGEST_NAME: Final = 200
_JOINTS: Final = re.compile(r"::|#|->|/")


class Symbols:
    """The tool."""

    kind: Kind = "look"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "such as parse or Store.save"},
            "kind": {"type": "string", "enum": ["definition", "references", "outline"]},
            "path": {"type": "string", "description": "the file of an outline"},
        },
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call."""
        name = _JOINTS.sub(".", arguments.get("name", "").strip().removesuffix("()")).strip(".")
        kind = arguments.get("kind") or ("definition" if name else "outline")
        asked = arguments.get("path", "")
        if kind == "outline" and not asked.strip():
            raise ToolError("an outline is of a file", hint='{"kind": "outline", "path": "src/app.py"}')
        if kind != "outline":
            _require_name(name)
        action = read_action(asked or ".", kit)
        path = action.subject

        async def act(_: Going) -> AsyncIterator[Event | Answer]:
            _require_there(kit, path)
            yield Answer(_outline(kit, path) if kind == "outline" else await _answer(kit, name, kind, path))

        return Plan(f"{kind} of {path if kind == 'outline' else name}", act, (action,))


TOOL = Symbols()


def _require_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or " " in name:
        raise ToolError("the name is empty or no name", hint="an identifier such as parse or Store.save; else search")


def _require_there(kit: Kit, path: str) -> None:
    try:
        kit.files.stat(path, follow_links=True)
    except (Missing, NotADirectory) as error:
        from aiex.agent.looking.nearby import suggest

        raise ToolError(f"there is no {show(path)}", hint=suggest(kit.means.workspace, path)) from error


# --- names ------------------------------------------------------------------------------------------------------------


async def _answer(kit: Kit, name: str, kind: str, path: str) -> str:
    from aiex.agent.looking.symbols import look_up

    known = await look_up(kit, name, path)
    rows = [_define(one) for one in known.definitions]
    if kind == "references":
        rows = _refer(kit, known, rows)
    elif not rows:
        rows = _say_nothing(name, known)
    if known.unread:
        rows.append(f"({known.unread:,} more files have the word and were not looked into; give a path)")
    return _bound(rows or [f"{name} stands nowhere in {show(path)}"])


def _define(one: Definition) -> str:
    symbol = one.symbol
    return _plain(f"{show(one.path)}:{symbol.start_line} {_describe(symbol, symbol.qualified)}")


def _describe(symbol: Symbol, name: str) -> str:
    """Kind, name where the signature lacks it, and signature."""
    signature = symbol.signature if len(symbol.signature) <= LINE_CHARACTERS else f"{symbol.signature[:199]}…"
    names = "" if name == symbol.name and symbol.name in signature else f"{name} "
    return f"{symbol.kind} {names}{signature}".rstrip()


def _say_nothing(name: str, known: Known) -> list[str]:
    count = sum(map(len, known.lines.values()))
    if not count:
        return []
    first = ", ".join(f"{show(path)}:{lines[0]}" for path, lines in list(known.lines.items())[:5] if lines)
    return [f"no definition of {name} is known here; the word stands in {len(known.lines):,} files: {first}"]


def _refer(kit: Kit, known: Known, definitions: Sequence[str]) -> list[str]:
    """Definitions, then uses that are sure, then lines with the same word that nothing makes sure of."""
    from aiex.agent.looking.layers import held, name_some
    from aiex.agent.looking.matching import read_lines
    from aiex.agent.looking.symbols import find_uses

    defining = {(one.path, one.symbol.start_line) for one in known.definitions}
    sure = find_uses(kit, known.definitions)
    certain: list[str] = []
    others: list[str] = []
    for path, numbers in known.lines.items():
        lines = read_lines(kit.files, path) if len(certain) + len(others) < 2 * MOST_ROWS else []
        for number in numbers:
            if (path, number) in defining or number > len(lines):
                continue
            text = cut_around(lines[number - 1].decode("utf-8", "replace").strip(), 0, LINE_CHARACTERS)
            (certain if (path, number) in sure else others).append(f"{show(path)}:{number}: {text}")
    rows = [f"defined: {row}" for row in definitions] or ["no definition is known"]
    rows += certain[:MOST_ROWS]
    if others:
        rows += ["not certain, the same word:", *others]
    if unsure := held(kit).keys() & known.lines.keys():
        rows.append(f"({name_some(unsure)}: held in memory, so no use in it, or of what it defines, is certain)")
    return [_plain(row) for row in rows]


# --- outlines ---------------------------------------------------------------------------------------------------------


def _outline(kit: Kit, path: str) -> str:
    """What a file defines, a line each, indented by what it is in."""
    from aiex.agent.looking.symbols import read_facts

    if kit.files.stat(path, follow_links=True).kind == "dir":
        raise ToolError(f"{show(path)} is a directory", hint="list shows its files; context gathers code of several")
    kit.files.read(path, limit_bytes=1 << 26)  # what may not be read is refused with its rule
    facts = read_facts(kit, path)
    if facts is None or not facts.symbols:
        why = f": {facts.note}" if facts is not None and facts.note else ""
        return f"{show(path)} has no definitions that are known{why}; read it, or search in it"
    depths: list[int] = []
    rows: list[str] = []
    for symbol in facts.symbols:
        depths.append(depths[symbol.parent] + 1 if 0 <= symbol.parent < len(depths) else 0)
        span = f"{symbol.start_line}-{symbol.end_line}"
        rows.append(_plain(f"{'  ' * depths[-1]}{span} {_describe(symbol, symbol.name)}"))
    note = [f"({facts.note})"] if facts.note else []
    return _bound([f"{show(path)}, {facts.line_count:,} lines of {facts.language}", *rows, *note], most=2 * MOST_ROWS)


def _plain(row: str) -> str:
    """One line that can be sent anywhere."""
    return row.encode("utf-8", "replace").decode("utf-8").replace("\n", " ").replace("\0", "\u2400")


def _bound(rows: Sequence[str], most: int = MOST_ROWS + 2) -> str:
    kept: list[str] = []
    left = MOST_CHARACTERS
    for row in rows[:most]:
        left -= len(row) + 1
        if left < 0:
            break
        kept.append(row)
    if len(kept) < len(rows):
        kept.append(f"... {len(rows) - len(kept):,} more; give a path, or a name with what it is in")
    return "\n".join(kept)
