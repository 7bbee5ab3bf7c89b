"""The code of the workspace that goes with a question or a target, packed into a number of tokens."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.errors import AiexError
from aiex.events import Progressed, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.relaying import tell_indexing

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts
    from aiex.context.packing.packed import Pack, Ranked
    from aiex.context.packing.source import Source
    from aiex.context.retrieval import Retrieval
    from aiex.guard.sandbox.files import Workspace

TITLE = "code of the project"
FEWEST_TOKENS = 200
"""With less room nothing is packed."""
MOST_NAMED = 3
"""Files that are named to the person whose wish is sent with them; more are counted."""


class Gathered(NamedTuple):
    """What was found, best first, and how files are read."""

    results: "Sequence[Ranked]"
    read: "Callable[[str], Source | None]"


def gather(text: str, retrieval: "Retrieval") -> Iterator[Progressed | Warned | Gathered]:
    """Look for what a text needs, in an index that is up to date or, where much is to be read, in a first map; the last
    item is what was found.
    """
    results = yield from tell_indexing(retrieval.find(text))
    yield from retrieval.index.warnings
    if retrieval.partial:
        yield Warned("the code was found by a first map, not by the full index", "aiex create index makes that")
    yield Gathered(results, reading(retrieval.index.workspace))


def reading(
    workspace: "Workspace",
    shown: Callable[[str], str] = str,
    facts_of: "Callable[[str], FileFacts | None] | None" = None,
) -> "Callable[[str], Source | None]":
    """Gives files with their symbols; None for one that cannot be read any more.

    Args:
        shown: How a path is written above the code.
        facts_of: Gives facts that are known already; without it every file is parsed.
    """

    def read(path: str) -> "Source | None":
        from aiex.context.extract import extract
        from aiex.context.facts import PARSE_LIMIT_BYTES
        from aiex.context.packing.source import Source
        from aiex.context.reading import recognise

        try:
            content = workspace.read(path, limit_bytes=PARSE_LIMIT_BYTES)
        except AiexError:
            return None
        language, note = recognise(content, path)
        if note:
            return None
        facts = facts_of(path) if facts_of else extract(content, language, uses=False)
        return Source(shown(path), content.decode("utf-8", "replace"), facts)

    return read


def pack_gathered(gathered: Gathered, room_tokens: int, count: Callable[[str], int]) -> "Pack | None":
    """As much of what was found as fits; None when nothing does."""
    if room_tokens < FEWEST_TOKENS or not gathered.results:
        return None
    from aiex.context.packing.pack import pack

    packed = pack(gathered.results, room_tokens, count, gathered.read, numbered=True)
    return packed if packed.parts else None


def tell_code(packed: "Pack", subject: str = "the question", shown: Callable[[str], str] = printable_path) -> str:
    """Which files go with the subject, in words.

    Args:
        shown: How a path is written.
    """
    first = [shown(path) for path in packed.files[:MOST_NAMED]]
    more = len(packed.files) - len(first)
    if more:
        first.append(f"{more} more file{'' if more == 1 else 's'}")
    files = f"{', '.join(first[:-1])} and {first[-1]}" if len(first) > 1 else first[0]
    return f"{subject} goes with code of {files} ({packed.tokens:,} tokens)"


def to_code(packed: "Pack | None") -> list[dict[str, Any]]:
    """The places of what was packed, for a program: path, lines, how much of them, tokens, and why."""
    return [part._asdict() for part in packed.parts] if packed else []
