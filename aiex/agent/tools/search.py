"""Searches files for lines that match a pattern."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.looking.globs import Matches, compile_glob
from aiex.agent.looking.paths import read_action, show
from aiex.agent.looking.patterns import Pattern, read_pattern
from aiex.agent.looking.windows import MOST_CHARACTERS, cut_around
from aiex.agent.tools import Answer, Going, Kind, Plan
from aiex.context.catalogue import MOST_TEXT_BYTES
from aiex.errors import ToolError
from aiex.guard.sandbox.files import Missing, NotADirectory
from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.kit import Kit
    from aiex.agent.looking.matching import Hits
    from aiex.agent.looking.walking import Ground
    from aiex.events import Event

LINES: Final = 100
MOST_LINES: Final = 500
MOST_CONTEXT: Final = 20
MOST_FILES: Final = 200_000
LINE_CHARACTERS: Final = 300


class Search:
    """The tool."""

    kind: Kind = "look"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "pattern": {"type": "string"},
            "path": {"type": "string"},
            "glob": {"type": "string"},
            "literal": {"type": "boolean"},
            "context": {"type": "integer", "description": "lines around each"},
            "max": {"type": "integer", "description": f"{LINES} unless told"},
        },
        "required": ["pattern"],
        "additionalProperties": False,
    }

    def plan(self, arguments: Mapping[str, Any], kit: Kit) -> Plan:
        """Understand a call."""
        glob = arguments.get("glob", "").strip()
        for name, least in (("context", 0), ("max", 1)):
            if arguments.get(name, least) < least:
                raise ToolError(f"{name} is {arguments[name]}; it has to be at least {least}")
        pattern = read_pattern(arguments["pattern"], literal=arguments.get("literal", False))
        action = read_action(arguments.get("path") or ".", kit)
        wanted = _Wanted(
            pattern,
            action.subject,
            compile_glob(glob) if glob else None,
            min(arguments.get("context", 0), MOST_CONTEXT),
            min(arguments.get("max", LINES), MOST_LINES),
        )

        async def act(_: Going) -> AsyncIterator[Event | Answer]:
            yield await _answer(kit, wanted)

        title = f"search {arguments['pattern']!r} in {action.subject}{f' {glob}' if glob else ''}"
        return Plan(title, act, (action,))


TOOL = Search()


@record
class _Wanted:
    pattern: Pattern
    path: str
    matches: Matches | None
    context: int
    most: int


async def _answer(kit: Kit, wanted: _Wanted) -> Answer:
    from aiex.agent.looking.finding import begin, find

    begun = None if wanted.matches else begin(kit, wanted.pattern, wanted.path)
    ground = _list_files(kit, wanted)
    hits = await find(kit, wanted.pattern, ground.paths, wanted.most, None if wanted.matches else ground, begun)
    text = _show(kit, hits, wanted)
    if not ground.is_all:
        text += f"\n(only the first {MOST_FILES:,} files were searched)"
    if not hits:
        count = len(ground.paths)
        text = f"no line matches in {count:,} {'file' if count == 1 else 'files'} of {show(wanted.path)}"
    return Answer(text)


# --- which files ------------------------------------------------------------------------------------------------------


def _list_files(kit: Kit, wanted: _Wanted) -> Ground:
    """The files to be searched."""
    from aiex.agent.looking.walking import Ground, list_files

    path = wanted.path
    try:
        kind = kit.files.stat(path, follow_links=True).kind
    except (Missing, NotADirectory) as error:
        from aiex.agent.looking.nearby import suggest

        raise ToolError(f"there is no {show(path)}", hint=suggest(kit.means.workspace, path)) from error
    if kind == "file":
        kit.files.read(path, limit_bytes=MOST_TEXT_BYTES)  # what may not be read is refused with its rule
        return Ground(path, [path], True, ())
    ground, matches = list_files(kit, path, MOST_FILES), wanted.matches
    if matches is None:
        return ground
    top = 0 if path == "." else len(path) + 1
    return ground._replace(paths=[one for one in ground.paths if matches(one) or matches(one[top:])])


# --- what is shown ----------------------------------------------------------------------------------------------------


def _show(kit: Kit, hits: Sequence[Hits], wanted: _Wanted) -> str:
    """The first lines by file, and a last line with all counts."""
    shown: list[str] = []
    left, count = MOST_CHARACTERS, 0
    for one in hits:
        if count >= wanted.most or left <= 0:
            break
        block, lines = _show_file(kit, one, wanted, min(wanted.most - count, len(one.places)), left)
        count += lines
        left -= len(block) + 2
        shown.append(block)
    total, files = sum(one.line_count for one in hits), len(hits)
    where = f"{total:,} {'line' if total == 1 else 'lines'} in {files:,} {'file' if files == 1 else 'files'}"
    if count < total:
        where = f"the first {count:,} of {where}; narrow the pattern, path or glob"
    return "\n\n".join([*shown, f"({where})"])


def _show_file(kit: Kit, hits: Hits, wanted: _Wanted, most: int, left: int) -> tuple[str, int]:
    """The lines of one file under its path, within so many characters; and how many of them match."""
    from aiex.agent.looking.matching import read_lines

    places = hits.places[:most]
    needed = places[-1][0] + wanted.context if places else 0
    lines = read_lines(kit.files, hits.path, needed)[:needed]
    rows = [show(hits.path)]
    left -= len(rows[0]) + 1
    count, last = 0, 0
    for line, at in _with_context(places, wanted.context):
        if line > len(lines):
            continue
        row = _show_line(lines[line - 1], line, at)
        left -= len(row) + 1
        if left < 0:
            break
        if wanted.context and last and line > last + 1:
            rows.append("--")
        rows.append(row)
        last = line
        count += at >= 0
    return "\n".join(rows), count


def _with_context(places: Sequence[tuple[int, int]], around: int) -> Iterator[tuple[int, int]]:
    """The places with the lines around them, each line once: where a match begins, in bytes; -1 for a line around."""
    if not around:
        yield from places
        return
    begins = dict(places)
    last = 0
    for line, _ in places:
        for near in range(max(line - around, last + 1), line + around + 1):
            if near > line and near in begins:
                break
            yield near, begins.get(near, -1)
            last = near


def _show_line(line: bytes, number: int, at: int) -> str:
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    place = len(line[:at].decode("utf-8", "replace")) if at > 0 else 0
    return f"{number}{':' if at >= 0 else '-'} {cut_around(text, place, LINE_CHARACTERS)}".replace("\0", "\u2400")
