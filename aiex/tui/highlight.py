"""Colours of code. What is short and of a known language is coloured at once; the rest is, by a thread, a little later.

Pygments takes a tenth of a second to load and a language some more, so that never happens where a key may wait.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.style import Style

    from aiex.tui.wrap import Styled

AT_ONCE_CHARS: Final = 1_500
"""So much takes about a frame's tenth: 2 ms."""
KEPT_CHARS: Final = 200_000
"""Of coloured code so much is kept; each character costs about 20 bytes."""
LINES_KEPT: Final = 500
"""Single lines of code that still comes."""

_lexers: dict[str, Any] = {}
"""Name of a language → its lexer, warm; None for a language that nobody knows."""

Lines = list[list["Styled"]]


def warm(language: str) -> None:
    """Load what colours a language; until then `Highlighter` shows code of it without colours at first."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    name = language.lower()
    if name in _lexers:
        return
    try:
        lexer = get_lexer_by_name(name, ensurenl=False, stripnl=False)
        list(lexer.get_tokens("a = 1\n"))
    except ClassNotFound:
        lexer = None
    _lexers[name] = lexer


class Highlighter:
    """Colours code in one style of Pygments.

    Args:
        syntax: The name of that style.
        plain: The style of code without colours.
    """

    def __init__(self, syntax: str, plain: Style) -> None:
        self._syntax = syntax
        self._plain = plain
        self.ready: Callable[[], object] | None = None
        """Called, in the thread, when code is coloured that was not at first."""
        self.count = 0
        """How often code was coloured later: whoever drew it before then may draw it again."""
        self._theme: Any = None
        self._styles: dict[Any, Style] = {}
        self._kept: OrderedDict[tuple[str, str], Lines] = OrderedDict()
        self._kept_chars = 0
        self._line_cache: OrderedDict[tuple[str, str], list[Styled]] = OrderedDict()
        self._wanted: deque[tuple[str, str]] = deque()
        self._is_working = False
        self._lock = Lock()

    def lines(self, code: str, language: str) -> tuple[Lines, bool]:
        """Closed code by its lines, and whether its colours are there already."""
        name = language.lower()
        if not name or _lexers.get(name, self) is None:
            return self._bare(code), True
        with self._lock:
            found = self._kept.get((name, code))
            if found is not None:
                self._kept.move_to_end((name, code))
                return found, True
        if name in _lexers and len(code) <= AT_ONCE_CHARS:
            return self._color(name, code), True
        self._want(name, code)
        return self._bare(code), False

    def line(self, line: str, language: str) -> list[Styled]:
        """One line of code that still comes, as if it stood alone."""
        name = language.lower()
        if not line or not name or len(line) > AT_ONCE_CHARS:
            return [(line, self._plain)]
        if name not in _lexers:
            self._want(name, "")
            return [(line, self._plain)]
        if _lexers[name] is None:
            return [(line, self._plain)]
        found = self._line_cache.get((name, line))
        if found is None:
            found = self._line_cache[name, line] = self._split(name, line)[0]
            if len(self._line_cache) > LINES_KEPT:
                self._line_cache.popitem(last=False)
        return found

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for its colours."""
        with self._lock:
            return not self._is_working

    def _bare(self, code: str) -> Lines:
        return [[(line, self._plain)] for line in code.split("\n")]

    def _want(self, name: str, code: str) -> None:
        with self._lock:
            if (name, code) in self._wanted:
                return
            self._wanted.append((name, code))
            if self._is_working:
                return
            self._is_working = True
        Thread(target=self._work, name="aiex-colors", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._is_working = False
                    return
                name, code = self._wanted[0]
            try:
                warm(name)
                if code and _lexers[name] is not None:
                    self._color(name, code)
            except Exception:  # noqa: BLE001  (lexers of others: what they fail at stays without colours)
                _lexers[name] = None
            with self._lock:
                self._wanted.popleft()
                self.count += 1
            if self.ready is not None:
                self.ready()

    def _color(self, name: str, code: str) -> Lines:
        lines = self._split(name, code)
        with self._lock:
            self._kept[name, code] = lines
            self._kept_chars += len(code)
            while self._kept_chars > KEPT_CHARS and len(self._kept) > 1:
                (_, oldest), _ = self._kept.popitem(last=False)
                self._kept_chars -= len(oldest)
        return lines

    def _split(self, name: str, code: str) -> Lines:
        lines: Lines = [[]]
        tokens: Iterable[tuple[Any, str]] = _lexers[name].get_tokens(code)
        for token, text in tokens:
            style = self._styles.get(token) or self._style(token)
            first, *more = text.split("\n")
            if first:
                lines[-1].append((first, style))
            for part in more:
                lines.append([(part, style)] if part else [])
        wanted = code.count("\n") + 1
        return lines[:wanted] + [[] for _ in range(wanted - len(lines))]

    def _style(self, token: Any) -> Style:
        from rich.style import Style
        from rich.syntax import Syntax

        if self._theme is None:
            self._theme = Syntax.get_theme(self._syntax)
        style: Style = self._theme.get_style_for_token(token)
        made = self._styles[token] = Style(
            color=style.color, bold=style.bold, italic=style.italic, underline=style.underline
        )
        return made
