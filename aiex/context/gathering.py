"""The code of the workspace that goes with a wish, found by the index and packed into a number of tokens."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aiex.errors import AiexError
from aiex.events import Progressed, Warned

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts
    from aiex.context.packing.packed import Dropped, Pack, Ranked
    from aiex.context.packing.source import Source
    from aiex.context.ranking.rank import Result
    from aiex.context.repomap import Map, MapFile
    from aiex.context.retrieval import Place, Retrieval
    from aiex.context.search.index import Progress
    from aiex.guard.sandbox.files import Workspace

Found = TypeVar("Found")
SIMILAR = "similar to"
"""Begins the reason why a copy is left out."""
MAP_HEAD = "More of the project that may matter and is not shown, by file, with the lines where it is defined:"
MAP_SHARE = 10
"""A map takes at most this part of the room of what is gathered."""
MAP_TOKENS = 1_000
"""And at most so many; they name about 130 definitions."""
RESERVED_TOKENS = 800
"""From so many on, room is kept for the map; where less is its share, the tokens are worth more as code. Of the symbols
that a change needs, a tenth less of the room costs 2.4 % at 4,000 tokens, 1.0 % at 6,000, 0.4 % at 8,000, and 0.1 % at
12,000. Source: benchmarks/packing.py, 199 cases."""
FEWEST_MAP_TOKENS = 50
"""With less room no map is made: its head takes half of them."""
FEWEST_TOKENS = 200
"""With less room nothing is packed."""


class Gathered(NamedTuple):
    """What was found, best first, and how files are read."""

    results: "Sequence[Ranked]"
    read: "Callable[[str], Source | None]"
    name: "Callable[[], Sequence[MapFile]] | None" = None
    """Gives the definitions of the files that were found, for a map; without it none is made."""
    copies: "Mapping[Place, str]" = MappingProxyType({})
    """Of results that hardly differ from a better one: which one, in words. They are packed last."""


class Sent(NamedTuple):
    """What goes along of what was gathered."""

    code: "Pack"
    map: "Map | None"


def gather(text: str, retrieval: "Retrieval") -> Iterator[Progressed | Warned | Gathered]:
    """Look for what a text needs, in an index that is up to date or, where much is to be read, in a first map; the last
    item is what was found.
    """
    results = yield from tell_indexing(retrieval.find(text))
    yield from retrieval.index.warnings
    if retrieval.partial:
        yield Warned("the code was found by a first map, not by the full index", "aiex create index makes that")
    copies = retrieval.find_copies(results)
    if retrieval.meaning is not None:
        yield from retrieval.meaning.warnings
        retrieval.meaning.warnings.clear()
    name = cache(lambda: retrieval.name_files(results, copies))
    told = {place: f"{SIMILAR} {of.path}:{of.start_line}" for place, of in copies.items()}
    yield Gathered(put_last(results, told), reading(retrieval.index.workspace), name, told)


def put_last(results: "Sequence[Result]", copies: "Mapping[Place, str]") -> "Sequence[Result]":
    """The copies behind all others, as they bring nothing new, each with the reason."""
    from aiex.context.retrieval import place_of

    if not copies:
        return results
    first = [result for result in results if place_of(result) not in copies]
    last = [result for result in results if place_of(result) in copies]
    return first + [result._replace(why=(*result.why, copies[place_of(result)])) for result in last]


def reading(
    workspace: "Workspace",
    shown: Callable[[str], str] = str,
    facts_of: "Callable[[str], FileFacts | None] | None" = None,
) -> "Callable[[str], Source | None]":
    """Gives files with their symbols and without secrets, lines at their numbers; None for one that cannot be read.

    Args:
        shown: How a path is written above the code.
        facts_of: Gives facts that are known already; without it every file is parsed.
    """

    def read(path: str) -> "Source | None":
        from aiex.context.extract import extract
        from aiex.context.facts import PARSE_LIMIT_BYTES
        from aiex.context.packing.source import Source
        from aiex.context.reading import recognise
        from aiex.guard.redact import redact_source

        try:
            content = redact_source(workspace.read(path, limit_bytes=PARSE_LIMIT_BYTES))
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
    if gathered.copies:
        packed = packed._replace(dropped=tuple(_with_reason(one, gathered.copies) for one in packed.dropped))
    return packed if packed.parts else None


def _with_reason(one: "Dropped", copies: "Mapping[Place, str]") -> "Dropped":
    """What was left out, with what it is a copy of; a long one may be left out in parts."""
    around = (
        said
        for (path, first, last), said in copies.items()
        if path == one.path and first <= one.start_line and one.end_line <= last
    )
    return one._replace(reason=next(around, one.reason))


def pack_with_map(
    gathered: Gathered, room_tokens: int, count: Callable[[str], int], *, overhead_tokens: int = 0
) -> Sent | None:
    """The same with a map of what the code leaves out, both together within the room; None when no code fits.

    Args:
        overhead_tokens: What the map takes beside its text.
    """
    share = min(room_tokens // MAP_SHARE, MAP_TOKENS) if gathered.name is not None else 0
    is_kept = share >= RESERVED_TOKENS and any(file.symbols for file in _name(gathered))
    packed = pack_gathered(gathered, room_tokens - (share + overhead_tokens if is_kept else 0), count)
    if packed is None:
        return None
    most = min(share, room_tokens - packed.tokens - overhead_tokens)
    return Sent(packed, _map_rest(gathered, packed, most, count) if most >= FEWEST_MAP_TOKENS else None)


def _name(gathered: Gathered) -> "Sequence[MapFile]":
    return gathered.name() if gathered.name is not None else ()


def _map_rest(gathered: Gathered, packed: "Pack", most: int, count: Callable[[str], int]) -> "Map | None":
    """A map of what the pack shows nothing of; None when all is shown."""
    from aiex.context.repomap import make_map, without_shown

    made = make_map(without_shown(_name(gathered), packed), most, count, title=MAP_HEAD)
    return made if made.files else None


def tell_indexing(steps: "Generator[Progress, None, Found]") -> Generator[Progressed, None, Found]:
    """How far an indexing has come, and in the end what it gives."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Found = end.value
            return result
        yield Progressed("indexing", step.done, step.total)
