"""The list over the prompt: what can be taken there, each with its line of help, the chosen one marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.style import Style
    from textual import events

    from aiex.tui.completing import Choice

MOST_ROWS: Final = 8
_MARK, _NO_MARK = "▸ ", "  "


class Completion(Widget):
    """Shows choices, never takes the focus; whoever owns it moves the mark.

    Args:
        take: Gets the one that is clicked.
    """

    def __init__(self, styles: Mapping[str, Style], take: Callable[[Choice], object]) -> None:
        super().__init__(id="completion")
        self._take = take
        self.display = False
        self._styles = styles
        self._choices: Sequence[Choice] = ()
        self._at = self._first = 0
        self._most_rows = MOST_ROWS

    @property
    def chosen(self) -> Choice | None:
        """The choice that is marked; None while the list is closed."""
        return self._choices[self._at] if self.display else None

    def show(self, choices: Sequence[Choice], styles: Mapping[str, Style], *, above: int, most_rows: int) -> None:
        """Open it with these, or close it where there are none.

        Args:
            above: Lines below it that stay free.
            most_rows: As many fit.
        """
        self._styles = styles
        keeps = self.chosen if self.display else None
        self._choices = choices
        self._at = choices.index(keeps) if keeps in choices and self._at else 0
        self._most_rows = max(1, min(MOST_ROWS, most_rows))
        self._follow()
        self.display = bool(choices)
        if choices:
            self.styles.height = min(len(choices), self._most_rows)
            self.styles.margin = (0, 1, above, 1)
            self.refresh()

    def close(self) -> None:
        """Take it away."""
        self.display = False

    def move(self, by: int) -> None:
        """Mark another one; behind the last comes the first."""
        if self._choices:
            self._at = (self._at + by) % len(self._choices)
            self._follow()
            self.refresh()

    def _follow(self) -> None:
        lowest = max(0, self._at - self._most_rows + 1)
        self._first = max(lowest, min(self._first, self._at))

    def on_click(self, event: events.Click) -> None:
        """Take what is under the mouse."""
        at = self._first + event.y
        if at < len(self._choices):
            self._take(self._choices[at])

    def render(self) -> Text:
        """A line for each."""
        rows = self._choices[self._first : self._first + self._most_rows]
        width = max(self.size.width - 1, 1)
        names = [printable_path(row.word) for row in rows]
        broad = max(map(cell_len, names), default=0)
        lines = Text(no_wrap=True, overflow="ellipsis", end="")
        for number, (row, name) in enumerate(zip(rows, names, strict=True)):
            is_chosen = self._first + number == self._at
            line = Text(_MARK if is_chosen else _NO_MARK, style=self._styles["found" if is_chosen else "text"])
            line.append(_cut(name, width - 2))
            room = width - 2 - broad - 2
            if row.help and room > 8:
                line.append(" " * (broad - cell_len(name) + 2))
                line.append(_cut(printable_path(row.help), room), self._styles["found" if is_chosen else "muted"])
            line.append("" if number == len(rows) - 1 else "\n")
            lines.append_text(line)
        return lines


def _cut(text: str, cells: int) -> str:
    """The text, its end kept where it is a path that does not fit."""
    if len(text) <= cells:
        return text
    return f"…{text[len(text) - cells + 1 :]}" if "/" in text else f"{text[: max(cells - 1, 0)]}…"
