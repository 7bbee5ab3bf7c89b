"""A map of the repository in few tokens: the most telling definitions of its files, for the end of a pack."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.packing.counting import CountTokens, remembering
from aiex.context.packing.packed import Pack, Ranked
from aiex.context.ranking.lowfiles import is_low
from aiex.context.structure import BODIED
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from aiex.context.ranking.corpus import Corpus

SIGNATURE_CHARS = 100
HIDDEN_SHARE = 0.3
"""What a definition is worth that is not meant to be used from outside, next to one that is."""
LONG_NAME_CHARS = 4
"""Mentions of shorter names count for little: they are other things of the same name."""
LOW_SHARE = 0.3
"""Of the weight of a file, what is left for a test, a document, an example."""
DATA_KINDS = frozenset({"", "section", "key", "table", "element", "rule"})
"""What is no definition of code."""
VALUE_KINDS = frozenset({"constant", "variable", "field", "property"})
"""What tells as little by its name as what is hidden."""
RANK_OFFSET = 6
"""The file at rank r, from 0, weighs offset / (offset + r)."""
MOST_COUNTED = 30_000
"""Names of which it is looked up how often they are written: those that most files import, then those at the top."""
COPY_MENTIONS = 1 << 20
"""Lifts a copy above all that is none, wherever its file ranks."""
MOST_NAMED = 600
"""Definitions of a ranking's files that are looked at: some five times as many as 1,000 tokens hold."""


class MapSymbol(NamedTuple):
    """A definition as the map shows it."""

    name: str
    signature: str
    line: int
    exported: bool
    mentions: int
    """How often the name is used in other files."""
    end_line: int = 0
    """The last line; 0 when it is not known."""
    is_head: bool = False
    """Whether it is known only by what is inside of it, of which the lines are."""


class MapFile(NamedTuple):
    """A file with its definitions; `weight` is 1, or more when it ranks high for the request."""

    path: str
    symbols: Sequence[MapSymbol]
    weight: float = 1.0


class Map(NamedTuple):
    """The definitions that were chosen, as a text for a model or a person."""

    text: str
    tokens: int
    """Of the text, counted."""
    files: tuple[MapFile, ...]
    """In the order of the text, each with what is shown of it."""

    @property
    def symbol_count(self) -> int:
        """How many definitions it holds."""
        return sum(len(file.symbols) for file in self.files)


def name_all(corpus: "Corpus", imports: Iterable[str]) -> list[MapFile]:
    """All files for a map, from an index alone: what it knows by name, without a look at the files.

    Args:
        imports: Those of each file, as the index keeps them.

    Cost: about 10 µs for each definition and import; 5 µs more for each definition with a name of several words and
    part of the index, of which at most `MOST_COUNTED` are counted.
    """
    from aiex.context.search.segment import imported_words

    found = {path: _symbols_of(corpus, path) for path in corpus.paths}
    told = sorted((path for path in corpus.paths if not is_low(path)), key=lambda path: (path.count("/"), path))
    definers = Counter(_base(symbol) for path in told for symbol in found[path] if symbol.exported)
    importers = Counter(word for text in imports for word in set(imported_words(text)))
    mentions = {base: importers[base] // count for base, count in definers.items()}
    mentions.update(_count_written(corpus, sorted(definers, key=mentions.__getitem__, reverse=True), definers))
    return [
        MapFile(path, symbols, LOW_SHARE)
        if is_low(path)
        else MapFile(path, [symbol._replace(mentions=mentions.get(_base(symbol), 0)) for symbol in symbols])
        for path, symbols in found.items()
    ]


def _count_written(corpus: "Corpus", names: Iterable[str], definers: Mapping[str, int]) -> dict[str, int]:
    """How many other pieces of code have each name of several words, shared among all that define it.

    A single word is written where the name is not meant, so these are left out.
    """
    from aiex.context.search.words import spell

    spelled = ((name, spell(name.encode("utf-8", "surrogateescape"))) for name in names)
    terms = dict(islice(((name, terms[0]) for name, terms in spelled if len(terms) > 1), MOST_COUNTED))
    corpus.fetch(terms.values())
    having = {name: sum(len(part.documents) for part in corpus.postings(term)) for name, term in terms.items()}
    return {name: max(count - definers[name], 0) // definers[name] for name, count in having.items()}


def name_ranked(
    corpus: "Corpus", results: Iterable[Ranked], copies: Mapping[tuple[str, int], str] | None = None
) -> list[MapFile]:
    """The files of a ranking for a map, those that come first above others, and what was found itself above the rest.

    Args:
        copies: By path and first line, where the same stands; they come before all, because the code leaves them out.

    Cost: about 10 µs for each definition; after `MOST_NAMED` of them no further file is looked at.
    """
    places: dict[str, set[int]] = {}
    for result in results:
        places.setdefault(result.path, set()).add(result.start_line)
    files: list[MapFile] = []
    left = MOST_NAMED
    for rank, (path, starts) in enumerate(places.items()):
        if left <= 0:
            break
        if path not in corpus.numbers:
            continue
        known = _symbols_of(corpus, path)
        symbols = [
            symbol._replace(
                mentions=COPY_MENTIONS,
                signature=f"{symbol.signature} similar to {printable_path(copies[path, symbol.line])}",
            )
            if copies and (path, symbol.line) in copies and not symbol.is_head
            else symbol._replace(mentions=int(symbol.line in starts))
            for symbol in known
        ]
        weight = RANK_OFFSET / (RANK_OFFSET + rank) * (LOW_SHARE if is_low(path) else 1.0)
        files.append(MapFile(path, symbols, weight))
        left -= len(symbols)
    return files


def _symbols_of(corpus: "Corpus", path: str) -> list[MapSymbol]:
    """What a file defines, in the order of its lines; a class whose members are pieces of their own stands before them.

    A definition that is long has several documents, of which the first counts.
    """
    file = corpus.numbers[path]
    symbols: list[MapSymbol] = []
    places: dict[str, int] = {}
    for number in range(corpus.first_of[file], corpus.last_of[file]):
        name, kind, line, end = corpus.names[number], corpus.kinds[number], corpus.starts[number], corpus.ends[number]
        if kind in DATA_KINDS or name in places:
            continue
        head = name.rpartition(".")[0]
        if head and head not in places:
            places[head] = len(symbols)
            symbols.append(MapSymbol(head, printable_path(head), line, not _is_hidden(head), 0, end, is_head=True))
        if head and symbols[places[head]].is_head:
            symbols[places[head]] = symbols[places[head]]._replace(end_line=end)
        places[name] = len(symbols)
        shown = printable_path(f"{name}()" if kind in BODIED else f"{kind} {name}")
        symbols.append(MapSymbol(name, shown, line, not (kind in VALUE_KINDS or _is_hidden(name)), 0, end))
    return symbols


def _base(symbol: MapSymbol) -> str:
    return symbol.name.rpartition(".")[2]


def _is_hidden(name: str) -> bool:
    return name.startswith("_") or "._" in name


def without_shown(files: Iterable[MapFile], packed: Pack) -> list[MapFile]:
    """Files for the map without the definitions of which a pack shows anything."""
    left: list[MapFile] = []
    for file in files:
        spans = packed.delivered.get(file.path, ())
        symbols = [
            symbol
            for symbol in file.symbols
            if not any(symbol.line <= last and first <= max(symbol.end_line, symbol.line) for first, last in spans)
        ]
        left.append(file._replace(symbols=symbols))
    return left


def make_map(files: Iterable[MapFile], budget_tokens: int, count: CountTokens, *, title: str = "") -> Map:
    """The most telling definitions in at most `budget_tokens`, by file in the order of paths; may be empty.

    A definition tells more the more often other files mention it, when it is exported, and by the weight of its file.

    Args:
        title: Stands above the files, and counts.

    Cost: O(symbols), and some ten counts of texts about as long as the map.
    """
    counts = remembering(count)
    known = list(files)
    rated = [
        (-_worth(symbol, file.weight), file.path, symbol.line, at, number)
        for at, file in enumerate(known)
        for number, symbol in enumerate(file.symbols)
    ]
    best = [(at, number) for *_, at, number in heapq.nsmallest(max(budget_tokens, 0), rated)]
    low, high = 0, len(best)
    guess = max(budget_tokens // 16, 1)
    while low < high:
        middle = min(max(guess, low + 1), high)
        if counts(_render(_choose(known, best[:middle]), title)) <= budget_tokens:
            low, guess = middle, (middle * 2 if high == len(best) else (middle + high + 1) // 2)
        else:
            high, guess = middle - 1, (low + middle) // 2
    chosen = _choose(known, best[:low])
    text = _render(chosen, title)
    return Map(text, counts(text) if text else 0, chosen)


def _worth(symbol: MapSymbol, weight: float) -> float:
    mentions = symbol.mentions if len(symbol.name) >= LONG_NAME_CHARS else min(symbol.mentions, 1)
    return weight * (1.0 + log2(1 + mentions)) * (1.0 if symbol.exported else HIDDEN_SHARE)


def _choose(files: Sequence[MapFile], chosen: Sequence[tuple[int, int]]) -> tuple[MapFile, ...]:
    """Files in the order of their paths, definitions in the order of their lines."""
    by_file: dict[int, list[int]] = {}
    for at, number in chosen:
        by_file.setdefault(at, []).append(number)
    return tuple(
        files[at]._replace(symbols=sorted((files[at].symbols[number] for number in by_file[at]), key=_place))
        for at in sorted(by_file, key=lambda at: files[at].path)
    )


def _place(symbol: MapSymbol) -> tuple[int, bool]:
    return symbol.line, not symbol.is_head


def _render(files: Sequence[MapFile], title: str) -> str:
    rows: list[str] = []
    for file in files:
        rows.append(f"{printable_path(file.path)}:")
        rows += [f"  {_describe(symbol)}" for symbol in file.symbols]
    return "\n".join([title, *rows] if title else rows) + "\n" if rows else ""


def _describe(symbol: MapSymbol) -> str:
    shown = _short(symbol.signature or symbol.name)
    return shown if symbol.is_head else f"{symbol.line} {shown}"


def _short(signature: str) -> str:
    line = " ".join(signature.split())
    return line if len(line) <= SIGNATURE_CHARS else f"{line[: SIGNATURE_CHARS - 1]}…"
