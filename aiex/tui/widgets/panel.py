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

    from aiex.tui.desk import BackgroundJob, Desk

_ITEMS: Final = {"open": ("○", "text"), "doing": ("●", "accent"), "done": ("✓", "muted")}
_JOBS: Final = {"running": ("●", "accent"), "ended": ("✓", "muted"), "failed": ("✗", "error"), "gone": ("·", "muted")}
_CHANGES: Final = {"created": ("+", "good"), "changed": ("~", "warning"), "deleted": ("-", "error")}
_MOST_FILES: Final = 100


class Panel(VerticalScroll, can_focus=False):
    """Shows a `Desk`."""

    def __init__(self, styles: Mapping[str, Style], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = styles

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="desk")

    def show(self, desk: Desk, styles: Mapping[str, Style] | None = None) -> None:
        """Show what lies on the desk."""
        self._look = styles or self._look
        self.query_one("#desk", Static).update(draw_desk(desk, self._look))


def draw_desk(desk: Desk, look: Mapping[str, Style]) -> Text:
    """What lies on the desk, a line for each thing; signs and not colours alone say how it stands."""
    page = Text()

    def head(text: str) -> None:
        page.append("\n" if page else "")
        page.append(f"{text}\n", look["heading"])

    def row(sign: str, role: str, text: str) -> None:
        page.append(f"{sign} ", look[role])
        page.append(f"{text}\n", look["muted" if role == "muted" else "text"])

    if desk.items:
        head(f"Plan {sum(item.state == 'done' for item in desk.items)}/{len(desk.items)}")
        for item in desk.items:
            row(*_ITEMS[item.state], item.text)
    if desk.jobs:
        head("In the background (/jobs)")
        for job in desk.jobs.values():
            row(*_JOBS[job.state], describe_job(job))
    if desk.checks:
        head("Checks")
        for name, passed in desk.checks.items():
            row(*(("✓", "good") if passed else ("✗", "error")), name if passed else f"{name} FAILED")
    if desk.files:
        head(f"Files {len(desk.files)}")
        for path, change in list(desk.files.items())[-_MOST_FILES:]:
            row(*_CHANGES.get(change, ("~", "warning")), path)
        if (more := len(desk.files) - _MOST_FILES) > 0:
            row("…", "muted", f"{more} more: F4, Ctrl-T")
    if desk.is_empty:
        page.append("nothing is planned, runs or changed", look["muted"])
    return page


def describe_job(job: BackgroundJob) -> str:
    """A command in the background, and what became of it."""
    outcome = job.outcome or ("ended with its turn" if job.state == "gone" else "")
    return f"{job.number}: {job.command}" + (f" ({outcome})" if outcome else "")
