"""The panel beside the talk: the plan, commands in the background, checks and files of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.style import Style
    from textual.app import ComposeResult

    from aiex.tui.desk import Desk

_ITEMS: Final = {"open": ("○", "text"), "doing": ("●", "accent"), "done": ("✓", "muted")}
_JOBS: Final = {"running": ("●", "accent"), "ended": ("✓", "muted"), "gone": ("·", "muted")}
_CHANGES: Final = {"created": "+", "changed": "~", "deleted": "-"}
_MOST_FILES: Final = 200


class Panel(VerticalScroll, can_focus=False):
    """Shows a `Desk`."""

    def __init__(self, styles: Mapping[str, Style], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles = styles

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="desk")

    def show(self, desk: Desk, styles: Mapping[str, Style] | None = None) -> None:
        """Show what lies on the desk."""
        self._styles = styles or self._styles
        self.query_one("#desk", Static).update(self._draw(desk))

    def _draw(self, desk: Desk) -> Text:
        page = Text()
        if desk.items:
            done = sum(item.state == "done" for item in desk.items)
            self._head(page, f"Plan {done}/{len(desk.items)}")
            for item in desk.items:
                self._row(page, *_ITEMS[item.state], item.text)
        if desk.jobs:
            self._head(page, "In the background")
            for job in desk.jobs.values():
                outcome = (
                    f" ({job.outcome})" if job.outcome else " (ended with its turn)" if job.state == "gone" else ""
                )
                self._row(page, *_JOBS[job.state], f"{job.number}: {job.command}{outcome}")
        if desk.checks:
            self._head(page, "Checks")
            for name, passed in desk.checks.items():
                self._row(page, *(("✓", "good") if passed else ("✗", "error")), name)
        if desk.files:
            self._head(page, f"Files {len(desk.files)}")
            for path, change in list(desk.files.items())[-_MOST_FILES:]:
                self._row(page, _CHANGES.get(change, "~"), "text", path)
        if desk.is_empty:
            page.append("nothing is planned, runs or changed", self._styles["muted"])
        return page

    def _head(self, page: Text, text: str) -> None:
        page.append("\n" if page else "")
        page.append(f"{text}\n", self._styles["heading"])

    def _row(self, page: Text, sign: str, role: str, text: str) -> None:
        page.append(f"{sign} ", self._styles[role])
        page.append(f"{text}\n", self._styles[role])
