"""The line in which the reader says what to look for in the talk, with how often it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from aiex.tui.widgets.transcript import Transcript

SLICE_S = 0.005
"""Between two slices of a long search, so that keys are heard."""


class Search(Horizontal):
    """Looks while it is typed; Enter goes to the matches, Escape leaves."""

    DEFAULT_CSS = """
    Search { height: 1; padding: 0 1; background: $surface; }
    Search Input { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
    Search Input:focus { border: none; }
    Search Static { width: auto; height: 1; }
    Search #search-sign { color: $accent; }
    Search #search-count { color: $foreground-muted; padding: 0 0 0 1; }
    """
    BINDINGS = [  # noqa: RUF012  (Textual reads it from the class)
        Binding("escape", "close", "leave the search"),
        Binding("down", "match(1)", "next match", show=False),
        Binding("up", "match(-1)", "match before", show=False),
    ]

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(id="search")
        self._transcript = transcript

    def compose(self) -> ComposeResult:
        """A slash, the words, and how often they are found."""
        yield Static("/", id="search-sign", markup=False)
        yield Input(self._transcript.finding.query, select_on_focus=True, compact=True, id="search-words")
        yield Static("", id="search-count", markup=False)

    def on_mount(self) -> None:
        """Type at once."""
        self._transcript.finish_past()
        self.query_one(Input).focus()
        self.say()
        self._go_on(self._transcript.finding.query)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for what stands there now."""
        event.stop()
        self._transcript.finding.look_for(event.value)
        self._transcript.found()
        self._go_on(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the last match, and leave the keys to the talk: n and N go on."""
        event.stop()
        self._transcript.focus()
        self.action_match(-1)

    def action_match(self, step: int) -> None:
        """Go to another match."""
        self._transcript.action_match(step)

    def action_close(self) -> None:
        """Leave the search."""
        self._transcript.close_search()

    def say(self) -> None:
        """Show how often it was found."""
        finding = self._transcript.finding
        count = len(finding.matches)
        if not finding.query:
            words = "Esc leaves"
        elif not count:
            words = "not found" if finding.is_done else "…"
        else:
            place = "" if finding.at is None else f"{finding.at + 1:,} of "
            words = f"{place}{count:,}{'' if finding.is_done else '…'}  n N"
        self.query_one("#search-count", Static).update(words)

    def _go_on(self, query: str) -> None:
        finding = self._transcript.finding
        if not self.is_attached or finding.query != query:
            return
        finding.go_on()
        self.say()
        if not finding.is_done:
            self.set_timer(SLICE_S, lambda: self._go_on(query))


def open_search(transcript: Transcript) -> None:
    """Show the line below the talk, or type in it again."""
    found = transcript.screen.query(Search)
    if found:
        found.first().query_one(Input).focus()
    else:
        transcript.screen.mount(Search(transcript), before=transcript.screen.query_one("#prompt"))
