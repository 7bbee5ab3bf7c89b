"""What could be typed where the cursor is: commands behind `/` with their words and options, mentions behind `@`."""

from __future__ import annotations

import re
import shlex
import time
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from aiex import plugins
from aiex.errors import AiexError
from aiex.tui.commands import ROOM
from aiex.tui.fuzzy import Pool
from aiex.tui.mentions import MOST_SHOWN, find_begun, find_inside, make_finder, name_inside, name_symbols, spell

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from aiex.tui.backstage import Backstage
    from aiex.tui.host import Host
    from aiex.tui.mentions import Finder, Named
    from aiex.wiring import Services

WITHIN_S: Final = 1.0
"""The work answers within so long, or there is nothing to choose from."""
SYMBOLS_FOR_S: Final = 5.0
"""The index is asked again when what it said is older."""


_SHELL_WORD: Final = re.compile(r"""[^\s'"|&;<>()$`=]*\Z""")
_LONGEST_WORD: Final = 400


class Begun(NamedTuple):
    """What is being typed, on the line of the cursor."""

    kind: Literal["command", "mention", "path"]
    start: int
    """Column where it begins, behind a slash and with an `@`."""
    query: str
    words: tuple[str, ...] = ()
    """Of a command: what stands before it."""


class Choice(NamedTuple):
    """Something that can be taken."""

    word: str
    """As it is listed."""
    text: str
    """As it is typed, with the space behind it."""
    help: str = ""


def find_begun_at(line: str, column: int, *, is_first: bool, begins: str, lists_paths: bool = False) -> Begun | None:
    """What is begun where the cursor is; None for plain words.

    Args:
        line: That of the cursor.
        is_first: Whether it is the first of the prompt.
        begins: The first signs of the prompt, which say what it is.
        lists_paths: Whether a word of a shell command is the begin of a path.
    """
    before = line[:column]
    if is_first and re.match(r"/(?!/)", before):
        *words, query = re.split(r"\s+", before[1:])
        return Begun("command", column - len(query), query, tuple(filter(None, words)))
    if begins.startswith("!"):
        word = _SHELL_WORD.search(before[1 if is_first else 0 :][-_LONGEST_WORD:])
        return Begun("path", column - len(word[0]), word[0]) if lists_paths and word else None
    begun = find_begun(line, column)
    return Begun("mention", begun.start, begun.query) if begun else None


class Completer:
    """Finds the choices; for the thread beside the screen.

    Args:
        again: Called when there is more to choose from than was said.
    """

    def __init__(self, host: Host, behind: Backstage, again: Callable[[], object]) -> None:
        self._host = host
        self._backstage = behind
        self._again = again
        self._known: dict[tuple[tuple[str, ...], bool], list[tuple[str, str]]] = {}
        self._finder: Finder | None = None
        self._inside_of, self._inside_s = "", float("-inf")
        self._inside: list[Named] = []
        """What the file defines that was asked about last."""
        self._asked_s = float("-inf")
        self._symbols: Future[list[Named]] | None = None

    def answer(self, begun: Begun) -> list[Choice]:
        """The choices, best first; empty where nothing fits."""
        try:
            match begun.kind:
                case "command":
                    return self._commands(begun)
                case "mention":
                    return self._mentions(begun.query)
                case "path":
                    return self._paths(begun.query)
        except (AiexError, Late, CancelledError):  # the last where the screen ends
            return []

    def warm(self) -> None:
        """Look at the files before somebody asks for one."""
        with suppress(AiexError, Late, CancelledError):
            self._mentions("")

    # --- commands -----------------------------------------------------------------------------------------------------

    def _commands(self, begun: Begun) -> list[Choice]:
        known = self._words(begun.words, begun.query)
        best = Pool([word for word, _ in known]).find(begun.query, max(len(known), 1) if not begun.words else 30)
        return [Choice(known[at][0], f"{known[at][0]} ", known[at][1]) for at in best]

    def _words(self, words: tuple[str, ...], query: str) -> list[tuple[str, str]]:
        if words and words[0] in plugins.names(ROOM):
            choices = plugins.load(ROOM, words[0]).COMMAND.choices
            return list(choices(self._ask, words[1:])) if choices else []
        are_options = query.startswith("-")
        key = words, are_options
        if key not in self._known:
            if not words and not are_options:
                ours = {name: plugins.summary(ROOM, name) for name in plugins.names(ROOM)}
                theirs = {word: said for word, said in self._host.complete((), "") if word not in ours}
                self._known[key] = [*sorted(ours.items()), *sorted(theirs.items())]
            elif words and words[0] not in dict(self._words((), "")):
                self._known[key] = []
            else:
                self._known[key] = self._host.complete(words, "-" if are_options else "")
        return self._known[key]

    def _ask(self, work: Callable[[Services], Any]) -> Any:
        return self._backstage.ask(work).result(WITHIN_S)

    # --- mentions -----------------------------------------------------------------------------------------------------

    @property
    def _files(self) -> Finder:
        if self._finder is None:
            self._finder = self._backstage.ask(make_finder).result(WITHIN_S)
        return self._finder

    def _paths(self, query: str) -> list[Choice]:
        found = (one for one in self._files.find(query, MOST_SHOWN) if one.kind in ("file", "folder"))
        return [
            Choice(one.word, shlex.quote(one.word) + ("" if one.kind == "folder" else " "), _describe(one.kind, ""))
            for one in found
        ]

    def _mentions(self, query: str) -> list[Choice]:
        path, is_inside, symbol = query.partition("::")
        if is_inside:
            found = find_inside(self._symbols_of(path), symbol, MOST_SHOWN)
        else:
            self._ask_for_symbols()
            self._take_symbols(self._files)
            found = self._files.find(query, MOST_SHOWN)
        return [
            Choice(one.word, spell(one.word) + ("" if one.kind == "folder" else " "), _describe(one.kind, one.place))
            for one in found
        ]

    def _symbols_of(self, path: str) -> list[Named]:
        """What a file defines; asked again after a while."""
        now = time.monotonic()
        if self._inside_of != path or now - self._inside_s > SYMBOLS_FOR_S:
            self._inside = self._backstage.ask(lambda services: name_inside(services.engine, path)).result(WITHIN_S)
            self._inside_of, self._inside_s = path, now
        return self._inside

    def _ask_for_symbols(self) -> None:
        now = time.monotonic()
        if self._symbols is None and now - self._asked_s > SYMBOLS_FOR_S:
            self._asked_s = now
            self._symbols = self._backstage.ask(lambda services: name_symbols(services.index))
            self._symbols.add_done_callback(lambda _: self._again())

    def _take_symbols(self, finder: Finder) -> None:
        if self._symbols is None or not self._symbols.done():
            return
        answer, self._symbols = self._symbols, None
        if answer.exception() is None:
            finder.know(answer.result())


def _describe(kind: str, place: str) -> str:
    return f"{kind} {place}" if place else "" if kind == "file" else kind
