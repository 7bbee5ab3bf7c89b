"""The colours of code, found block by block in a thread, and only of what is seen."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.style import Style

WHOLE_LINES: Final = 600
"""A text of so many lines is read as a whole, so that what began far above counts; a longer one in blocks."""
BLOCK_LINES: Final = 120
MOST_LINE_CHARS: Final = 1_000
"""A block with a longer line has no colours: no expression of a lexer shall run for seconds."""
NO_COLOURS: Final = "bw"
"""The style of Pygments that stands for none."""

Spans = list[tuple[int, int, "Style"]]
"""From, to and how it looks; for one line."""


class Wanted(NamedTuple):
    """A block that is seen and has no colours yet."""

    key: tuple[int, bool, int]
    path: str
    lines: Callable[[], list[str]]


class Colouring:
    """Knows the colours of some texts.

    Args:
        style: A style of Pygments; `NO_COLOURS` for none.
    """

    def __init__(self, style: str) -> None:
        self.style = style
        self._known: dict[tuple[int, bool, int], list[Spans]] = {}
        self._wanted: dict[tuple[int, bool, int], Wanted] = {}

    @property
    def is_settled(self) -> bool:
        """Whether nothing is wanted that is not known."""
        return not self._wanted

    def spans(
        self, file: int, is_new: bool, line: int, *, path: str, count: int, show: Callable[[int], str]
    ) -> Spans | None:
        """The colours of a line; None as long as they are not known, and then they are wanted.

        Args:
            file: Of which text, with `is_new`.
            is_new: The same.
            line: Its index.
            path: Says the language.
            count: How many lines there are.
            show: Gives each of them.
        """
        if self.style == NO_COLOURS:
            return []
        size = WHOLE_LINES if count <= WHOLE_LINES else BLOCK_LINES
        key = (file, is_new, line // size)
        if (known := self._known.get(key)) is not None:
            at = line - key[2] * size
            return known[at] if at < len(known) else []
        if key not in self._wanted:
            lines = range(key[2] * size, min(count, (key[2] + 1) * size))
            self._wanted[key] = Wanted(key, path, lambda: [show(index) for index in lines])
        return None

    def next(self) -> Wanted | None:
        """A block to be coloured."""
        return next(reversed(self._wanted.values()), None)

    def drop(self) -> None:
        """Want nothing any more until it is looked at again."""
        self._wanted.clear()

    def keep(self, wanted: Wanted, found: list[Spans]) -> None:
        """What was found for it."""
        self._known[wanted.key] = found
        self._wanted.pop(wanted.key, None)


def colour(path: str, lines: Sequence[str], style: str) -> list[Spans]:
    """The colours of the lines of a text, where the language is known by the name of the file.

    Cost: 0.5 ms a line of code, and 0.5 s for the first text of all.
    """
    if any(len(line) > MOST_LINE_CHARS for line in lines):
        return []
    lexer = _lexer_of(path.rsplit("/", 1)[-1])
    if lexer is None:
        return []
    found: list[Spans] = [[] for _ in lines]
    row = column = 0
    for token, value in lexer.get_tokens("\n".join(lines)):
        for number, piece in enumerate(value.split("\n")):
            if number:
                row, column = row + 1, 0
            if piece and row < len(found) and (look := _look_of(token, style)) is not None:
                found[row].append((column, column + len(piece), look))
            column += len(piece)
    return found


@lru_cache(64)
def _lexer_of(name: str) -> Any:
    from pygments.lexers import find_lexer_class_for_filename

    found = find_lexer_class_for_filename(name)
    return None if found is None else found(stripnl=False, ensurenl=False)


@lru_cache(1024)
def _look_of(token: Any, style: str) -> Style | None:
    from pygments.styles import get_style_by_name
    from rich.style import Style

    one = get_style_by_name(style).style_for_token(token)
    if not (one["color"] or one["bold"] or one["italic"]):
        return None
    return Style(
        color=f"#{one['color']}" if one["color"] else None, bold=one["bold"] or None, italic=one["italic"] or None
    )
