"""What is said of the code that goes with a question or a target, to people and to programs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiex.guard.neutral import printable_path
from aiex.jobs.briefing import words

if TYPE_CHECKING:
    from aiex.context.packing.packed import Pack
    from aiex.context.repomap import Map, MapFile

TITLE = "code of the project"
MAP_TITLE = "map of the project"
MOST_NAMED = 3
"""Files that are named to the person whose wish is sent with them; more are counted."""


def tell_map(made: "Map") -> str:
    """What a map holds and why, in words."""
    return f"{words.count(made.symbol_count, 'definition')} of {words.count(len(made.files), 'file')} that rank next"


def to_map(made: "Map | None") -> dict[str, Any] | None:
    """A map for a program: its tokens, and by file what it names."""
    if made is None:
        return None
    return {"tokens": made.tokens, "definitions": made.symbol_count, "files": [_to_file(file) for file in made.files]}


def _to_file(file: "MapFile") -> dict[str, Any]:
    names = [{"name": symbol.name, "line": None if symbol.is_head else symbol.line} for symbol in file.symbols]
    return {"path": file.path, "definitions": names}


def tell_code(packed: "Pack", subject: str = "the question", shown: Callable[[str], str] = printable_path) -> str:
    """Which files go with the subject, in words.

    Args:
        shown: How a path is written.
    """
    first = [shown(path) for path in packed.files[:MOST_NAMED]]
    more = len(packed.files) - len(first)
    if more:
        first.append(words.count(more, "more file"))
    files = f"{', '.join(first[:-1])} and {first[-1]}" if len(first) > 1 else first[0]
    return f"{subject} goes with code of {files} ({packed.tokens:,} tokens)"


def to_code(packed: "Pack | None") -> list[dict[str, Any]]:
    """The places of what was packed, for a program: path, lines, how much of them, tokens, and why."""
    return [part._asdict() for part in packed.parts] if packed else []
