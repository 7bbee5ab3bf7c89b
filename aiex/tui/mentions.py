"""Files and symbols that a prompt names with `@`: where they stand in a text, and which there are to choose from."""

from __future__ import annotations

import copy
import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from aiex.errors import AiexError
from aiex.tui.fuzzy import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiex.context.engine import Engine
    from aiex.context.search.index import Index
    from aiex.guard.sandbox.files import Workspace
    from aiex.wiring import Services

MOST_SHOWN: Final = 12
FEWEST_LETTERS: Final = 2
"""Symbols are searched from so many on."""
LISTED_FOR_S: Final = 2.0
"""The files are looked at again when the last look is older."""
_BEFORE: Final = r"(?<![^\s([{<'\"`,;:=])"
_MENTION: Final = re.compile(rf"""{_BEFORE}@(?:"([^"\n]+)"|([^\s"'`,;()\[\]{{}}<>@]+))""")
_BEGUN: Final = re.compile(rf"""{_BEFORE}@("?)([^\s"'`,;()\[\]{{}}<>@]*|(?<=")[^"\n]*)\Z""")
_PLAIN: Final = re.compile(r"""[^\s"'`,;()\[\]{}<>@]+""")


class Begun(NamedTuple):
    """A mention that is being typed."""

    start: int
    """Column of its `@`."""
    query: str


class Found(NamedTuple):
    """Something that can be mentioned."""

    word: str
    """What stands behind the `@`."""
    kind: str
    """`file`, `folder` or what a symbol is."""
    place: str = ""
    """Where a symbol stands, as `path:line`."""


class Named(NamedTuple):
    """A definition as the index knows it."""

    name: str
    kind: str
    path: str
    line: int


def find_begun(line: str, column: int) -> Begun | None:
    """The mention that the cursor is in; `line` may hold anything."""
    found = _BEGUN.search(line[:column][-400:])
    if found is None:
        return None
    return Begun(found.start() + max(0, column - 400), found[2])


def find_mentions(text: str) -> list[str]:
    """What a text mentions, each once, in its order; a full stop or colon behind it belongs to the sentence."""
    words = (found[1] or found[2].rstrip(".:!?") for found in _MENTION.finditer(text))
    return list(dict.fromkeys(word for word in words if word))


def spell(word: str) -> str:
    """How something is mentioned."""
    return f"@{word}" if _PLAIN.fullmatch(word) and word == word.rstrip(".:!?") else f'@"{word}"'


def name_symbols(index: Index) -> list[Named]:
    """The definitions in the index as it is, newest first; empty while there is none.

    Cost: 1 µs for each.
    """
    taken: set[str] = set()
    found: list[Named] = []
    for head in reversed(index.heads()):
        places = [path for path, _ in head.files]
        is_new = [path not in taken for path in places]
        last = ("", -1)
        for owner, start, name, kind in zip(head.owners, head.starts, head.names, head.kinds, strict=False):
            if name and is_new[owner] and (name, owner) != last:  # a long one is in several pieces
                last = (name, owner)
                found.append(Named(name, kind, places[owner], start))
        taken.update(places)
    return found


def where_is(index: Index, name: str) -> list[Named]:
    """The definitions of this name, qualified or not."""
    inner = f".{name}"
    return [one for one in name_symbols(index) if one.name == name or one.name.endswith(inner)]


def name_inside(engine: Engine, path: str) -> list[Named]:
    """The definitions in one file as it is now. Raises AiexError where it cannot be read.

    Cost: that of a parse where the file is not known.
    """
    return [Named(one.qualified, one.kind, path, one.start_line) for one in engine.facts(path).symbols]


def find_inside(symbols: Sequence[Named], query: str, most: int) -> list[Found]:
    """Those of one file that fit best."""
    return [_to_found(symbols[at]) for at in Pool([one.name for one in symbols]).find(query, most)]


def _to_found(one: Named) -> Found:
    return Found(f"{one.path}::{one.name}", one.kind, f"{one.path}:{one.line}")


class Finder:
    """Finds what can be mentioned; for one thread, which is not that of the work.

    Args:
        workspace: Copied, so that the work does not meet us in it.
        ignore: Further ignore patterns.
    """

    def __init__(self, workspace: Workspace, ignore: Sequence[str]) -> None:
        from aiex.context.catalogue import Catalogue

        self._catalogue = Catalogue(copy.copy(workspace), ignore)
        self._looked_s = float("-inf")
        self._paths: list[str] = []
        self._files = Pool(())
        self._symbols: list[Named] = []
        self._names = Pool(())

    def know(self, symbols: list[Named]) -> None:
        """Take in what the index has now."""
        if symbols != self._symbols:
            self._symbols = symbols
            self._names = Pool([one.name for one in symbols])

    def find(self, query: str, most: int = MOST_SHOWN) -> list[Found]:
        """What fits best, files before symbols that fit as well.

        Cost: 20 ms for 3,000 files and 10,000 symbols; the first one lists the files.
        """
        path, lines = _cut_lines(query)
        self._look()
        files = [Found(self._paths[at] + lines, _kind(self._paths[at])) for at in self._files.find(path, most)]
        if lines or len(path) < FEWEST_LETTERS or "/" in path:
            return files
        names = [_to_found(self._symbols[at]) for at in self._names.find(path, most)]
        if _is_word_of(path, names) and not _is_word_of(path, files):
            files, names = names, files
        share = max(most // 2, most - len(names))
        return [*files[:share], *names][:most]

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < LISTED_FOR_S:
            return
        try:
            self._catalogue.refresh()
            paths = sorted(self._list(), key=lambda path: (path.count("/"), path))
        except AiexError:
            paths = []
        self._looked_s = time.monotonic()
        if paths != self._paths:
            self._paths = paths
            self._files = Pool(paths)

    def _list(self) -> Iterator[str]:
        """Every file and folder whose name can be typed."""
        for folder in self._catalogue.walk():
            yield from filter(str.isprintable, (*folder.files, *folder.folders))


def _cut_lines(query: str) -> tuple[str, str]:
    """The path of a query, and the lines behind it."""
    found = re.search(r":\d*(?:-\d*)?\Z", query)
    return (query[: found.start()], found[0]) if found and not query.endswith("::") else (query, "")


def _kind(path: str) -> str:
    return "folder" if path.endswith("/") else "file"


def _is_word_of(query: str, found: list[Found]) -> bool:
    """Whether the best of these has this very name."""
    last = re.split(r"[/.:]", found[0].word)[-1] if found else ""
    first = found[0].word.rpartition("/")[2].partition(".")[0] if found else ""
    return query.lower() in (last.lower(), first.lower())


def make_finder(services: Services) -> Finder:
    """What finds, for the workspace of these services; called in the thread of the work."""
    return Finder(services.workspace, services.settings.get("context.ignore"))
